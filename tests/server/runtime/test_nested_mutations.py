"""Mutations that run mutations: one transaction, of which each part can fail alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from returns.result import Failure, Success

from confect_core import PaginationOptions
from confect_server import MutationCtx, QueryCtx
from confect_server.engine import FunctionOver
from confect_server.log import Lines
from confect_server.store import SqliteStore, Store
from tests.server.runtime.ledger import Entry, Refs, Taken, counts
from tests.server.runtime.scribe import scribe
from tests.server.stores import SuspendingStore


@pytest.fixture(params=["plain", "suspending"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    store = SqliteStore(tmp_path / "data.db")
    return store if request.param == "plain" else SuspendingStore(store)


async def test_a_nested_mutation_is_part_of_its_callers_transaction(store: Store) -> None:
    async def steps(ctx: MutationCtx) -> str:
        await ctx.db.table(Entry).insert(text="a")
        added = await ctx.run_mutation(Refs.add, text="b")
        assert added == Success("B")
        return " ".join(await ctx.run_query(Refs.texts))

    async with scribe(store) as at:
        before = at.backend.database.newest_ts
        assert await at.mutation(steps) == "a b"
        assert await at.texts() == ["a", "b"]
        entries = await at.backend.database._store.log_after(before)
        assert len(entries) == 1


@pytest.mark.parametrize("name", ["add", "raising"])
async def test_a_declared_error_undoes_the_nested_mutation_only(store: Store, name: str) -> None:
    async def steps(ctx: MutationCtx) -> str:
        await ctx.db.table(Entry).insert(text="a")
        added = await ctx.run_mutation(getattr(Refs, name), text="a")
        assert added == Failure(Taken(text="a"))
        return " ".join(await ctx.run_query(Refs.texts))

    async with scribe(store) as at:
        assert await at.mutation(steps) == "a"
        assert await at.texts() == ["a"]


async def test_an_exception_undoes_the_nested_mutation_and_may_be_caught(store: Store) -> None:
    async def steps(ctx: MutationCtx) -> str:
        await ctx.db.table(Entry).insert(text="a")
        with pytest.raises(RuntimeError, match="b"):
            await ctx.run_mutation(Refs.crash, text="b")
        with pytest.raises(Exception, match="does not match validator"):
            await ctx.run_mutation(Refs.lie, text="c")
        return " ".join(await ctx.run_query(Refs.texts))

    async with scribe(store) as at:
        assert await at.mutation(steps) == "a"
        assert await at.texts() == ["a"]


async def test_an_exception_that_nobody_catches_undoes_everything(store: Store) -> None:
    async def steps(ctx: MutationCtx) -> str:
        await ctx.run_mutation(Refs.add, text="a")
        await ctx.run_mutation(Refs.crash, text="b")
        return "not reached"

    async with scribe(store) as at:
        assert "RuntimeError: b" in await at.failed_mutation(steps)
        assert await at.texts() == []


async def test_nested_mutations_at_once_run_one_after_another(store: Store) -> None:
    async def steps(ctx: MutationCtx) -> str:
        added = await asyncio.gather(
            *[ctx.run_mutation(Refs.add, text=text) for text in "abac"],
            ctx.db.table(Entry).insert(text="d"),
            ctx.run_mutation(Refs.crash, text="e"),
            ctx.run_mutation(Refs.raising, text="b"),
            return_exceptions=True,
        )
        assert [each for each in added if each == Failure(Taken(text="a"))]
        assert isinstance(added[5], RuntimeError)
        return " ".join(await ctx.run_query(Refs.texts))

    async with scribe(store) as at:
        assert await at.mutation(steps) == "a b c d"
        assert await at.texts() == ["a", "b", "c", "d"]


async def test_each_nested_function_may_read_a_page_of_its_own(store: Store) -> None:
    async def steps(ctx: MutationCtx) -> str:
        await ctx.run_mutation(Refs.add, text="a")
        options = PaginationOptions(num_items=1)
        await ctx.db.table(Entry).query().paginate(options)
        pages = [await ctx.run_page(Refs.page, options) for _ in range(2)]
        return " ".join(text for page in pages for text in page.page)

    async with scribe(store) as at:
        assert await at.mutation(steps) == "a a"


async def test_what_an_undone_mutation_used_stays_used(store: Store) -> None:
    async def steps(ctx: MutationCtx) -> str:
        await ctx.run_mutation(Refs.add, text="a")
        assert counts(ctx.meta) == (0, 1, 1)
        await ctx.run_mutation(Refs.add, text="a")
        assert counts(ctx.meta) == (1, 2, 2)
        return "fine"

    async with scribe(store) as at:
        assert await at.mutation(steps) == "fine"


async def test_a_query_has_no_way_to_run_a_mutation_that_writes(store: Store) -> None:
    async with scribe(store) as at:

        async def steps(ctx: object) -> str:
            await ctx._calls.call(Refs.add, {"text": "a"})  # type: ignore[attr-defined]  # pyright: ignore  # against all types
            return "written"

        assert "MutationInQuery: a query cannot call the mutation" in await at.failed_query(steps)
        assert await at.texts() == []


class Strays:
    """Tasks that handlers leave running, until the test lets them go on."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.tasks: list[asyncio.Task[object]] = []

    def leave(self, stray: Callable[[], Awaitable[object]]) -> None:
        async def later() -> object:
            await self.may_go_on.wait()
            return await stray()

        self.tasks.append(asyncio.create_task(later()))

    async def ends(self) -> list[object]:
        self.may_go_on.set()
        return await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_what_a_handler_leaves_running_is_told_that_it_comes_too_late(store: Store) -> None:
    strays = Strays()

    async def steps(ctx: MutationCtx) -> str:
        entries = ctx.db.table(Entry)
        id = await entries.insert(text="a")
        strays.leave(lambda: entries.insert(text="b"))
        strays.leave(lambda: entries.get(id))
        strays.leave(lambda: entries.query().collect())
        strays.leave(lambda: ctx.run_mutation(Refs.add, text="c"))
        strays.leave(lambda: ctx.run_query(Refs.texts))
        return "done"

    async def failing_steps(ctx: MutationCtx) -> str:
        strays.leave(lambda: ctx.db.table(Entry).insert(text="d"))
        raise ZeroDivisionError

    async with scribe(store) as at:
        assert await at.mutation(steps) == "done"
        assert "ZeroDivisionError" in await at.failed_mutation(failing_steps)
        ends = await strays.ends()
        assert [type(end) for end in ends] == [FunctionOver] * 6
        assert await at.texts() == ["a"]


