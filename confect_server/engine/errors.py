"""What can stand against a transaction."""

from __future__ import annotations

from typing import cast

from confect_core.errors import DatabaseError


class Conflict(DatabaseError):
    """Something that a transaction read was written by a later commit; run it again."""

    def __init__(self, index_no: int, ts: int) -> None:
        super().__init__(
            f"the commit at {ts} wrote what this transaction read by index {index_no}",
            hint="run the transaction again at a newer snapshot",
        )


def conflict_in(error: Exception) -> Conflict | None:
    """The conflict that an error is, or that a task group of a handler has wrapped."""
    if isinstance(error, Conflict):
        return error
    if not isinstance(error, ExceptionGroup):
        return None
    inner = (conflict_in(each) for each in cast("ExceptionGroup[Exception]", error).exceptions)
    return next((each for each in inner if each is not None), None)


class SnapshotTooOld(Conflict):
    """A transaction began before the oldest commit that is still remembered."""

    def __init__(self, begin_ts: int, oldest_ts: int) -> None:
        DatabaseError.__init__(
            self,
            f"the snapshot at {begin_ts} is older than the log, which begins at {oldest_ts}",
            hint="run it again at a newer snapshot, and let it read less before it writes",
        )


class OutOfRetention(Conflict):
    """A transaction ran for so long that the history it reads is no longer kept."""

    def __init__(self, ts: int, horizon: int) -> None:
        DatabaseError.__init__(
            self,
            f"the snapshot at {ts} is out of retention: history is kept from {horizon} on",
            hint="let it read less or wait less, or raise `retention.history_s` in the settings",
        )


class SnapshotBeforeSchema(OutOfRetention):
    """A snapshot from before the schema was changed cannot be read by the indexes of now."""

    def __init__(self, ts: int, changed_ts: int) -> None:
        DatabaseError.__init__(
            self,
            f"the snapshot at {ts} is from before the schema changed at {changed_ts}",
            hint="run it again at a newer snapshot",
        )


class OtherSchema(Conflict):
    """A write by a program whose tables are not those that the database has now."""

    def __init__(self, table: str) -> None:
        DatabaseError.__init__(
            self,
            f"another version of the program has changed what documents of {table!r} are like",
            hint="stop this server, or start it with the version that the database was changed to",
        )


class SnapshotLost(Conflict):
    """A transaction read what a batch was going to commit, and the batch failed."""

    def __init__(self) -> None:
        DatabaseError.__init__(
            self,
            "what this transaction read was never committed",
            hint="run it again at a newer snapshot",
        )


class TurnTooLong(DatabaseError):
    """A mutation that had lost too often kept everybody from committing, and for too long."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"a mutation that ran alone was stopped after {limit_s} s",
            hint="let it wait for less, or raise `sharing.turn_s` in the settings",
        )


class NoSuchIndex(DatabaseError):
    """A read by an index that was removed from its table, by another version of the program."""

    def __init__(self, index: str) -> None:
        super().__init__(
            f"there is no index {index!r} any more",
            hint="stop this server: a later version of the program declared other indexes",
        )


class ReadOnly(DatabaseError):
    """A write in a transaction that may only read."""

    def __init__(self) -> None:
        super().__init__("a query cannot write", hint="make the function a mutation")


class FunctionOver(DatabaseError):
    """A read or a write by something that a function has left running when it ended."""

    def __init__(self) -> None:
        super().__init__(
            "the function that this read or write belongs to has ended",
            hint="await everything that a handler starts; a task group does so even when one fails",
        )


class DatabaseClosed(DatabaseError):
    """A commit that comes after the database was closed."""

    def __init__(self) -> None:
        super().__init__("the database is closed", hint="the server is shutting down; call again")


class OutcomeUnknown(DatabaseError):
    """A commit failed, and the store cannot say now whether it happened."""

    def __init__(self) -> None:
        super().__init__(
            "the outcome of a commit is unknown",
            hint="look whether it happened before you call again; the request of a client is known",
        )
