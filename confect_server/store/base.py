"""`Store`: the port behind which the data lies, and the records that cross it.

A store keeps append-only revisions of documents, index rows that point to them, a log of commits
and a head. It knows nothing of transactions: it reads as of a timestamp, and appends a batch of
commits while holding the head lock. A timestamp is assigned and becomes durable under that lock,
so the order of timestamps is the order of commits for every process that looks, without gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from confect_core.protocol.record import record
from confect_core.values import Interval

Order: TypeAlias = Literal["asc", "desc"]


class Head(NamedTuple):
    """The newest commit, which life of the database it belongs to, and how far back both reach."""

    ts: int
    incarnation: str
    horizon: int = 0
    """The oldest snapshot that can still be read; a commit, and never after the newest one."""
    log_start: int = 0
    """The log has every commit after this one."""


class Revision(NamedTuple):
    """A document as one commit left it."""

    ts: int
    value: bytes


class IndexedRevision(NamedTuple):
    """A document as an index finds it: under a key."""

    key: bytes
    table_no: int
    id: bytes
    ts: int
    value: bytes


Located: TypeAlias = tuple[bytes, int, bytes]
"""Where an index finds a document: the key, the number of its table and its id."""


class KeyChange(NamedTuple):
    """What one commit did to one document in one index: the key it had, and the one it has.

    An unchanged key is a change all the same, because what the key leads to is another document.
    """

    index_no: int
    old: bytes | None
    new: bytes | None


class DocumentWrite(NamedTuple):
    """A new revision of a document; without a value it is deleted."""

    table_no: int
    id: bytes
    value: bytes | None


class IndexRow(NamedTuple):
    """From now on a key leads to a document, or no longer does."""

    index_no: int
    key: bytes
    is_deleted: bool
    table_no: int
    id: bytes


@record
class Commit:
    """Everything that one transaction writes, under its timestamp."""

    ts: int
    commit_id: bytes
    documents: Sequence[DocumentWrite]
    index_rows: Sequence[IndexRow]
    changes: Sequence[KeyChange]


class LogEntry(NamedTuple):
    """What others have to know of a commit."""

    ts: int
    changes: Sequence[KeyChange]


class Reads(Protocol):
    """Reading as of a timestamp; one before the horizon raises `SnapshotForgotten`.

    It does so even if the horizon passed the timestamp during the read, and whoever raised it: what
    is answered was complete.
    """

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, unless it did not exist."""
        ...

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`, at most `limit` of them."""
        ...


class Log(Protocol):
    """What happened lately."""

    async def log_after(self, ts: int) -> list[LogEntry]:
        """The commits after `ts`, in order; raises `LogTrimmed` if some are no longer there."""
        ...


class Admission(Reads, Log, Protocol):
    """The head lock, held: nobody else commits until it is let go by `commit` or `abandon`.

    Its reads see what was appended, which nobody else does before it is committed.
    """

    @property
    def head(self) -> Head:
        """The newest commit of any process."""
        ...

    async def append(self, commits: Sequence[Commit]) -> None:
        """Add commits with rising timestamps, all of them after the head and after each other."""
        ...

    async def raise_horizon(self, ts: int) -> None:
        """Let the newest commit up to `ts` be the oldest snapshot that can be read from now on."""
        ...

    async def forget(self, limit: int) -> int:
        """Delete what only snapshots before the horizon find, going by the log.

        The horizon is the one that was durable when the lock was taken, so whoever still reads what
        is deleted here will notice. Looks at about `limit` changes of the log, and gives how many
        they were: 0 once there is nothing left to delete.
        """
        ...

    async def forget_index(self, index_no: int, limit: int) -> int:
        """Delete rows of an index that no snapshot has, at most `limit`, and give their number."""
        ...

    async def trim_log(self, ts: int, limit: int) -> int:
        """Delete at most `limit` of the commits up to `ts` from the log, and give their number.

        What `forget` has yet to look at stays.
        """
        ...

    async def give_back(self, limit: int) -> int:
        """Give some of the space that nothing lies in any more back to the system.

        A part is kept for what comes next. Gives how much there may be to give back, in the units
        of `limit`: 0 once it is enough.
        """
        ...

    async def commit(self) -> None:
        """Make what was done durable, and let go of the lock, be it with an error."""
        ...

    async def abandon(self) -> None:
        """Undo what was done, and let go of the lock."""
        ...


class Store(Reads, Log, Protocol):
    """Where the data lies."""

    async def open(self) -> None:
        """Make the store ready, creating it if it is new."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...

    async def head(self) -> Head:
        """The newest durable commit."""
        ...

    async def locate(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[Located]:
        """Where `scan` finds its documents, for whoever may have the documents already."""
        ...

    async def admit(self) -> Admission:
        """Take the head lock, waiting for it; whoever takes it has to commit or to abandon."""
        ...

    async def ts_of(self, commit_id: bytes, after: int = 0) -> int | None:
        """The timestamp of a commit after `after`, or None if it never happened."""
        ...
