"""Write hooks: they run with each write, see what it changed, and are undone with it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from returns.result import Failure

from confect_core import COMMIT_TS, Id, Table
from confect_core.errors import Mistakes
from confect_core.values import Value, loads
from confect_server import Change, Impl, MutationCtx, WriteHook, layers, on_write
from confect_server.errors import HooksTooDeep, NoSuchDocument, NotWatchable, PartlyWatched
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.store import MemoryStore, SqliteStore, Store
from tests.server.runtime.audited import (
    AnyEvent,
    Box,
    Closed,
    Entry,
    Event,
    Item,
    Opened,
    Refs,
    Refused,
    Steps,
    Todo,
    add,
    audit,
    audited,
    tidy,
    watch,
    watch_loose,
)
from tests.server.stores import SuspendingStore

Ctx = MutationCtx[Any, Any]


@pytest.fixture(params=["memory", "suspending"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return MemoryStore()
    return SuspendingStore(SqliteStore(tmp_path / "data.db"))


@dataclass
class Worker:
    """Runs steps in a mutation."""

    backend: Backend
    todo: Todo

    async def does(self, steps: Steps, **others: Steps) -> None:
        self.todo.steps = {"main": steps, **others}
        run = await self.backend.executor.run_mutation("work:do", {"name": "main"}, CLIENT)
        assert isinstance(run.outcome, Succeeded), run.outcome

    async def fails(self, steps: Steps, path: str = "work:do") -> Failed:
        self.todo.steps = {"main": steps}
        run = await self.backend.executor.run_mutation(path, {"name": "main"}, CLIENT)
        assert isinstance(run.outcome, Failed), run.outcome
        return run.outcome

    async def names(self) -> Value:
        return await self._read("work:names")

    async def lines(self) -> Value:
        return await self._read("work:lines")

    @property
    def seen(self) -> list[Any]:
        return self.todo.seen

    async def _read(self, path: str) -> Value:
        result = await self.backend.executor.run_query(path, {}, CLIENT)
        assert isinstance(result.outcome, Succeeded), result.outcome
        return loads(result.outcome.value)


@asynccontextmanager
async def opened(store: Store, *hooks: WriteHook[Any]) -> AsyncGenerator[Worker]:
    todo = Todo()
    async with Backend.open(audited(todo, *hooks), store) as backend:
        yield Worker(backend, todo)


async def test_a_hook_sees_each_write_as_a_part_of_the_same_transaction(store: Store) -> None:
    async def steps(ctx: Ctx) -> None:
        items = ctx.db.table(Item)
        id = await items.insert(name="a")
        await items.change(id, {"name": "b"})
        await items.replace(id, name="c")
        await ctx.db.delete(id)
        await ctx.db.delete(await ctx.db.insert(Item(name="d")))

    async with opened(store, audit) as at:
        await at.does(steps)
        assert await at.lines() == ["- > a", "a > b", "b > c", "c > -", "- > d", "d > -"]
        assert await at.names() == []
        kinds = [(each.is_insert, each.is_update, each.is_delete) for each in at.seen[:4]]
        insert, update, delete = (True, False, False), (False, True, False), (False, False, True)
        assert kinds == [insert, update, update, delete]
        assert {each.table for each in at.seen} == {"items"}
        first = at.seen[0]
        assert first.after is not None
        assert first.after.id == first.id == at.seen[3].id
        assert first.after.creation_time == at.seen[3].before.creation_time


async def test_a_write_that_changes_nothing_runs_no_hook() -> None:
    async def steps(ctx: Ctx) -> None:
        items = ctx.db.table(Item)
        id = await items.insert(name="a", size=1.0, tags=["x"])
        await items.change(id, {"name": "a", "tags": ["x"]})
        await items.replace(id, name="a", size=1.0, tags=["x"])
        await items.change(id, {"size": True})
        await items.change(id, {"size": 0.0})
        await items.change(id, {"size": -0.0})
        await items.change(id, {"at": COMMIT_TS})

    async with opened(MemoryStore(), audit) as at:
        await at.does(steps)
        sizes = [each.after.size for each in at.seen]
        assert [(type(each), str(each)) for each in sizes] == [
            (float, "1.0"),
            (bool, "True"),
            (float, "0.0"),
            (float, "-0.0"),
            (float, "-0.0"),
        ]


async def test_a_write_to_what_is_not_there_is_refused_and_runs_no_hook() -> None:
    async def steps(ctx: Ctx) -> None:
        items = ctx.db.table(Item)
        id = await items.insert(name="a")
        await items.delete(id)
        with pytest.raises(NoSuchDocument):
            await items.delete(id)
        with pytest.raises(NoSuchDocument):
            await items.change(id, {"name": "b"})
        with pytest.raises(NoSuchDocument):
            await items.replace(id, name="b")

    async with opened(MemoryStore(), audit) as at:
        await at.does(steps)
        assert await at.lines() == ["- > a", "a > -"]


async def test_hooks_run_in_the_order_in_which_they_are_given_and_may_write_themselves() -> None:
    async def steps(ctx: Ctx) -> None:
        await add(ctx, "LOUD")

    async with opened(MemoryStore(), tidy, audit) as at:
        await at.does(steps)
        assert await at.names() == ["loud"]
        # the write of `tidy` runs both, and changes nothing the second time
        assert at.todo.order == ["tidy", "tidy", "audit", "audit"]
        assert await at.lines() == ["LOUD > loud", "- > LOUD"]


async def test_a_declared_error_of_a_hook_is_one_of_the_mutation() -> None:
    async def steps(ctx: Ctx) -> None:
        await add(ctx, "a")
        await add(ctx, "refused")

    async with opened(MemoryStore(), audit, tidy) as at:
        failed = await at.fails(steps)
        assert failed.error_data is not None
        assert loads(failed.error_data) == {"_tag": "Refused", "name": "refused"}
        assert (await at.names(), await at.lines()) == ([], [])
        failed = await at.fails(steps, "work:undeclared")
        assert failed.error_data is None
        assert "UndeclaredError" in failed.message


@pytest.mark.parametrize("name", ["refused", "broken"])
async def test_a_hook_that_fails_undoes_the_write_even_where_that_is_caught(
    store: Store, name: str
) -> None:
    async def steps(ctx: Ctx) -> None:
        id = await add(ctx, "a")
        with pytest.raises((Refused, RuntimeError)):
            await add(ctx, name)
        with pytest.raises((Refused, RuntimeError)):
            await ctx.db.table(Item).change(id, {"name": name})
        await add(ctx, "b")

    async with opened(store, audit, tidy) as at:
        await at.does(steps)
        assert await at.names() == ["a", "b"]
        assert await at.lines() == ["- > a", "- > b"]


async def test_hooks_see_the_writes_of_nested_mutations_and_are_undone_with_them() -> None:
    async def inner(ctx: Ctx) -> None:
        await add(ctx, "inner")

    async def failing(ctx: Ctx) -> None:
        await add(ctx, "failing")
        raise Refused(name="inner")

    async def steps(ctx: Ctx) -> None:
        await ctx.run_mutation(Refs.do, name="inner")
        failed = await ctx.run_mutation(Refs.do, name="failing")
        assert failed == Failure(Refused(name="inner"))

    async with opened(MemoryStore(), audit) as at:
        await at.does(steps, inner=inner, failing=failing)
        assert await at.lines() == ["- > inner"]


async def test_a_hook_may_run_mutations(store: Store) -> None:
    @on_write(Box)
    async def unpack(ctx: MutationCtx, change: Change[Box]) -> None:
        await ctx.run_mutation(Refs.do, name="unpacked")

    async def unpacked(ctx: Ctx) -> None:
        await add(ctx, "unpacked")

    async def steps(ctx: Ctx) -> None:
        await ctx.db.table(Box).insert(label="x")

    async with opened(store, unpack, audit) as at:
        await at.does(steps, unpacked=unpacked)
        assert await at.lines() == ["- > unpacked"]


async def test_hooks_without_an_end_are_stopped_and_named() -> None:
    told: list[str] = []

    async def steps(ctx: Ctx) -> None:
        with pytest.raises(HooksTooDeep) as caught:
            await add(ctx, "endless")
        told.append(caught.value.message)
        await add(ctx, "a")

    async with opened(MemoryStore(), tidy) as at:
        await at.does(steps)
        assert await at.names() == ["a"]
        chain = " > ".join(["tidy"] * 9)
        assert told == [f"a write to 'items' runs hooks inside more than 8 others: {chain}"]


async def test_writes_at_once_run_their_hooks_one_after_another(store: Store) -> None:
    async def steps(ctx: Ctx) -> None:
        async with anyio.create_task_group() as tasks:
            for name in "abc":
                tasks.start_soon(add, ctx, name)

    async with opened(store, audit) as at:
        await at.does(steps)
        lines: Any = await at.lines()
        assert sorted(lines) == ["- > a", "- > b", "- > c"]


async def test_documents_may_be_written_while_a_query_goes_over_them(store: Store) -> None:
    async def steps(ctx: Ctx) -> None:
        for name in "abc":
            await add(ctx, name)
        async for item in ctx.db.table(Item).query():
            await ctx.db.table(Item).change(item.id, {"size": 2.0})

    async with opened(store, audit) as at:
        await at.does(steps)
        assert [each.after.size for each in at.seen] == [0.0] * 3 + [2.0] * 3


async def test_one_hook_may_watch_several_tables_and_all_variants_of_one() -> None:
    async def steps(ctx: Ctx) -> None:
        await ctx.db.table(Box).insert(label="x")
        event: Id[Any] = await ctx.db.insert(Opened())
        await ctx.db.table(Event).replace(event, kind="closed", by="Ada")
        await add(ctx, "not watched")
        await ctx.db.undeclared_table("loose").insert({"a": 1})

    async with opened(MemoryStore(), watch) as at:
        await at.does(steps)
        assert [each.table for each in at.seen] == ["boxes", "events", "events"]
        assert isinstance(at.seen[2].before, Opened)
        assert isinstance(at.seen[2].after, Closed)


async def test_a_table_that_no_class_declares_is_watched_by_its_name(store: Store) -> None:
    async def steps(ctx: Ctx) -> None:
        loose = ctx.db.undeclared_table("loose")
        id = await loose.insert({"a": 1.0})
        await loose.patch(id, {"a": 2.0})
        await loose.replace(id, {"b": [1.0]})
        await loose.replace(id, {"b": [1.0]})
        await loose.delete(id)
        await ctx.db.undeclared_table("other").insert({"a": 1.0})

    async with opened(store, watch_loose) as at:
        await at.does(steps)
        assert {each.table for each in at.seen} == {"loose"}
        documents = [(each.before, each.after) for each in at.seen]
        shown = [[each and {**each} for each in pair] for pair in documents]
        for each in (document for pair in shown for document in pair if document):
            assert (each.pop("_id"), type(each.pop("_creationTime"))) == (at.seen[0].id, float)
        a, b, c = {"a": 1.0}, {"a": 2.0}, {"b": [1.0]}
        assert shown == [[None, a], [a, b], [b, c], [c, None]]


async def test_what_a_hook_changes_in_its_documents_is_nothing_to_the_next() -> None:
    @on_write(Item)
    async def careless(ctx: MutationCtx, change: Change[Item]) -> None:
        assert change.after is not None
        change.after.tags.append("spoilt")

    async def steps(ctx: Ctx) -> None:
        await add(ctx, "a")

    async with opened(MemoryStore(), careless, audit) as at:
        await at.does(steps)
        assert at.seen[0].after.tags == []


async def test_without_hooks_the_transaction_writes_itself() -> None:
    async def steps(ctx: Ctx) -> None:
        assert ctx.db._writes is ctx.db._transaction

    async with opened(MemoryStore()) as at:
        await at.does(steps)


def mistakes_of(hook: WriteHook[Any]) -> list[type[Any]]:
    return [type(each) for each in audited(Todo(), hook).mistakes()]


class Elsewhere(Table, name="elsewhere"):
    pass


async def nothing(ctx: Ctx, change: Change[Any]) -> None: ...


def test_a_hook_watches_tables_of_the_application() -> None:
    anything: Any = on_write
    assert mistakes_of(anything(Entry)(nothing)) == []
    assert mistakes_of(anything(Elsewhere | Entry)(nothing)) == [NotWatchable]
    assert mistakes_of(anything(int)(nothing)) == [NotWatchable]
    assert mistakes_of(anything(Table)(nothing)) == [NotWatchable]
    assert mistakes_of(anything("items")(nothing)) == [NotWatchable]
    closed = Impl[Any](layers()).watch(anything("loose")(nothing))
    assert [type(each) for each in closed.mistakes()] == [NotWatchable]


def test_a_hook_watches_all_variants_of_a_table_or_none() -> None:
    anything: Any = on_write
    assert mistakes_of(anything(Event)(nothing)) == []
    assert mistakes_of(anything(AnyEvent)(nothing)) == []
    assert mistakes_of(anything(Opened)(nothing)) == [PartlyWatched]
    assert "Closed" in audited(Todo(), anything(Opened)(nothing)).mistakes()[0].message


async def test_an_application_with_a_mistaken_hook_does_not_start() -> None:
    anything: Any = on_write
    application: Impl[Any] = audited(Todo(), anything(int)(nothing))
    with pytest.raises((NotWatchable, Mistakes)):
        async with Backend.open(application, MemoryStore()):
            pass
