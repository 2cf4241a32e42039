"""An application for a crowd, with functions that harm it, and its server as the main program."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import anyio

from confect_core import Args, FunctionSpec, GroupSpec, Index, NoArgs, Table
from confect_server import (
    ActionCtx,
    BlockingActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    Limits,
    MutationCtx,
    QueryCtx,
    Settings,
    impl,
    layers,
)
from confect_server.runtime import Backend, settle_collector
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving

HUGE = 100_000_000
RUN_TIME_S = 1.0
"""More than what does no harm takes, however busy the machine is."""

TOO_LONG_S = 1.2 * RUN_TIME_S
HELD_S = 2 * TOO_LONG_S
"""Far from what is too long, so that a handler which is that ends by itself on a busy machine."""


class Vote(Table, name="votes"):
    voter: int
    by_voter = Index("voter")


class Voter(Args):
    voter: int


class Crowd(GroupSpec):
    votes = FunctionSpec.public_query(args=Voter, returns=int)
    vote = FunctionSpec.public_mutation(args=Voter, returns=None)
    loop = FunctionSpec.public_query(returns=int)
    sleep = FunctionSpec.public_mutation(returns=None)
    huge = FunctionSpec.public_mutation(returns=str)
    block = FunctionSpec.public_action(returns=None, blocking=True, timeout_s=RUN_TIME_S)
    fail = FunctionSpec.public_action(returns=None)


@impl(Crowd.votes)
async def votes(ctx: QueryCtx, args: Voter) -> int:
    return len(await ctx.db.table(Vote).by("by_voter", voter=args.voter).collect())


@impl(Crowd.vote)
async def vote(ctx: MutationCtx, args: Voter) -> None:
    await ctx.db.table(Vote).insert(voter=args.voter)


@impl(Crowd.loop)
async def loop(ctx: QueryCtx, args: NoArgs) -> int:
    while True:
        pass


@impl(Crowd.sleep)
async def sleep(ctx: MutationCtx, args: NoArgs) -> None:
    time.sleep(TOO_LONG_S)  # noqa: ASYNC251  # it harms


@impl(Crowd.huge)
async def huge(ctx: MutationCtx, args: NoArgs) -> str:
    return "x" * HUGE


@impl(Crowd.block)
def block(ctx: BlockingActionCtx, args: NoArgs) -> None:
    Event().wait(4 * TOO_LONG_S)


@impl(Crowd.fail)
async def fail(ctx: ActionCtx, args: NoArgs) -> None:
    raise ValueError("it fails")


def application() -> Impl[Any]:
    functions: dict[str, Any] = {
        "votes": votes,
        "vote": vote,
        "loop": loop,
        "sleep": sleep,
        "huge": huge,
        "block": block,
        "fail": fail,
    }
    group = GroupImpl("crowd", Crowd, functions, {}, DataModel((Vote,)))
    return Impl(layers()).provide(group)


async def serve(database: Path) -> None:
    settings = Settings(limits=Limits(run_time_s=RUN_TIME_S, held_s=HELD_S))
    async with Backend.open(application(), SqliteStore(database), settings=settings) as backend:
        settle_collector()
        async with serving(ConfectAsgi(backend, AdminKey("secret")), "127.0.0.1", 0) as port:
            print(port, flush=True)  # noqa: T201  # whoever started this reads it
            await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(serve, Path(sys.argv[1]), backend_options={"use_uvloop": True})
