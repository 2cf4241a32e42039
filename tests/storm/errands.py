"""What somebody is sent to do, which must not be done twice, and on whose behalf."""

from __future__ import annotations

from typing import Any

from confect_core import Args, FunctionSpec, GroupSpec, Index, NoArgs, Table, ref
from confect_server import ActionCtx, MutationCtx, QueryCtx, impl


class Errand(Table, name="errands"):
    by: str
    number: int
    by_whom = Index("by")


class Run(Args):
    by: str
    number: int


class ByWhom(Args):
    by: str


class Length(Args):
    length: int


class Errands(GroupSpec):
    run = FunctionSpec.public_action(args=Run, returns=int)
    note = FunctionSpec.internal_mutation(args=Run, returns=None)
    done = FunctionSpec.public_query(args=ByWhom, returns=list[int])
    who = FunctionSpec.public_query(returns=str)
    sign = FunctionSpec.public_mutation(returns=str)
    long = FunctionSpec.public_action(args=Length, returns=str)


RUN = ref("errands:run", Errands.run)
WHO = ref("errands:who", Errands.who)
SIGN = ref("errands:sign", Errands.sign)
_NOTE = ref("errands:note", Errands.note)


@impl(Errands.run)
async def run(ctx: ActionCtx, args: Run) -> int:
    await ctx.run_mutation(_NOTE, by=args.by, number=args.number)
    return args.number


@impl(Errands.note)
async def note(ctx: MutationCtx, args: Run) -> None:
    await ctx.db.table(Errand).insert(by=args.by, number=args.number)


@impl(Errands.done)
async def done(ctx: QueryCtx, args: ByWhom) -> list[int]:
    errands = await ctx.db.table(Errand).by("by_whom", by=args.by).collect()
    return [errand.number for errand in errands]


@impl(Errands.who)
async def who(ctx: QueryCtx, args: NoArgs) -> str:
    identity = ctx.auth.identity()
    return "nobody" if identity is None else identity.subject


@impl(Errands.sign)
async def sign(ctx: MutationCtx, args: NoArgs) -> str:
    identity = ctx.auth.identity()
    by = "nobody" if identity is None else identity.subject
    await ctx.db.table(Errand).insert(by=by, number=0)
    return by


@impl(Errands.long)
async def long(ctx: ActionCtx, args: Length) -> str:
    return "x" * args.length


FUNCTIONS: dict[str, Any] = {
    "run": run,
    "note": note,
    "done": done,
    "who": who,
    "sign": sign,
    "long": long,
}
