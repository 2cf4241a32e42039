"""A process that runs what is scheduled in a database file until nothing is left, or it is killed.

It says each function that it runs, so that whoever started it may kill it after so many.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel

from confect_core import Args, FunctionSpec, GroupSpec, Table, ref
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    Service,
    Settings,
    impl,
    layers,
)
from confect_server.engine import JOBS_BY_STATE, PausePoint, Pauses, Transaction
from confect_server.runtime import Backend
from confect_server.scheduler.jobs import RUNNING_ACTIONS, pending_jobs
from confect_server.settings import Scheduling, Sharing
from confect_server.store import SqliteStore
from tests.server.engine.pausing import Deadly

SETTINGS = Settings(sharing=Sharing(poll_s=0.05), scheduling=Scheduling(lease_s=1.0))
LOOK_S = 0.05


class Done(Table, name="done"):
    text: str


class Task(Args):
    text: str
    children: int


class Diary(Service):
    """What actions did: one line for each, in a file, where no transaction takes it back."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def note(self, text: str) -> None:
        with self.file.open("ab", buffering=0) as file:
            file.write(f"{text}\n".encode())


class Work(GroupSpec):
    change = FunctionSpec.internal_mutation(args=Task, returns=None)
    act = FunctionSpec.internal_action(args=Task, returns=None)


class Refs:
    change: Final = ref("work:change", Work.change)
    act: Final = ref("work:act", Work.act)


@impl(Work.change)
async def change(ctx: MutationCtx, args: Task) -> None:
    """Written once, whatever happens, with what follows from it."""
    say(args.text)
    await ctx.db.table(Done).insert(text=args.text)
    await follow(ctx, args)


@impl(Work.act)
async def act(ctx: ActionCtx[Diary], args: Task) -> None:
    """Noted outside of the database; what is noted twice was run twice."""
    say(args.text)
    Diary.of(ctx).note(args.text)
    await anyio.lowlevel.checkpoint()
    await follow(ctx, args)


async def follow(ctx: MutationCtx[Any] | ActionCtx[Any], args: Task) -> None:
    for number in range(args.children):
        text = f"{args.text}.{number}"
        await ctx.scheduler.run_after(timedelta(), Refs.change, text=text, children=0)


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def application(diary: Path) -> Impl[Any]:
    async def open_diary() -> AsyncIterator[Diary]:
        yield Diary(diary)

    functions: dict[str, Any] = {"change": change, "act": act}
    group = GroupImpl[Any]("work", Work, functions, data_model=DataModel((Done,)))
    return Impl(layers().add(Diary, open_diary)).provide(group)


async def work(database: Path, pauses: Pauses | None) -> None:
    """Run what there is until all of it has ended, with a new version again and again."""
    app = application(diary_of(database))
    opening = Backend.open(app, SqliteStore(database), settings=SETTINGS, pauses=pauses)
    async with opening as backend:
        while True:
            await backend.replace(application(diary_of(database)))
            await backend.database.refresh()
            if await _is_all_done(backend.database.begin(is_read_only=True)):
                return
            await anyio.sleep(LOOK_S)


def diary_of(database: Path) -> Path:
    """Where the actions that run on a database note what they did."""
    return database.with_suffix(".diary")


async def _is_all_done(transaction: Transaction) -> bool:
    running = transaction.range(JOBS_BY_STATE, RUNNING_ACTIONS, at_most=1)
    return not await pending_jobs(transaction, 1) and not [each async for each in running]


if __name__ == "__main__":
    path, point, arrival = sys.argv[1:]
    deadly = Deadly(PausePoint[point], int(arrival)) if point else None
    anyio.run(work, Path(path), deadly)
