"""Paginated queries as their callers see them: journals in and out, and cursors that do not fit."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Index,
    NoArgs,
    PaginationOptions,
    PaginationResult,
    Table,
)
from confect_core.values import Json, Value, loads
from confect_server import DataModel, GroupImpl, Impl, MutationCtx, QueryCtx, impl, layers
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.store import MemoryStore


class Note(Table, name="notes"):
    rank: int
    by_rank = Index("rank")


class Add(Args):
    rank: int


class Notes(GroupSpec):
    add = FunctionSpec.public_mutation(args=Add, returns=None)
    ascending = FunctionSpec.public_paginated_query(item=Note)
    descending = FunctionSpec.public_paginated_query(item=Note)


@impl(Notes.add)
async def add(ctx: MutationCtx, args: Add) -> None:
    await ctx.db.table(Note).insert(rank=args.rank)


@impl(Notes.ascending)
async def ascending(
    ctx: QueryCtx, args: NoArgs, options: PaginationOptions
) -> PaginationResult[Note]:
    return await ctx.db.table(Note).by("by_rank").paginate(options)


@impl(Notes.descending)
async def descending(
    ctx: QueryCtx, args: NoArgs, options: PaginationOptions
) -> PaginationResult[Note]:
    return await ctx.db.table(Note).by("by_rank").order("desc").paginate(options)


class Reader:
    """Asks for pages as a subscription does."""

    def __init__(self, backend: Backend) -> None:
        self._executor = backend.executor

    async def add(self, *ranks: float) -> None:
        for rank in ranks:
            result = await self._executor.run_mutation("notes:add", {"rank": rank}, CLIENT)
            assert isinstance(result.outcome, Succeeded), result.outcome

    async def run(
        self, name: str, journal: str | None = None, **options: Json
    ) -> tuple[Succeeded | Failed, str | None]:
        args: dict[str, Json] = {"paginationOpts": {"numItems": 2.0, "cursor": None, **options}}
        result = await self._executor.run_query(f"notes:{name}", args, CLIENT, journal=journal)
        return result.outcome, result.journal

    async def page(
        self, journal: str | None = None, **options: Json
    ) -> tuple[dict[str, Value], str | None]:
        outcome, after = await self.run("ascending", journal, **options)
        assert isinstance(outcome, Succeeded), outcome
        return cast("dict[str, Value]", loads(outcome.value)), after


@asynccontextmanager
async def reader(*, redacts: bool = False) -> AsyncGenerator[Reader]:
    functions: dict[str, Any] = {"add": add, "ascending": ascending, "descending": descending}
    group: GroupImpl[Any] = GroupImpl("notes", Notes, functions, {}, DataModel((Note,)))
    application: Impl[Any] = Impl(layers()).provide(group)
    async with Backend.open(application, MemoryStore(), redacts=redacts) as backend:
        yield Reader(backend)


def ranks(page: dict[str, Value]) -> list[Value]:
    return [cast("dict[str, Value]", each)["rank"] for each in cast("list[Value]", page["page"])]


async def test_a_page_has_the_names_of_the_wire() -> None:
    async with reader() as notes:
        await notes.add(1.0)
        page, _ = await notes.page()
        assert page.keys() == {"page", "isDone", "continueCursor", "splitCursor", "pageStatus"}
        assert page["isDone"] is True
        assert isinstance(page["continueCursor"], str)
        assert page["splitCursor"] is page["pageStatus"] is None
        assert ranks(page) == [1.0]


async def test_a_page_that_runs_with_its_journal_keeps_its_end() -> None:
    async with reader() as notes:
        await notes.add(1.0, 3.0, 5.0)
        first, journal = await notes.page()
        assert (ranks(first), journal) == ([1.0, 3.0], first["continueCursor"])
        await notes.add(2.0, 4.0)
        assert ranks((await notes.page())[0]) == [1.0, 2.0]
        again, same = await notes.page(journal)
        assert (ranks(again), same) == ([1.0, 2.0, 3.0], journal)
        assert again["continueCursor"] == first["continueCursor"]


async def test_a_page_that_was_done_takes_in_what_is_added_after_it() -> None:
    async with reader() as notes:
        await notes.add(1.0)
        page, journal = await notes.page()
        assert page["isDone"] is True
        await notes.add(2.0, 3.0, 4.0)
        page, _ = await notes.page(journal)
        assert (ranks(page), page["isDone"]) == ([1.0, 2.0, 3.0, 4.0], True)


@pytest.mark.parametrize("redacts", [False, True])
async def test_a_cursor_of_another_query_tells_the_client_to_begin_again(redacts: bool) -> None:
    async with reader(redacts=redacts) as notes:
        await notes.add(1.0, 2.0, 3.0)
        _, journal = await notes.page()
        outcome, after = await notes.run("descending", journal, cursor=journal)
        assert isinstance(outcome, Failed)
        assert "InvalidCursor" in outcome.message
        assert outcome.error_data is not None
        assert loads(outcome.error_data) == {
            "isConvexSystemError": True,
            "paginationError": "InvalidCursor",
        }
        assert after == journal, "a run that fails leaves the page where it was"
