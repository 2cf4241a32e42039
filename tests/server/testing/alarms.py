"""Alarms: an application with a loop that waits by the clock, as a scheduler does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import anyio

from confect_core import Args, FunctionSpec, GroupSpec, Id, NoArgs, StoredFile, Table, ref
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    Service,
    impl,
    layers,
)


class Alarm(Table, name="alarms"):
    note: str


class Note(Args):
    note: str


class ByFile(Args):
    file: Id[StoredFile]


class Bell(Service):
    """What rings; tests put another one in its place."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self.held = anyio.Event()
        self.held.set()

    async def ring(self, note: str) -> None:
        """Ring, once nobody holds the bell."""
        await self.held.wait()
        self.rung.append(note)


class Alarms(GroupSpec):
    set_ = FunctionSpec.public_mutation(args=Note, returns=Id[Alarm])
    notes = FunctionSpec.public_query(returns=list[str])
    now = FunctionSpec.public_query(returns=datetime)
    drawn = FunctionSpec.public_query(returns=float)
    ring = FunctionSpec.public_action(args=Note, returns=int)
    clear = FunctionSpec.internal_mutation(returns=None)
    record = FunctionSpec.public_action(args=Note, returns=Id[StoredFile])
    url = FunctionSpec.public_query(args=ByFile, returns=str | None)
    plan = FunctionSpec.public_mutation(args=Note, returns=None)
    planned = FunctionSpec.public_query(returns=list[str])


class Calls:
    set_ = ref("alarms:set", Alarms.set_)
    notes = ref("alarms:notes", Alarms.notes)
    now = ref("alarms:now", Alarms.now)
    drawn = ref("alarms:drawn", Alarms.drawn)
    ring = ref("alarms:ring", Alarms.ring)
    clear = ref("alarms:clear", Alarms.clear)
    record = ref("alarms:record", Alarms.record)
    url = ref("alarms:url", Alarms.url)
    plan = ref("alarms:plan", Alarms.plan)
    planned = ref("alarms:planned", Alarms.planned)


@impl(Alarms.set_)
async def set_(ctx: MutationCtx, args: Note) -> Id[Alarm]:
    return await ctx.db.table(Alarm).insert(note=args.note)


@impl(Alarms.notes)
async def notes(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [each.note async for each in ctx.db.table(Alarm).query()]


@impl(Alarms.now)
async def now(ctx: QueryCtx, args: NoArgs) -> datetime:
    return ctx.now()


@impl(Alarms.drawn)
async def drawn(ctx: QueryCtx, args: NoArgs) -> float:
    return ctx.random.random()


@impl(Alarms.ring)
async def ring(ctx: ActionCtx[Bell], args: Note) -> int:
    await ctx.run_mutation(Calls.set_, note=args.note)
    await Bell.of(ctx).ring(args.note)
    await ctx.run_mutation(Calls.set_, note=f"rang {args.note}")
    return len(await ctx.run_query(Calls.notes))


@impl(Alarms.clear)
async def clear(ctx: MutationCtx, args: NoArgs) -> None:
    async for each in ctx.db.table(Alarm).query():
        await ctx.db.delete(each.id)


@impl(Alarms.record)
async def record(ctx: ActionCtx, args: Note) -> Id[StoredFile]:
    return await ctx.storage.store(args.note.encode())


@impl(Alarms.url)
async def url(ctx: QueryCtx, args: ByFile) -> str | None:
    return await ctx.storage.url(args.file)


@impl(Alarms.plan)
async def plan(ctx: MutationCtx, args: Note) -> None:
    await ctx.scheduler.run_after(timedelta(), Calls.ring, note=args.note)


@impl(Alarms.planned)
async def planned(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [
        f"{each.args['note']} {each.state.kind}"
        for each in await ctx.db.system.scheduled_functions.collect()
    ]


async def open_bell() -> AsyncIterator[Bell]:
    yield Bell()


def alarms() -> Impl[Bell]:
    """The application."""
    functions: dict[str, Any] = {
        "set": set_,
        "notes": notes,
        "now": now,
        "drawn": drawn,
        "ring": ring,
        "clear": clear,
        "record": record,
        "url": url,
        "plan": plan,
        "planned": planned,
    }
    group: GroupImpl[Bell] = GroupImpl("alarms", Alarms, functions, {}, DataModel((Alarm,)))
    return Impl(layers().add(Bell, open_bell)).provide(group)
