"""The life of a client: opened and closed by whoever, in whatever task, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import anyio
import pytest

from confect_client import AsyncClient, CallTimedOut, ClientClosed, ClientNotOpen, FunctionFailed
from confect_core import Outcome
from tests.client.shelf import NotThere, Refs, a_shelf
from tests.wire import wire_to


async def test_a_client_that_is_opened_works_until_it_is_closed() -> None:
    before = asyncio.all_tasks()
    async with a_shelf() as url:
        client = await AsyncClient.open(url)
        await client.mutation(Refs.add, title="a")
        assert await client.query(Refs.titles) == ["a"]
        await client.close()
        with pytest.raises(ClientClosed):
            await client.query(Refs.titles)
        await client.close()
    assert asyncio.all_tasks() == before


async def test_an_open_client_is_closed_by_a_block_around_it() -> None:
    before = asyncio.all_tasks()
    async with a_shelf() as url:
        async with await AsyncClient.open(url) as client:
            assert await client.query(Refs.titles) == []
        with pytest.raises(ClientClosed):
            await client.query(Refs.titles)
    assert asyncio.all_tasks() == before


class Notebook:
    """Runs each cell as a task of its own, in one loop that goes on between them."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def run(self, cell: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(cell)

    def close(self) -> None:
        self._runner.close()


@pytest.mark.filterwarnings("error")
def test_each_cell_of_a_notebook_is_another_task() -> None:
    notebook = Notebook()
    served: AsyncGenerator[str] = shelf_for_long()
    url = notebook.run(anext(served))
    client = notebook.run(AsyncClient.open(url))
    notebook.run(client.mutation(Refs.add, title="a"))
    titles = client.subscribe(Refs.titles)
    assert notebook.run(anext(titles)) == ["a"]
    pages = client.subscribe_pages(Refs.page, 3)
    assert len(notebook.run(pages.wait_loaded()).results) == 1
    notebook.run(client.mutation(Refs.add, title="b"))
    assert notebook.run(anext(titles)) == ["a", "b"]
    assert len(pages.results) == 2
    notebook.run(client.close())
    with pytest.raises(ClientClosed):
        notebook.run(anext(titles))
    notebook.run(served.aclose())
    notebook.close()


async def shelf_for_long() -> AsyncGenerator[str]:
    """A shelf in a task of its own, from the first cell to the last."""
    is_over, is_open = asyncio.Event(), asyncio.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with a_shelf() as url:
            urls.append(url)
            is_open.set()
            await is_over.wait()

    serving = asyncio.create_task(serve())
    await is_open.wait()
    try:
        yield urls[0]
    finally:
        is_over.set()
        await serving


@pytest.mark.filterwarnings("error")
def test_a_client_that_was_never_opened_leaves_nothing() -> None:
    client = AsyncClient("http://127.0.0.1:9")
    with pytest.raises(ClientNotOpen):
        client.on_update(Refs.titles, print)
    asyncio.run(client.close())
    with pytest.raises(ClientClosed):
        asyncio.run(client.query(Refs.titles))
    del client
    gc.collect()


@pytest.mark.filterwarnings("error")
def test_a_loop_that_ends_takes_the_client_with_it() -> None:
    clients: list[AsyncClient] = []

    async def forgets_to_close() -> None:
        client = await AsyncClient.open("http://127.0.0.1:9")
        clients.append(client)
        client.on_update(Refs.titles, print)
        await asyncio.sleep(0)

    asyncio.run(forgets_to_close())
    with pytest.raises(ClientClosed):
        asyncio.run(clients[0].query(Refs.titles))
    asyncio.run(clients[0].close())
    gc.collect()


