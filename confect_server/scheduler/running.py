"""Which scheduled function is running: what it schedules is canceled with it.

A context variable, because it has to reach whatever a job starts: the mutations that an action
calls, and the tasks and threads of its own.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_JOB: ContextVar[str | None] = ContextVar("scheduled function", default=None)


@contextmanager
def running_job(id: str) -> Generator[None]:
    """Inside, everything is run by this scheduled function."""
    token = _JOB.set(id)
    try:
        yield
    finally:
        _JOB.reset(token)


def job_that_runs() -> str | None:
    """The id of the scheduled function that runs here, if one does."""
    return _JOB.get()
