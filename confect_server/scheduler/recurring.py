"""Jobs that recur, as they are stored: each has one run ahead of it, or one that is running.

A run is a scheduled function. What ends it schedules the next one in the same transaction, so runs
of one job never overlap and none is lost. What became due meanwhile is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from confect_core.values import Interval, Value, decode_id, key_of
from confect_core.values.codec import Codec
from confect_server.crons import Recurrence
from confect_server.engine import CRON_RUNS, CRONS, CRONS_BY_NAME, Document, Transaction
from confect_server.scheduler.jobs import (
    Call,
    Job,
    canceled,
    end,
    now_ms,
    read_job,
    schedule_run,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)

_RECURRENCE: Codec[Any] = Codec(Recurrence, what="recurrence")
_log = logging.getLogger("confect")


@dataclass(frozen=True)
class Plan:
    """What is to be run again and again, and when."""

    name: str
    recurrence: Recurrence
    call: Call
    is_declared: bool


@dataclass(frozen=True)
class StoredCron:
    """A job that recurs, as one transaction sees it."""

    id: bytes
    job: str
    next_ms: float
    plan: Plan


async def stored_crons(transaction: Transaction) -> list[StoredCron]:
    """All jobs that recur, by their names."""
    found = transaction.range(CRONS_BY_NAME, Interval.all())
    return [_stored(each.document) async for each in found]


async def cron_named(transaction: Transaction, name: str) -> StoredCron | None:
    """The job that recurs under this name, if there is one."""
    found = transaction.range(CRONS_BY_NAME, Interval.prefix(key_of((name,))), at_most=1)
    async for each in found:
        return _stored(each.document)
    return None


async def add(transaction: Transaction, plan: Plan) -> str:
    """Store a job that recurs, under a name that is free, and give its id."""
    next_ms = (plan.recurrence.first(_now(transaction)) - EPOCH) / MS
    job = await schedule_run(transaction, plan.call, next_ms, cron=plan.name)
    return await transaction.insert(CRONS, _fields(plan, job, next_ms))


async def change(transaction: Transaction, stored: StoredCron, plan: Plan) -> None:
    """Go by another plan from now on; a run that has begun ends as it is, and counts as one."""
    if stored.plan == plan:
        return
    job, next_ms = await read_job(transaction, stored.job), stored.next_ms
    if job is None or job.state != "pending":  # what ends it goes by the new plan
        await transaction.replace(CRONS, stored.id, _fields(plan, stored.job, next_ms))
        return
    await end(transaction, job, canceled())
    if plan.recurrence != stored.plan.recurrence:
        next_ms = (plan.recurrence.first(_now(transaction)) - EPOCH) / MS
    following = await schedule_run(transaction, plan.call, next_ms, cron=plan.name)
    await transaction.replace(CRONS, stored.id, _fields(plan, following, next_ms))


async def remove(transaction: Transaction, stored: StoredCron) -> None:
    """Let a job recur no more; a run that has begun goes on."""
    job = await read_job(transaction, stored.job)
    if job is not None and job.state == "pending":
        await end(transaction, job, canceled())
    await transaction.delete(CRONS, stored.id)


async def declare(plans: Iterable[Plan], transaction: Transaction) -> None:
    """Bring the stored jobs to those that an application declares; others stay as they are."""
    declared = {plan.name: plan for plan in plans}
    for stored in await stored_crons(transaction):
        plan = declared.pop(stored.plan.name, None)
        if plan is not None:
            await change(transaction, stored, plan)
        elif stored.plan.is_declared:
            await remove(transaction, stored)
    for plan in declared.values():
        await add(transaction, plan)


async def end_job(transaction: Transaction, job: Job, state: dict[str, Value]) -> None:
    """A job has come to its end; if it was the run of a cron, the next one is scheduled.

    An action that is canceled while it runs has not ended yet: `go_on` follows when it does.
    """
    await end(transaction, job, state)
    if job.state != "inProgress" or job.claim is None or state != canceled():
        await go_on(transaction, job, state)


async def go_on(transaction: Transaction, job: Job, state: dict[str, Value]) -> None:
    """After a run of a cron, note it and schedule the next one, if there still is such a cron."""
    stored = None if job.cron is None else await cron_named(transaction, job.cron)
    if stored is None or stored.job != job.id:
        return
    plan, now = stored.plan, _now(transaction)
    due = EPOCH + job.scheduled_ms * MS
    following, missed = plan.recurrence.next_after(due, now), plan.recurrence.next_after(due, due)
    run: dict[str, Value] = {
        "cron": plan.name,
        "job": job.id,
        "scheduled_time": job.scheduled_ms,
        "completed_time": now_ms(transaction),
        "state": state,
    }
    if missed < following:
        run["skipped_since"] = (missed - EPOCH) / MS
        _log.warning("cron %r skips its runs from %s until %s", plan.name, missed, now)
    await transaction.insert(CRON_RUNS, run)
    next_ms = (following - EPOCH) / MS
    next_job = await schedule_run(transaction, plan.call, next_ms, cron=plan.name)
    await transaction.replace(CRONS, stored.id, _fields(plan, next_job, next_ms))


async def go_on_after(transaction: Transaction, runner: str) -> None:
    """Schedule what follows the runs that a dead process has not ended, though canceled."""
    for stored in await stored_crons(transaction):
        job = await read_job(transaction, stored.job)
        if job is not None and (job.state, job.runner) == ("canceled", runner):
            await go_on(transaction, job, canceled())


def _stored(document: Document) -> StoredCron:
    call = Call(cast("str", document["function"]), document["args"])
    name, recurrence = cast("str", document["name"]), _RECURRENCE.decode(document["recurrence"])
    return StoredCron(
        decode_id(cast("str", document["_id"]))[1],
        cast("str", document["job"]),
        cast("float", document["next_time"]),
        Plan(name, recurrence, call, cast("bool", document["is_declared"])),
    )


def _fields(plan: Plan, job: str, next_ms: float) -> dict[str, Value]:
    return {
        "name": plan.name,
        "function": plan.call.path,
        "args": plan.call.args,
        "recurrence": _RECURRENCE.encode(plan.recurrence),
        "is_declared": plan.is_declared,
        "job": job,
        "next_time": next_ms,
    }


def _now(transaction: Transaction) -> datetime:
    return EPOCH + now_ms(transaction) * MS
