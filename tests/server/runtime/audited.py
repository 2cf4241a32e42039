"""An application whose writes run hooks, for tests of what they see and what they undo."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field
from returns.result import Success

from confect_core import (
    Args,
    CommitTs,
    FunctionSpec,
    GroupSpec,
    Id,
    NoArgs,
    Outcome,
    Table,
    TaggedError,
    ref,
)
from confect_server import (
    Change,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    Service,
    UndeclaredDocument,
    UndeclaredTablesReader,
    UndeclaredTablesWriter,
    WriteHook,
    impl,
    layers,
    on_write,
)


class Item(Table, name="items"):
    name: str
    size: float | bool = 0.0
    tags: list[str] = Field(default_factory=list)
    at: CommitTs = 0


class Box(Table, name="boxes"):
    label: str


class Event(Table, name="events", discriminator="kind"):
    pass


class Opened(Event):
    kind: Literal["opened"] = "opened"


class Closed(Event):
    kind: Literal["closed"] = "closed"
    by: str = ""


AnyEvent: TypeAlias = Opened | Closed


class Entry(Table, name="entries"):
    line: str


class Refused(TaggedError):
    name: str


Steps: TypeAlias = Callable[[MutationCtx[Any, Any]], Awaitable[object]]


class Todo(Service):
    """What the mutation does, and what its hooks saw."""

    def __init__(self) -> None:
        self.steps: dict[str, Steps] = {}
        self.seen: list[Any] = []
        self.order: list[str] = []


class ByName(Args):
    name: str


class Work(GroupSpec):
    do = FunctionSpec.public_mutation(args=ByName, returns=None, error=Refused)
    undeclared = FunctionSpec.public_mutation(args=ByName, returns=None)
    names = FunctionSpec.public_query(returns=list[str])
    lines = FunctionSpec.public_query(returns=list[str])


class Refs:
    do: Final = ref("work:do", Work.do)


@impl(Work.do)
async def do(ctx: MutationCtx[Todo], args: ByName) -> Outcome[None, Refused]:
    await Todo.of(ctx).steps[args.name](ctx)
    return Success(None)


@impl(Work.undeclared)
async def undeclared(ctx: MutationCtx[Todo], args: ByName) -> None:
    await Todo.of(ctx).steps[args.name](ctx)


@impl(Work.names)
async def names(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [item.name async for item in ctx.db.table(Item).query()]


@impl(Work.lines)
async def lines(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [entry.line async for entry in ctx.db.table(Entry).query()]


def shown(change: Change[Item]) -> str:
    was, now = (each.name if each else "-" for each in (change.before, change.after))
    return f"{was} > {now}"


@on_write(Item)
async def audit(ctx: MutationCtx[Todo], change: Change[Item]) -> None:
    Todo.of(ctx).seen.append(change)
    Todo.of(ctx).order.append("audit")
    await ctx.db.table(Entry).insert(line=shown(change))


@on_write(Item)
async def tidy(ctx: MutationCtx[Todo], change: Change[Item]) -> None:
    Todo.of(ctx).order.append("tidy")
    item = change.after
    if item is None:
        return
    if item.name == "endless":
        await ctx.db.table(Item).change(item.id, {"size": float(item.size) + 1})
    if item.name == "refused":
        raise Refused(name=item.name)
    if item.name == "broken":
        raise RuntimeError("of the hook")
    await ctx.db.table(Item).change(item.id, {"name": item.name.lower()})


@on_write(Box | AnyEvent)
async def watch(ctx: MutationCtx[Todo], change: Change[Box | Opened | Closed]) -> None:
    Todo.of(ctx).seen.append(change)


@on_write("loose")
async def watch_loose(ctx: MutationCtx[Todo], change: Change[UndeclaredDocument]) -> None:
    Todo.of(ctx).seen.append(change)


def audited(todo: Todo, *hooks: WriteHook[Any]) -> Impl[Any]:
    """The application with its hooks."""

    async def open_todo() -> AsyncIterator[Todo]:
        yield todo

    functions: dict[str, Any] = {
        "do": do,
        "undeclared": undeclared,
        "names": names,
        "lines": lines,
    }
    tables = (Item, Box, Event, Entry)
    model = DataModel(tables, UndeclaredTablesReader, UndeclaredTablesWriter)
    application: Impl[Any] = Impl(layers().add(Todo, open_todo))
    return application.provide(GroupImpl("work", Work, functions, data_model=model)).watch(*hooks)


async def add(ctx: MutationCtx[Any, Any], name: str) -> Id[Item]:
    id: Id[Item] = await ctx.db.table(Item).insert(name=name)
    return id
