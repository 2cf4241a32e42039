"""Paginated subscriptions against a real server: live, adjoined, over connections that break."""

from __future__ import annotations

import anyio
import pytest

from confect_client import AsyncClient, ClientClosed, LocalStore, PagedSubscription
from tests.client.shelf import Book, NotThere, Refs, a_shelf
from tests.wire import wire_to


async def fill(client: AsyncClient, titles: str) -> None:
    for title in titles:
        await client.mutation(Refs.add, title=title)


def titles(pages: PagedSubscription[Book]) -> str:
    return "".join(book.title for book in pages.results)


async def shown(pages: PagedSubscription[Book], expected: str) -> None:
    """Wait until these titles are shown, or for ever."""
    async for state in pages:
        if "".join(book.title for book in state.results) == expected:
            return


async def test_pages_are_loaded_when_asked_for() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        await fill(client, "abcde")
        async with client.subscribe_pages(Refs.page, 2) as pages:
            assert pages.status == "loading first page"
            assert not pages.load_more(2)
            await pages.wait_loaded()
            assert (titles(pages), pages.status) == ("ab", "can load more")
            assert pages.load_more(2)
            assert (titles(pages), pages.status) == ("ab", "loading more")
            assert (await pages.wait_loaded()).status == "can load more"
            assert pages.load_more(2)
            await pages.wait_loaded()
            assert (titles(pages), pages.status) == ("abcde", "exhausted")
            assert not pages.load_more(2)


async def test_rows_come_and_go_at_the_borders_of_pages() -> None:
    async with a_shelf() as url, AsyncClient(url) as client, AsyncClient(url) as other:
        await fill(client, "bdfh")
        async with client.subscribe_pages(Refs.page, 2) as pages:
            await pages.wait_loaded()
            assert titles(pages) == "bd"
            pages.load_more(5)
            await fill(other, "ceai")
            await shown(pages, "abcdefhi")
            assert pages.status == "exhausted"
            await client.mutation(Refs.remove, title="d")
            await shown(pages, "abcefhi")
            await client.mutation(Refs.add, title="d")
            # what a mutation did is shown before it is answered
            assert titles(pages) == "abcdefhi"


async def test_a_page_that_grows_is_split_and_shown_whole_all_the_time() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        await fill(client, "az")
        async with client.subscribe_pages(Refs.page, 2) as pages:
            await pages.wait_loaded()
            known = "az"
            for title in "bcdefghij":
                await client.mutation(Refs.add, title=title)
                known = "".join(sorted(known + title))
                assert titles(pages) == known
            assert (await pages.wait_loaded()).status == "can load more"
            pages.load_more(1)
            assert (await pages.wait_loaded()).status == "exhausted"
            assert titles(pages) == known


async def test_two_subscriptions_to_the_same_pages_have_ends_of_their_own() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        await fill(client, "ac")
        async with client.subscribe_pages(Refs.page, 2) as pages:
            await pages.wait_loaded()
            await fill(client, "b")
            async with client.subscribe_pages(Refs.page, 2) as later:
                await later.wait_loaded()
                assert (titles(pages), titles(later)) == ("abc", "ab")


async def test_pages_adjoin_over_connections() -> None:
    async with (
        a_shelf() as url,
        wire_to(int(url.rsplit(":", 1)[1])) as wire,
        AsyncClient(wire.url) as client,
        AsyncClient(url) as other,
    ):
        await fill(other, "bdfh")
        async with client.subscribe_pages(Refs.page, 2) as pages:
            await pages.wait_loaded()
            pages.load_more(1)
            await pages.wait_loaded()
            assert (titles(pages), pages.status) == ("bdf", "can load more")
            wire.lose_answers()
            await fill(other, "ace")
            wire.cut()
            await shown(pages, "abcdef")
            assert pages.status == "can load more"


async def test_pages_are_those_of_another_database_once_there_is_one() -> None:
    async with a_shelf() as url:
        client = await AsyncClient.open(url)
        await fill(client, "abcd")
        pages = client.subscribe_pages(Refs.page, 2)
        await pages.wait_loaded()
        pages.load_more(1)
        await pages.wait_loaded()
        assert titles(pages) == "abc"
    async with a_shelf(int(url.rsplit(":", 1)[1])):  # where no cursor of before has a meaning
        await fill(client, "vwxyz")
        await shown(pages, "vwxyz")
        assert (await pages.wait_loaded()).status == "exhausted"
        await client.close()


async def test_an_update_shows_items_of_pages_at_once() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        await fill(client, "bd")
        seen: list[str] = []

        def add(store: LocalStore, *, title: str) -> None:
            pages = store.pages(Refs.page)
            book = pages.items[0].model_copy(update={"title": title})
            if title < "b":
                pages.insert_at_top(book)
            else:
                pages.insert_at_bottom(book)

        async def watch(pages: PagedSubscription[Book]) -> None:
            async for state in pages:
                seen.append(titles(pages))
                assert state == pages.state

        async with (
            client.subscribe_pages(Refs.page, 5) as pages,
            anyio.create_task_group() as tasks,
        ):
            await pages.wait_loaded()
            tasks.start_soon(watch, pages)
            await anyio.wait_all_tasks_blocked()
            await client.optimistic(Refs.add).run(add, title="a")
            await client.optimistic(Refs.add).run(add, title="e")
            assert titles(pages) == "abde"
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        # an id that was made up for a while is all that changes when the true one comes
        assert list(dict.fromkeys(seen)) == ["bd", "abd", "abde"]


async def test_an_error_of_a_page_is_raised_until_there_is_none() -> None:
    async with (
        a_shelf() as url,
        AsyncClient(url) as client,
        client.subscribe_pages(Refs.sure_page, 5) as pages,
    ):
        with pytest.raises(NotThere):
            await pages.wait_loaded()
        with pytest.raises(NotThere):
            _ = pages.results
        await fill(client, "a")
        assert titles(pages) == "a"
        await shown(pages, "a")


async def test_what_is_closed_watches_nothing() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        await fill(client, "abc")
        pages = client.subscribe_pages(Refs.page, 2)
        await pages.wait_loaded()
        pages.close()
        assert not pages.load_more(2)
        pages.close()
        await client.mutation(Refs.remove, title="a")
        assert titles(pages) == "ab"


async def test_closing_the_client_ends_the_wait_for_pages() -> None:
    async with AsyncClient("http://127.0.0.1:9") as client:
        pages = client.subscribe_pages(Refs.page, 2)

        async def wait() -> None:
            with pytest.raises(ClientClosed):
                await pages.wait_loaded()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await client.close()
    with pytest.raises(ClientClosed):
        await anext(aiter(pages))
    pages.close()
