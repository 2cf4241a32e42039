"""A store in memory: the semantics of the durable ones, for tests and for trying things out."""

from __future__ import annotations

import asyncio
import secrets
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence

from confect_core.values import Interval
from confect_server.store.base import (
    Admission,
    Commit,
    Head,
    IndexedRevision,
    Located,
    LogEntry,
    Order,
    Revision,
)


class MemoryStore:
    """The store in this process's memory; it is gone when the process is."""

    def __init__(self) -> None:
        self._head = Head(0, secrets.token_hex(8))
        self._lock = asyncio.Lock()
        self._documents: dict[tuple[int, bytes], list[tuple[int, bytes | None]]] = defaultdict(list)
        self._keys: dict[int, list[bytes]] = defaultdict(list)
        self._entries: dict[tuple[int, bytes], list[tuple[int, tuple[int, bytes] | None]]] = (
            defaultdict(list)
        )
        self._log: list[LogEntry] = []
        self._commit_ids: dict[bytes, int] = {}

    async def open(self) -> None:
        """There is nothing to open."""

    async def close(self) -> None:
        """Nothing is let go of: a test that opens the store again finds what it left."""

    async def head(self) -> Head:
        """The newest commit."""
        return self._head

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, unless it did not exist."""
        return self.revision(table_no, id, min(ts, self._head.ts))

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`, at most `limit` of them."""
        return self.find(index_no, interval, min(ts, self._head.ts), order, limit)

    def find(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The same, with what is appended but not committed."""
        found: list[IndexedRevision] = []
        for key in self._keys_in(index_no, interval, order):
            if len(found) == limit:
                break
            target = _as_of(self._entries[index_no, key], ts)
            revision = None if target is None else self.revision(*target, ts)
            if target is not None and revision is not None:
                found.append(IndexedRevision(key, *target, *revision))
        return found

    async def locate(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[Located]:
        """Where `scan` finds its documents."""
        return [row[:3] for row in await self.scan(index_no, interval, ts, order, limit)]

    async def log_after(self, ts: int) -> list[LogEntry]:
        """The commits after `ts`, in order."""
        return self._log[bisect_right(self._log, ts, key=_ts_of_entry) :]

    async def admit(self) -> Admission:
        """Take the lock."""
        await self._lock.acquire()
        return _MemoryAdmission(self, self._head)

    async def ts_of(self, commit_id: bytes) -> int | None:
        """The timestamp of a commit, or None if it never happened."""
        return self._commit_ids.get(commit_id)

    def apply(self, commit: Commit) -> None:
        """Add revisions and rows; readers as of the head do not see them before `committed`."""
        for write in commit.documents:
            self._documents[write.table_no, write.id].append((commit.ts, write.value))
        for row in commit.index_rows:
            place = row.index_no, row.key
            if place not in self._entries:
                insort(self._keys[row.index_no], row.key)
            target = None if row.is_deleted else (row.table_no, row.id)
            self._entries[place].append((commit.ts, target))

    def undo(self, commit: Commit) -> None:
        """Take back the newest revisions and rows."""
        for write in commit.documents:
            self._documents[write.table_no, write.id].pop()
        for row in commit.index_rows:
            self._entries[row.index_no, row.key].pop()

    def let_go(self) -> None:
        """The lock is free for the next."""
        self._lock.release()

    def committed(self, commit: Commit) -> None:
        """From now on everybody sees this commit."""
        self._log.append(LogEntry(commit.ts, list(commit.changes)))
        self._commit_ids[commit.commit_id] = commit.ts
        self._head = self._head._replace(ts=commit.ts)

    def _keys_in(self, index_no: int, interval: Interval, order: Order) -> Iterable[bytes]:
        keys = self._keys.get(index_no, [])
        first = bisect_left(keys, interval.start)
        last = len(keys) if interval.end is None else bisect_left(keys, interval.end)
        inside = range(first, last)
        return (keys[at] for at in (inside if order == "asc" else reversed(inside)))

    def revision(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, appended but not committed ones included."""
        revisions = self._documents.get((table_no, id), [])
        at = bisect_right(revisions, ts, key=_ts_of_revision) - 1
        if at < 0:
            return None
        revision_ts, value = revisions[at]
        return None if value is None else Revision(revision_ts, value)


class _MemoryAdmission:
    """The lock, held."""

    def __init__(self, store: MemoryStore, head: Head) -> None:
        self._store = store
        self._appended: list[Commit] = []
        self.head = head

    async def log_after(self, ts: int) -> list[LogEntry]:
        return await self._store.log_after(ts)

    async def append(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            self._store.apply(commit)
            self._appended.append(commit)

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        return self._store.revision(table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        return self._store.find(index_no, interval, ts, order, limit)

    async def commit(self) -> None:
        for commit in self._appended:
            self._store.committed(commit)
        self._store.let_go()

    async def abandon(self) -> None:
        for commit in reversed(self._appended):
            self._store.undo(commit)
        self._store.let_go()


def _as_of(
    entries: list[tuple[int, tuple[int, bytes] | None]], ts: int
) -> tuple[int, bytes] | None:
    at = bisect_right(entries, ts, key=lambda entry: entry[0]) - 1
    return None if at < 0 else entries[at][1]


def _ts_of_entry(entry: LogEntry) -> int:
    return entry.ts


def _ts_of_revision(revision: tuple[int, bytes | None]) -> int:
    return revision[0]
