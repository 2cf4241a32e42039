"""An application into which writers put numbers, and its server as the main program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
from pydantic import BaseModel

from confect_core import Args, FunctionSpec, GroupSpec, Index, NoArgs, Table, ref
from confect_server import DataModel, GroupImpl, Impl, MutationCtx, QueryCtx, impl, layers
from confect_server.runtime import Backend, settle_collector
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving

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


def application() -> Impl[Any]:
    functions: dict[str, Any] = {
        "write": write,
        "totals": totals,
        "newest": newest,
        "written": written,
    }
    group = GroupImpl("ledger", Ledger, functions, {}, DataModel((Entry, Total)))
    return Impl(layers()).provide(group)


async def serve(database: Path, port: int) -> None:
    async with Backend.open(application(), SqliteStore(database)) as backend:
        settle_collector()
        async with serving(ConfectAsgi(backend, AdminKey("secret")), "127.0.0.1", port) as served:
            print(served, flush=True)  # noqa: T201  # whoever started this reads it
            await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(serve, Path(sys.argv[1]), int(sys.argv[2]), backend_options={"use_uvloop": True})
