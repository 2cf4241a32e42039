"""What the system tables say of scheduled functions."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from confect_core import Table


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
    take it then, which `troubles` counts. `runner` is the process that runs an action.
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
