"""The application that histories are made with: lists that grow, and a bank.

A list whose name begins with `r` is rows, read as a range of an index; any other is one document.
So what a transaction has read is intervals as well as points.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

from anyio.lowlevel import checkpoint
from returns.result import Failure, Success

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Index,
    Outcome,
    Table,
    TaggedError,
)
from confect_server import (
    DataModel,
    GroupImpl,
    Impl,
    Layers,
    MutationCtx,
    QueryCtx,
    Service,
    impl,
    layers,
)


class ListDocument(Table, name="lists"):
    key: str
    elements: list[int]
    by_key = Index("key")


class ListRow(Table, name="rows"):
    key: str
    position: int
    element: int
    by_position = Index("key", "position")


class Account(Table, name="accounts"):
    name: str
    amount: int
    by_name = Index("name")


class Suspensions(Service):
    """Lets other tasks in, now and then."""

    def __init__(self, chooser: random.Random) -> None:
        self._chooser = chooser

    async def perhaps(self) -> None:
        for _ in range(self._chooser.choice((0, 0, 1, 3))):
            await checkpoint()


class Steps(Args):
    steps: list[str]
    """Each `append KEY ELEMENT`, `read KEY` or `fail`."""


class Keys(Args):
    keys: list[str]


class Open(Args):
    names: list[str]
    amount: int


class Transfer(Args):
    source: str
    target: str
    amount: int


class Refused(TaggedError):
    """As was asked for."""


class ListsSpec(GroupSpec):
    run = FunctionSpec.public_mutation(args=Steps, returns=list[list[int]], error=Refused)
    show = FunctionSpec.public_query(args=Keys, returns=list[list[int]])


class BankSpec(GroupSpec):
    open_ = FunctionSpec.public_mutation(args=Open, returns=None)
    transfer = FunctionSpec.public_mutation(args=Transfer, returns=None)
    show = FunctionSpec.public_query(args=Keys, returns=list[int])


async def read(ctx: QueryCtx[Suspensions, Any], key: str) -> list[int]:
    """The elements of a list."""
    if key.startswith("r"):
        rows = await ctx.db.table(ListRow).by("by_position", key=key).collect()
        return [row.element for row in rows]
    document = await ctx.db.table(ListDocument).by("by_key", key=key).unique()
    return document.elements if document else []


async def append(ctx: MutationCtx[Suspensions, Any], key: str, element: int) -> None:
    """Put an element at the end of a list."""
    if key.startswith("r"):
        last = await ctx.db.table(ListRow).by("by_position", key=key).order("desc").first()
        await Suspensions.of(ctx).perhaps()
        position = last.position + 1 if last else 0
        await ctx.db.table(ListRow).insert(key=key, position=position, element=element)
        return
    document = await ctx.db.table(ListDocument).by("by_key", key=key).unique()
    await Suspensions.of(ctx).perhaps()
    if document is None:
        await ctx.db.table(ListDocument).insert(key=key, elements=[element])
    else:
        elements = [*document.elements, element]
        await ctx.db.table(ListDocument).change(document.id, {"elements": elements})


@impl(ListsSpec.run)
async def run(ctx: MutationCtx[Suspensions], args: Steps) -> Outcome[list[list[int]], Refused]:
    found: list[list[int]] = []
    for step in args.steps:
        await Suspensions.of(ctx).perhaps()
        match step.split():
            case ["append", key, element]:
                await append(ctx, key, int(element))
            case ["read", key]:
                found.append(await read(ctx, key))
            case _:
                return Failure(Refused())
    return Success(found)


@impl(ListsSpec.show)
async def show(ctx: QueryCtx[Suspensions], args: Keys) -> list[list[int]]:
    found: list[list[int]] = []
    for key in args.keys:
        found.append(await read(ctx, key))
        await Suspensions.of(ctx).perhaps()
    return found


async def account(ctx: QueryCtx[Suspensions, Any], name: str) -> Account:
    found: Account | None = await ctx.db.table(Account).by("by_name", name=name).unique()
    await Suspensions.of(ctx).perhaps()
    assert found is not None, "every account is opened before anything else happens"
    return found


@impl(BankSpec.open_)
async def open_(ctx: MutationCtx, args: Open) -> None:
    for name in args.names:
        await ctx.db.table(Account).insert(name=name, amount=args.amount)


@impl(BankSpec.transfer)
async def transfer(ctx: MutationCtx[Suspensions], args: Transfer) -> None:
    accounts = ctx.db.table(Account)
    source = await account(ctx, args.source)
    await accounts.change(source.id, {"amount": source.amount - args.amount})
    target = await account(ctx, args.target)
    await accounts.change(target.id, {"amount": target.amount + args.amount})


@impl(BankSpec.show)
async def show_bank(ctx: QueryCtx[Suspensions], args: Keys) -> list[int]:
    return [(await account(ctx, name)).amount for name in args.keys]


def application(seed: int) -> Impl[Any]:
    """Lists and a bank, whose handlers are interrupted at random."""

    async def open_suspensions() -> AsyncIterator[Suspensions]:
        yield Suspensions(random.Random(seed))

    model = DataModel((ListDocument, ListRow, Account))
    lists: dict[str, Any] = {"run": run, "show": show}
    bank: dict[str, Any] = {"open": open_, "transfer": transfer, "show": show_bank}
    provided: Layers[Any] = layers().add(Suspensions, open_suspensions)
    return (
        Impl(provided)
        .provide(GroupImpl("lists", ListsSpec, lists, {}, model))
        .provide(GroupImpl("bank", BankSpec, bank, {}, model))
    )
