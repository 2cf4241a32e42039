"""An almanac: an application whose functions ask for the time and draw random numbers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from confect_core import Args, FunctionSpec, GroupSpec, NoArgs, Table, ref
from confect_server import ActionCtx, DataModel, GroupImpl, Impl, MutationCtx, QueryCtx, impl
from confect_server import layers as no_layers
from tests.server.stores import SettableClock


class Day(Table, name="days"):
    note: str


class About(Args):
    word: str


class Drawn(Args):
    number: float
    id: UUID


class Almanac(GroupSpec):
    now = FunctionSpec.public_query(args=About, returns=datetime)
    now_inside = FunctionSpec.public_query(args=About, returns=list[datetime])
    draw = FunctionSpec.public_query(args=About, returns=Drawn)
    draw_inside = FunctionSpec.public_query(args=About, returns=list[Drawn])
    note = FunctionSpec.public_mutation(args=About, returns=float)
    moments = FunctionSpec.public_action(args=NoArgs, returns=list[datetime])


class Calls:
    now = ref("almanac:now", Almanac.now)
    draw = ref("almanac:draw", Almanac.draw)


def almanac(runs: Counter[str], clock: SettableClock) -> Impl[Any]:
    """The application; time passes on its clock while its functions run."""

    @impl(Almanac.now)
    async def now(ctx: QueryCtx, args: About) -> datetime:
        runs["now"] += 1
        clock.at_ns += 1_000_000
        return ctx.now()

    @impl(Almanac.now_inside)
    async def now_inside(ctx: QueryCtx, args: About) -> list[datetime]:
        runs["now_inside"] += 1
        inside = await ctx.run_query(Calls.now, word=args.word)
        return [inside] if args.word == "inside" else [ctx.now(), inside, ctx.now()]

    @impl(Almanac.draw)
    async def draw(ctx: QueryCtx, args: About) -> Drawn:
        runs["draw"] += 1
        return Drawn(number=ctx.random.random(), id=ctx.uuid())

    @impl(Almanac.draw_inside)
    async def draw_inside(ctx: QueryCtx, args: About) -> list[Drawn]:
        runs["draw_inside"] += 1
        own = [Drawn(number=ctx.random.random(), id=ctx.uuid())] if args.word == "both" else []
        return [*own, *[await ctx.run_query(Calls.draw, word=args.word) for _ in range(2)]]

    @impl(Almanac.note)
    async def note(ctx: MutationCtx, args: About) -> float:
        day = await ctx.db.table(Day).insert(note=args.word)
        created = await ctx.db.table(Day).get(day)
        assert created is not None
        assert created.creation_time == ctx.now().timestamp() * 1000
        return ctx.random.random()

    @impl(Almanac.moments)
    async def moments(ctx: ActionCtx, args: NoArgs) -> list[datetime]:
        before = ctx.now()
        clock.at_ns += 1_000_000
        return [before, ctx.now()]

    functions: dict[str, Any] = {
        "now": now,
        "now_inside": now_inside,
        "draw": draw,
        "draw_inside": draw_inside,
        "note": note,
        "moments": moments,
    }
    group = GroupImpl("almanac", Almanac, functions, {}, DataModel((Day,)))
    return Impl(no_layers()).provide(group)
