"""What the system tables say of scheduled functions, and of jobs that recur."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from confect_core import Id, Table
from confect_server.crons import Calendar, Every


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobPending(_State):
    """It waits for its time."""

    kind: Literal["pending"] = "pending"


class JobInProgress(_State):
    """It runs; of a mutation only the mutation itself sees this."""

    kind: Literal["inProgress"] = "inProgress"


class JobSuccess(_State):
    """It returned."""

    kind: Literal["success"] = "success"


class JobFailed(_State):
    """It failed, and is not run again; `error` is what a caller would have been told."""

    kind: Literal["failed"] = "failed"
    error: str


class JobCanceled(_State):
    """It was canceled: it never runs, or what it schedules from then on never does."""

    kind: Literal["canceled"] = "canceled"


JobState: TypeAlias = Annotated[
    JobPending | JobInProgress | JobSuccess | JobFailed | JobCanceled, Field(discriminator="kind")
]
"""Where a scheduled function stands."""


class ScheduledFunction(Table, name="scheduled_functions"):
    """One run of a function that was asked for ahead of time; kept for a while after it ended.

    `due` says when a pending one is run: at its scheduled time, or later if the database could not
    take it then, which `troubles` counts. `runner` is the process that runs an action, `cron` the
    name of the cron that it is a run of.
    """

    name: str
    args: dict[str, object]
    scheduled_time: float
    completed_time: float | None = None
    state: JobState
    due: float | None = None
    troubles: int = 0
    runner: str | None = None
    claim: str | None = None
    cron: str | None = None


class CronJob(Table, name="crons"):
    """A function that is run again and again; `job` is its next run, or the one that is running.

    `is_declared` tells those of the application from those that a mutation has registered.
    """

    name: str
    function: str
    args: dict[str, object]
    recurrence: Every | Calendar
    is_declared: bool
    job: Id[ScheduledFunction]
    next_time: float


class CronRun(Table, name="cron_runs"):
    """One run of a cron that has ended; kept as long as the scheduled function that it was.

    `skipped_since` is when the first of those runs was due that were left out after it, because it
    was still running or no server was.
    """

    cron: str
    job: Id[ScheduledFunction]
    scheduled_time: float
    completed_time: float
    state: JobState
    skipped_since: float | None = None