async def test_what_a_query_leaves_running_is_told_that_it_comes_too_late(store: Store) -> None:
    strays = Strays()

    async def steps(ctx: QueryCtx) -> str:
        entries = ctx.db.table(Entry)
        strays.leave(lambda: entries.query().first())
        strays.leave(lambda: entries.count())
        strays.leave(lambda: ctx.run_query(Refs.texts))
        return "done"

    async with scribe(store) as at:
        assert await at.query(steps) == "done"
        runner = at.backend.executor.runner
        outside = runner.calls_outside("tests:call", None, Lines())
        assert await runner.call(Refs.query, {}, outside) == "done"
        assert [type(end) for end in await strays.ends()] == [FunctionOver] * 6


async def test_half_of_a_mutation_that_is_left_running_is_not_committed(store: Store) -> None:
    is_half_done, may_go_on = asyncio.Event(), asyncio.Event()
    strays: list[asyncio.Task[object]] = []

    async def half(ctx: MutationCtx) -> str:
        await ctx.db.table(Entry).insert(text="half")
        is_half_done.set()
        await may_go_on.wait()
        await ctx.db.table(Entry).insert(text="whole")
        return "never"

    async def steps(ctx: MutationCtx) -> str:
        await ctx.db.table(Entry).insert(text="a")
        at.script.steps = half
        strays.append(asyncio.create_task(ctx.run_mutation(Refs.mutate)))
        await is_half_done.wait()
        return "done"

    async with scribe(store) as at:
        assert await at.mutation(steps) == "done"
        may_go_on.set()
        (end,) = await asyncio.gather(*strays, return_exceptions=True)
        assert type(end) is FunctionOver
        assert await at.texts() == ["a"]
