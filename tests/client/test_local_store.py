"""Optimistic updates of a real client: typed stores, and what subscribers see of them."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from returns.result import Failure, Success

from confect_client import AsyncClient, FunctionFailed, LocalStore, NotDeclared, NotKnown
from confect_core import TaggedError
from tests.client.shelf import NotThere, Refs, a_shelf


class Other(TaggedError):
    """An error that no book has."""


def add(store: LocalStore, *, title: str) -> None:
    """What adding a book shows, in every query that would have it."""
    titles = store.query(Refs.titles)
    if titles.is_known:
        titles.set(sorted([*titles.value, title]))
    store.query(Refs.count).set((store.get(Refs.count) or 0) + 1)
    store.query(Refs.find, title=title).set(Success(title))
    for starting in store.all(Refs.starting):
        if title.startswith(str(starting.args["title"])):
            starting.set([*starting.value, title])


async def test_all_subscribers_are_shown_an_update_at_once_and_see_no_flicker() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[list[str]] = []
        client.on_update(Refs.titles, seen.append)
        await client.query(Refs.titles)
        for title in ("b", "a", "c"):
            await client.optimistic(Refs.add).run(add, title=title)
        assert seen == [[], ["b"], ["a", "b"], ["a", "b", "c"]]


async def test_an_update_sets_many_queries_in_one_step() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[tuple[object, ...]] = []

        def note(_: object) -> None:
            seen.append(
                (
                    client.known(Refs.count),
                    repr(client.known(Refs.find, title="ab")),
                    repr(client.known(Refs.starting, title="a")),
                    repr(client.known(Refs.starting, title="b")),
                )
            )

        client.on_update(Refs.count, note)
        client.on_update(Refs.find, note, title="ab")
        client.on_update(Refs.starting, note, title="a")
        client.on_update(Refs.starting, note, title="b")
        await client.query(Refs.titles)
        assert set(seen) == {(0, repr(Failure(NotThere(title="ab"))), "[]", "[]")}
        seen.clear()
        await client.optimistic(Refs.add).run(add, title="ab")
        assert set(seen) == {(1, repr(Success("ab")), "['ab']", "[]")}


async def test_a_mutation_that_fails_takes_back_what_was_shown() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[list[str]] = []
        client.on_update(Refs.titles, seen.append)
        await client.query(Refs.titles)
        with pytest.raises(FunctionFailed):
            await client.optimistic(Refs.break_).run(add, title="a")
        assert seen == [[], ["a"], []]

        def remove(store: LocalStore, *, title: str) -> None:
            store.query(Refs.titles).set(["removed"])

        outcome = await client.optimistic(Refs.remove).run(remove, title="a")
        assert outcome == Failure(NotThere(title="a"))
        assert seen == [[], ["a"], [], ["removed"], []]


async def test_an_update_builds_on_what_others_did_meanwhile() -> None:
    async with a_shelf() as url, AsyncClient(url) as client, AsyncClient(url) as other:
        seen: list[list[str]] = []
        client.on_update(Refs.titles, seen.append)
        await client.query(Refs.titles)

        def shout(store: LocalStore, *, title: str) -> None:
            titles = store.query(Refs.titles)
            titles.set([*titles.value, title.upper()])

        await other.mutation(Refs.add, title="x")
        await client.optimistic(Refs.add).run(shout, title="a")
        # the other's book comes before the update or after it, and is never lost or shown twice
        expected = [[[], ["x"], ["x", "A"], ["a", "x"]], [[], ["A"], ["x", "A"], ["a", "x"]]]
        assert seen in [*expected, [[], ["A"], ["a", "x"]]]


async def test_a_store_knows_only_what_is_subscribed_to() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        found: list[object] = []

        def look(store: LocalStore, *, title: str) -> None:
            titles = store.query(Refs.titles)
            found.append((store.get(Refs.titles), titles.is_known, store.all(Refs.titles)))
            titles.set(["nobody sees it"])
            with pytest.raises(NotKnown, match="books:titles is not known"):
                _ = titles.value

        await client.optimistic(Refs.add).run(look, title="a")
        assert found[0] == (None, False, [])
        assert client.known(Refs.titles) is None
        assert await client.query(Refs.titles) == ["a"]


async def test_an_error_that_is_not_declared_cannot_be_shown() -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        client.on_update(Refs.find, print, title="a")
        await client.query(Refs.find, title="a")

        def wrong(store: LocalStore, *, title: str) -> None:
            other: Any = Failure(Other())
            store.query(Refs.find, title=title).set(other)

        with pytest.raises(NotDeclared, match="books:find does not declare Other"):
            await client.optimistic(Refs.add).run(wrong, title="a")
        assert await client.query(Refs.titles) == []


async def test_an_update_that_raises_on_a_later_result_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_shelf() as url, AsyncClient(url) as client:
        seen: list[list[str]] = []
        client.on_update(Refs.titles, seen.append)
        await client.query(Refs.titles)
        runs: list[str] = []

        def brittle(store: LocalStore, *, title: str) -> None:
            runs.append(title)
            if len(runs) > 1:
                raise KeyError(title)
            store.query(Refs.titles).set([title])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: client.mutation(Refs.add, title="b"))
            tasks.start_soon(lambda: client.optimistic(Refs.add).run(brittle, title="a"))
        assert seen[-1] == ["a", "b"]
    messages = {record.getMessage() for record in caplog.records}
    assert "the optimistic update of books:add failed" in messages