def test_a_loop_that_dies_leaves_a_client_that_can_still_be_closed() -> None:
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(AsyncClient.open("http://127.0.0.1:9"))
    loop.run_until_complete(asyncio.sleep(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the loop was not ended as loops are
        loop.close()
        asyncio.run(client.close())
        with pytest.raises(ClientClosed):
            asyncio.run(client.query(Refs.titles))


async def test_a_view_shares_the_life_of_its_client() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        quick = client.with_options(timeout_s=60)
        await quick.mutation(Refs.add, title="a")
        assert await client.query(Refs.titles) == ["a"]
    with pytest.raises(ClientClosed):
        await quick.query(Refs.titles)


# Options.


async def test_a_call_that_takes_too_long_is_left_and_a_mutation_still_runs_once() -> None:
    async with (
        a_shelf() as url,
        wire_to(int(url.rsplit(":", 1)[1])) as wire,
        AsyncClient(wire.url) as client,
        AsyncClient(url) as witness,
    ):
        await client.wait_connected()
        wire.lose_answers()
        quick = client.with_options(timeout_s=0.01)
        with pytest.raises(CallTimedOut, match="books:titles has not answered") as left:
            await quick.query(Refs.titles)
        assert not left.value.may_still_run
        with pytest.raises(CallTimedOut, match=r"within 0\.01 s") as left:
            await quick.mutation(Refs.add, title="a")
        assert left.value.may_still_run
        assert client.connection.mutations_in_flight == 1
        wire.cut()
        await client.mutation(Refs.add, title="b")
        assert await witness.query(Refs.titles) == ["a", "b"]
        assert client.connection.mutations_in_flight == 0


async def test_errors_that_are_declared_are_raised_by_whoever_asks_for_that() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        with pytest.raises(NotThere):
            await client.mutation_or_raise(Refs.remove, title="a")
        await client.mutation(Refs.add, title="a")
        found = client.subscribe_or_raise(Refs.find, title="a")
        assert await anext(found) == "a"
        await client.mutation_or_raise(Refs.remove, title="a")
        with pytest.raises(NotThere):
            await anext(found)


# Callbacks.


async def test_callbacks_are_told_of_every_result_in_order() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[list[str]] = []
        stop = client.on_update(Refs.titles, seen.append)
        await client.query(Refs.titles)
        for title in "abc":
            await client.mutation(Refs.add, title=title)
        assert seen == [[], ["a"], ["a", "b"], ["a", "b", "c"]]
        stop()
        stop()
        await client.mutation(Refs.add, title="d")
        assert len(seen) == 4


async def test_a_callback_is_told_soon_of_what_is_known_already() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[list[str]] = []
        stop = client.on_update(Refs.titles, seen.append)
        await client.query(Refs.titles)
        later: list[list[str]] = []
        client.on_update(Refs.titles, later.append)
        assert later == []
        await anyio.wait_all_tasks_blocked()
        assert (seen, later) == ([[]], [[]])
        stop()


async def test_a_callback_that_raises_is_logged_and_called_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[int] = []

        def broken(titles: list[str]) -> None:
            seen.append(len(titles))
            raise KeyError("broken")

        others: list[int] = []
        client.on_update(Refs.titles, broken)
        client.on_update(Refs.count, others.append)
        await client.query(Refs.titles)
        await client.mutation(Refs.add, title="a")
        assert seen == others == [0, 1]
    assert caplog.text.count("a callback of books:titles failed") == 2


async def test_a_query_that_fails_is_told_to_whoever_asked_for_that(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        errors: list[Exception] = []
        found: list[Outcome[str, NotThere]] = []
        told = client.with_options(on_error=errors.append)
        told.on_update(Refs.find, found.append, title="a")
        told.on_update(Refs.broken, print)
        client.on_update(Refs.broken, print)
        await client.query(Refs.titles)
        assert [type(error) for error in errors] == [FunctionFailed]
        assert len(found) == 1
    assert "nobody is called back with books:broken" in caplog.text


async def test_a_callback_may_end_itself_and_others() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[str] = []
        stops = [
            client.on_update(Refs.titles, lambda _: end("first")),
            client.on_update(Refs.count, lambda _: end("second")),
        ]

        def end(name: str) -> None:
            seen.append(name)
            for stop in stops:
                stop()

        await client.query(Refs.titles)
        await client.mutation(Refs.add, title="a")
        assert seen == ["first"]


async def test_whoever_is_told_finds_all_other_results_of_the_same_moment() -> None:
    async with a_shelf() as url, AsyncClient(url) as client, AsyncClient(url) as other:
        seen: list[tuple[int, list[str] | None]] = []
        counts: list[tuple[int | None, int]] = []
        client.on_update(Refs.count, lambda count: seen.append((count, client.known(Refs.titles))))
        client.on_update(
            Refs.titles, lambda titles: counts.append((client.known(Refs.count), len(titles)))
        )
        await client.query(Refs.titles)
        for title in "abc":
            await other.mutation(Refs.add, title=title)
        await client.mutation(Refs.add, title="d")
        assert all(titles is not None and count == len(titles) for count, titles in seen)
        assert all(count == length for count, length in counts)
        assert counts[-1] == (4, 4)
