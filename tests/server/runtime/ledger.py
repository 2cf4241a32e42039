"""A ledger: mutations that call mutations and use up limits, for tests of what is run inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from returns.result import Failure, Success

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Index,
    NoArgs,
    Outcome,
    PaginationOptions,
    PaginationResult,
    Table,
    TaggedError,
    ref,
)
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    Meta,
    MutationCtx,
    QueryCtx,
    Service,
    impl,
    layers,
)


class Entry(Table, name="entries"):
    text: str
    by_text = Index("text")


class Text(Args):
    text: str


class Count(Args):
    count: int


class Taken(TaggedError):
    text: str


class Script(Service):
    """What the next handler that asks does, written by a test."""

    def __init__(self) -> None:
        self.steps: Callable[[Any], Awaitable[str]] | None = None
        self.runs = 0


class Ledger(GroupSpec):
    add = FunctionSpec.public_mutation(args=Text, returns=str, error=Taken)
    raising = FunctionSpec.public_mutation(args=Text, returns=str, error=Taken)
    crash = FunctionSpec.internal_mutation(args=Text, returns=None)
    lie = FunctionSpec.internal_mutation(args=Text, returns=int)
    overwrite = FunctionSpec.internal_mutation(returns=None)
    texts = FunctionSpec.public_query(returns=list[str])
    page = FunctionSpec.public_paginated_query(item=str)
    echo = FunctionSpec.public_query(args=Text, returns=str)
    twice = FunctionSpec.public_query(args=Text, returns=str)
    deeper = FunctionSpec.public_mutation(args=Count, returns=int)
    deeper_query = FunctionSpec.public_query(args=Count, returns=int)
    mutate = FunctionSpec.public_mutation(returns=str)
    query = FunctionSpec.public_query(returns=str)
    act = FunctionSpec.public_action(args=Text, returns=str)


class Refs:
    add: Final = ref("ledger:add", Ledger.add)
    raising: Final = ref("ledger:raising", Ledger.raising)
    crash: Final = ref("ledger:crash", Ledger.crash)
    lie: Final = ref("ledger:lie", Ledger.lie)
    texts: Final = ref("ledger:texts", Ledger.texts)
    page: Final = ref("ledger:page", Ledger.page)
    echo: Final = ref("ledger:echo", Ledger.echo)
    twice: Final = ref("ledger:twice", Ledger.twice)
    deeper: Final = ref("ledger:deeper", Ledger.deeper)
    mutate: Final = ref("ledger:mutate", Ledger.mutate)
    query: Final = ref("ledger:query", Ledger.query)
    deeper_query: Final = ref("ledger:deeper_query", Ledger.deeper_query)


@impl(Ledger.add)
async def add(ctx: MutationCtx, args: Text) -> Outcome[str, Taken]:
    entries = ctx.db.table(Entry)
    known = await entries.by("by_text", text=args.text).first()
    await entries.insert(text=args.text)
    await asyncio.sleep(0)
    if known is not None:
        return Failure(Taken(text=args.text))
    return Success(args.text.upper())


@impl(Ledger.raising)
async def raising(ctx: MutationCtx, args: Text) -> Outcome[str, Taken]:
    added = await ctx.run_mutation(Refs.add, text=args.text)
    if isinstance(added, Failure):
        raise added.failure()
    return added


@impl(Ledger.crash)
async def crash(ctx: MutationCtx, args: Text) -> None:
    await ctx.db.table(Entry).insert(text=args.text)
    raise RuntimeError(args.text)


@impl(Ledger.lie)
async def lie(ctx: MutationCtx, args: Text) -> int:
    await ctx.db.table(Entry).insert(text=args.text)
    answer: Any = args.text
    return answer  # type: ignore[no-any-return]  # the lie


@impl(Ledger.overwrite)
async def overwrite(ctx: MutationCtx, args: NoArgs) -> None:
    entry = await ctx.db.table(Entry).query().first()
    assert entry is not None
    await ctx.db.table(Entry).replace(entry.id, text=f"{entry.text}?")


@impl(Ledger.texts)
async def texts(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [entry.text async for entry in ctx.db.table(Entry).by("by_text")]


@impl(Ledger.page)
async def page(ctx: QueryCtx, args: NoArgs, options: PaginationOptions) -> PaginationResult[str]:
    found = await ctx.db.table(Entry).by("by_text").paginate(options)
    return PaginationResult(
        page=[entry.text for entry in found.page],
        is_done=found.is_done,
        continue_cursor=found.continue_cursor,
        split_cursor=found.split_cursor,
        page_status=found.page_status,
    )


@impl(Ledger.echo)
async def echo(ctx: QueryCtx, args: Text) -> str:
    return args.text


@impl(Ledger.twice)
async def twice(ctx: QueryCtx, args: Text) -> str:
    return args.text * 2


@impl(Ledger.deeper)
async def deeper(ctx: MutationCtx, args: Count) -> int:
    assert ctx.meta.nesting.remaining == ctx.meta.nesting.limit - ctx.meta.nesting.used
    if args.count == 0:
        return ctx.meta.nesting.used
    if args.count == 1:
        return await ctx.run_query(Refs.deeper_query, count=0)
    return await ctx.run_mutation(Refs.deeper, count=args.count - 1)


@impl(Ledger.deeper_query)
async def deeper_query(ctx: QueryCtx, args: Count) -> int:
    if args.count == 0:
        return ctx.meta.nesting.used
    return await ctx.run_query(Refs.deeper_query, count=args.count - 1)


@impl(Ledger.mutate)
async def mutate(ctx: MutationCtx[Script], args: NoArgs) -> str:
    return await scripted(ctx)


@impl(Ledger.query)
async def query(ctx: QueryCtx[Script], args: NoArgs) -> str:
    return await scripted(ctx)


@impl(Ledger.act)
async def act(ctx: ActionCtx, args: Text) -> str:
    return await ctx.run_query(Refs.twice, text=args.text)


async def scripted(ctx: QueryCtx[Script] | MutationCtx[Script]) -> str:
    script = Script.of(ctx)
    script.runs += 1
    assert script.steps is not None
    return await script.steps(ctx)


def counts(meta: Meta) -> tuple[int, ...]:
    """How many documents were read, ranges asked for, and documents written."""
    return meta.documents_read.used, meta.ranges_read.used, meta.documents_written.used


def ledger(script: Script) -> Impl[Any]:
    """The application, with what its scripted handlers do."""

    async def open_script() -> AsyncIterator[Script]:
        yield script

    functions: dict[str, Any] = {
        "add": add,
        "raising": raising,
        "crash": crash,
        "lie": lie,
        "overwrite": overwrite,
        "texts": texts,
        "page": page,
        "echo": echo,
        "twice": twice,
        "deeper": deeper,
        "deeper_query": deeper_query,
        "mutate": mutate,
        "query": query,
        "act": act,
    }
    group: GroupImpl[Any] = GroupImpl("ledger", Ledger, functions, {}, DataModel((Entry,)))
    return Impl(layers().add(Script, open_script)).provide(group)
