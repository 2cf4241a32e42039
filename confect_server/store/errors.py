"""What can be wrong with the place where the data lies."""

from __future__ import annotations

from confect_core.errors import DatabaseError


class ForeignDatabase(DatabaseError):
    """A file that is no database of this program, or one of another version."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"{path} cannot be opened: {problem}",
            hint="name another file with --db, or move this one away",
        )


class DatabaseBusy(DatabaseError):
    """Another process holds the database for too long."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"{path} is held by another process: {problem}",
            hint="stop the other process, or give it another file",
        )


class StoreFailed(DatabaseError):
    """The store could not read or write, as when the disk is full or away."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(
            f"the database cannot be used now: {type(problem).__name__}: {problem}",
            hint="look whether its disk is there and has space; clients try again meanwhile",
        )


class SnapshotForgotten(DatabaseError):
    """A read as of a timestamp whose data is deleted, or is about to be."""

    def __init__(self, ts: int, horizon: int) -> None:
        self.ts, self.horizon = ts, horizon
        super().__init__(
            f"the snapshot at {ts} is forgotten: the oldest that is kept is at {horizon}",
            hint="read at a newer snapshot",
        )


class LogTrimmed(DatabaseError):
    """The log no longer has all commits after a timestamp."""

    def __init__(self, ts: int, log_start: int) -> None:
        super().__init__(
            f"the log begins after {log_start} and cannot tell all that happened after {ts}",
            hint="forget what was read before, and read it again",
        )
