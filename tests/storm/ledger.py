"""What writers put numbers into: each counts for itself, and all of it is seen by everybody."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from confect_core import Args, FunctionSpec, GroupSpec, Index, NoArgs, Table, ref
from confect_server import MutationCtx, QueryCtx, impl

_SHOWN = 20


class Entry(Table, name="entries"):
    writer: str
    number: int
    by_writer = Index("writer")


class Total(Table, name="totals"):
    writer: str
    entries: int
    by_writer = Index("writer")


class Write(Args):
    writer: str
    number: int


class ByWriter(Args):
    writer: str


class Newest(BaseModel):
    written: int
    """How many there are, of all writers."""
    entries: list[str]


class Ledger(GroupSpec):
    write = FunctionSpec.public_mutation(args=Write, returns=int)
    totals = FunctionSpec.public_query(returns=dict[str, int])
    newest = FunctionSpec.public_query(returns=Newest)
    written = FunctionSpec.public_query(args=ByWriter, returns=list[int])


WRITE = ref("ledger:write", Ledger.write)
TOTALS = ref("ledger:totals", Ledger.totals)
NEWEST = ref("ledger:newest", Ledger.newest)


@impl(Ledger.write)
async def write(ctx: MutationCtx, args: Write) -> int:
    totals = ctx.db.table(Total)
    total = await totals.by("by_writer", writer=args.writer).unique()
    await ctx.db.table(Entry).insert(writer=args.writer, number=args.number)
    if total is None:
        await totals.insert(writer=args.writer, entries=1)
        return 1
    await totals.change(total.id, {"entries": total.entries + 1})
    return total.entries + 1


@impl(Ledger.totals)
async def totals(ctx: QueryCtx, args: NoArgs) -> dict[str, int]:
    return {total.writer: total.entries for total in await ctx.db.table(Total).query().collect()}


@impl(Ledger.newest)
async def newest(ctx: QueryCtx, args: NoArgs) -> Newest:
    totals = await ctx.db.table(Total).query().collect()
    entries = await ctx.db.table(Entry).query().order("desc").take(_SHOWN)
    return Newest(
        written=sum(total.entries for total in totals),
        entries=[f"{entry.writer} {entry.number}" for entry in entries],
    )


@impl(Ledger.written)
async def written(ctx: QueryCtx, args: ByWriter) -> list[int]:
    entries = await ctx.db.table(Entry).by("by_writer", writer=args.writer).collect()
    return [entry.number for entry in entries]


FUNCTIONS: dict[str, Any] = {
    "write": write,
    "totals": totals,
    "newest": newest,
    "written": written,
}
