"""`Job`: a scheduled function as it is stored, and the steps that it goes through.

    pending ──> inProgress ──> success
       │             ├───────> failed
       └─────────────┴───────> canceled

Each step is taken inside a transaction that has read the row, so of two that want to take one from
the same state only one commits. The row is all there is: whether a job has run is what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from confect_core.values import Interval, Value, decode_id, dumps_canonical, key_of
from confect_server.engine import (
    DUE,
    JOBS,
    JOBS_BY_STATE,
    Document,
    TooManyFunctionsPending,
    Transaction,
)
from confect_server.scheduler.running import job_that_runs

NS_PER_MS = 1_000_000

StateKind: TypeAlias = Literal["pending", "inProgress", "success", "failed", "canceled"]

RUNNING_ACTIONS = Interval.prefix(key_of(("inProgress",)))
"""The actions that some process runs, in the index by state."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function with the arguments that it will be run with."""

    path: str
    args: Value

    @property
    def size(self) -> int:
        """The length of the arguments as they are stored."""
        return len(dumps_canonical(self.args))


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled function, as one transaction sees it."""

    id: str
    path: str
    args: Value
    state: StateKind
    scheduled_ms: float
    due_ms: float | None
    troubles: int
    runner: str | None
    claim: str | None
    cron: str | None

    @property
    def internal(self) -> bytes:
        """Its id below the database."""
        return decode_id(self.id)[1]


def job_of(document: Document) -> Job:
    """The job that a row is."""
    state = cast("dict[str, Value]", document["state"])
    return Job(
        cast("str", document["_id"]),
        cast("str", document["name"]),
        document["args"],
        cast("StateKind", state["kind"]),
        cast("float", document["scheduled_time"]),
        cast("float | None", document.get(DUE)),
        int(cast("float", document["troubles"])),
        cast("str | None", document.get("runner")),
        cast("str | None", document.get("claim")),
        cast("str | None", document.get("cron")),
    )


async def read_job(transaction: Transaction, id: str) -> Job | None:
    """The job with this id, or None if it is forgotten."""
    document = await transaction.get(JOBS, decode_id(id)[1])
    return None if document is None else job_of(document)


async def pending_jobs(
    transaction: Transaction, at_most: int, from_ms: float | None = None
) -> list[Job]:
    """The first so many that wait for their time, of those that are due from some time on."""
    every = Interval.prefix(key_of(("pending",)))
    start = every.start if from_ms is None else key_of(("pending", from_ms))
    found = transaction.range(JOBS_BY_STATE, Interval(start, every.end), at_most=at_most)
    return [job_of(each.document) async for each in found]


async def schedule(transaction: Transaction, call: Call, at_ms: float) -> str:
    """Store a job, and give its id; one that a canceled job schedules is canceled already."""
    await _check_pending(transaction)
    transaction.usage.schedule(call.size)
    if await _is_canceled(transaction, job_that_runs()):
        over: dict[str, Value] = {"state": canceled(), "completed_time": now_ms(transaction)}
        return await transaction.insert(JOBS, {**_fields(call, at_ms), **over})
    return await schedule_run(transaction, call, at_ms)


async def schedule_run(transaction: Transaction, call: Call, at_ms: float, **cron: Value) -> str:
    """Store a job that nobody's limits count, as the run of a cron perhaps, and give its id."""
    # never due before it is stored: so whoever looks need not look at what was due long ago
    due_ms = max(at_ms, now_ms(transaction))
    waiting: dict[str, Value] = {"state": {"kind": "pending"}, DUE: due_ms}
    return await transaction.insert(JOBS, {**_fields(call, at_ms), **waiting, **cron})


async def begin(transaction: Transaction, job: Job, **marks: Value) -> None:
    """From now on it is in progress; `marks` say who runs it."""
    await _change(transaction, job, {"state": {"kind": "inProgress"}, **marks}, without=(DUE,))


async def end(transaction: Transaction, job: Job, state: dict[str, Value]) -> None:
    """It has come to its end, in this state."""
    fields: dict[str, Value] = {"state": state, "completed_time": now_ms(transaction)}
    await _change(transaction, job, fields, without=(DUE,))


async def postpone(transaction: Transaction, job: Job, due_ms: float) -> None:
    """It is run later, because the database could not take it now."""
    await _change(transaction, job, {DUE: due_ms, "troubles": job.troubles + 1.0})


def succeeded() -> dict[str, Value]:
    """The state of a job that returned."""
    return {"kind": "success"}


def failed(error: str) -> dict[str, Value]:
    """The state of a job that failed."""
    return {"kind": "failed", "error": error}


def canceled() -> dict[str, Value]:
    """The state of a job that was canceled."""
    return {"kind": "canceled"}


def now_ms(transaction: Transaction) -> float:
    """When the transaction began, in milliseconds."""
    return transaction.began_at_ns / NS_PER_MS


def _fields(call: Call, at_ms: float) -> dict[str, Value]:
    return {"name": call.path, "args": call.args, "scheduled_time": at_ms, "troubles": 0.0}


async def _check_pending(transaction: Transaction) -> None:
    """Raise `TooManyFunctionsPending` if there is no room; asked once in a transaction.

    A mutation that schedules takes 28 µs more of 170 in memory because they are counted.
    """
    usage = transaction.usage
    if usage.functions_scheduled == 0:
        pending = await transaction.pending_jobs()
        if pending >= usage.limits.functions_pending:
            raise TooManyFunctionsPending(pending, usage.limits.functions_pending)


async def _is_canceled(transaction: Transaction, id: str | None) -> bool:
    job = None if id is None else await read_job(transaction, id)
    return job is not None and job.state == "canceled"


async def _change(
    transaction: Transaction, job: Job, fields: dict[str, Value], without: tuple[str, ...] = ()
) -> None:
    def changed(current: Document) -> dict[str, Value]:
        kept = {name: value for name, value in current.items() if name not in without}
        return {**kept, **fields}

    await transaction.change(JOBS, job.internal, changed)
