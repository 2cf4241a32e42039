"""`Scheduler`: what mutations and actions are given to have functions run later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar, cast

from typing_extensions import ParamSpec

from confect_core import ActionRef, Id, MutationRef, Ref
from confect_core.values import decode_id
from confect_server.db import ScheduledFunction
from confect_server.engine import JOBS, Transaction
from confect_server.errors import WrongTable
from confect_server.scheduler.errors import NaiveTime, NegativeDelay, NotSchedulable, TooFarAway
from confect_server.scheduler.jobs import Call, canceled, now_ms, read_job, schedule
from confect_server.scheduler.recurring import EPOCH, MS, end_job

P = ParamSpec("P")
T = TypeVar("T")

FARTHEST = timedelta(days=5 * 365)
"""How far from now a function may be scheduled."""


class Transacts(Protocol):
    """Runs work on the database: as a part of a transaction, or as one of its own."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]], /) -> T:
        """What the work gives."""
        ...


class Scheduler:
    """Has functions run later, on nobody's behalf.

    In a mutation this is a part of its transaction: a function is scheduled if the mutation commits
    and only then. In an action it is done at once. A scheduled mutation is run exactly once, an
    action at most once: one whose process dies has failed.
    """

    def __init__(self, calls: Transacts) -> None:
        self._calls = calls

    async def run_after(
        self,
        delay: timedelta,
        ref: MutationRef[P, object] | ActionRef[P, object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Id[ScheduledFunction]:
        """Have a function run once so much time has passed, and give the id of that run."""
        if delay < timedelta(0):
            raise NegativeDelay(delay)
        if delay > FARTHEST:
            raise TooFarAway(delay, FARTHEST)
        call = call_of(ref, args, kwargs)

        async def work(transaction: Transaction) -> str:
            return await schedule(transaction, call, now_ms(transaction) + delay / MS)

        return cast("Id[ScheduledFunction]", await self._calls.transact(work))

    async def run_at(
        self,
        at: datetime,
        ref: MutationRef[P, object] | ActionRef[P, object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Id[ScheduledFunction]:
        """Have a function run at a time, at once if that is past, and give the id of that run."""
        if at.tzinfo is None:
            raise NaiveTime(at)
        call, at_ms = call_of(ref, args, kwargs), (at - EPOCH) / MS

        async def work(transaction: Transaction) -> str:
            distance = timedelta(milliseconds=at_ms - now_ms(transaction))
            if abs(distance) > FARTHEST:
                raise TooFarAway(distance, FARTHEST)
            return await schedule(transaction, call, at_ms)

        return cast("Id[ScheduledFunction]", await self._calls.transact(work))

    async def cancel(self, id: Id[ScheduledFunction]) -> None:
        """Let a pending function never run.

        An action that runs goes on, but what it schedules from now on never runs. Nothing happens
        to one that has ended or that is forgotten.
        """
        table_no, _ = decode_id(id)

        async def work(transaction: Transaction) -> None:
            if table_no != JOBS:
                found = transaction.catalog.table_name(table_no) or f"number {table_no}"
                raise WrongTable(id, "_scheduled_functions", found)
            job = await read_job(transaction, id)
            if job is not None and job.state in ("pending", "inProgress"):
                await end_job(transaction, job, canceled())

        await self._calls.transact(work)


def call_of(ref: Ref[..., Any], args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
    """A call to be run later, its arguments checked and encoded."""
    if ref.spec.kind not in ("mutation", "action"):
        raise NotSchedulable(ref.path, ref.spec.kind)
    return Call(ref.path, ref.call.encode_args(args, kwargs))
