"""A store in memory: the semantics of the durable ones, for tests and for trying things out."""

from __future__ import annotations

import secrets
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager

import anyio

from confect_core.values import Interval
from confect_server.store.base import (
    Admission,
    Commit,
    Head,
    IndexedRevision,
    LogEntry,
    Order,
    Revision,
)


class MemoryStore:
    """The store in this process's memory; it is gone when the process is."""

    def __init__(self) -> None:
        self._head = Head(0, secrets.token_hex(8))
        self._lock = anyio.Lock()
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
        return self._revision(table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`, at most `limit` of them."""
        found: list[IndexedRevision] = []
        for key in self._keys_in(index_no, interval, order):
            if len(found) == limit:
                break
            target = _as_of(self._entries[index_no, key], ts)
            revision = None if target is None else self._revision(*target, ts)
            if target is not None and revision is not None:
                found.append(IndexedRevision(key, *target, *revision))
        return found

    async def log_after(self, ts: int) -> list[LogEntry]:
        """The commits after `ts`, in order."""
        return self._log[bisect_right(self._log, ts, key=_ts_of_entry) :]

    @asynccontextmanager
    async def admit(self) -> AsyncGenerator[Admission]:
        """Take the lock; what was appended counts once it is left."""
        async with self._lock:
            admission = _MemoryAdmission(self, self._head)
            yield admission
            for commit in admission.appended:
                self._apply(commit)

    async def ts_of(self, commit_id: bytes) -> int | None:
        """The timestamp of a commit, or None if it never happened."""
        return self._commit_ids.get(commit_id)

    def _apply(self, commit: Commit) -> None:
        for write in commit.documents:
            self._documents[write.table_no, write.id].append((commit.ts, write.value))
        for row in commit.index_rows:
            place = row.index_no, row.key
            if place not in self._entries:
                insort(self._keys[row.index_no], row.key)
            target = None if row.is_deleted else (row.table_no, row.id)
            self._entries[place].append((commit.ts, target))
        self._log.append(LogEntry(commit.ts, list(commit.changes)))
        self._commit_ids[commit.commit_id] = commit.ts
        self._head = self._head._replace(ts=commit.ts)

    def _keys_in(self, index_no: int, interval: Interval, order: Order) -> Iterable[bytes]:
        keys = self._keys.get(index_no, [])
        first = bisect_left(keys, interval.start)
        last = len(keys) if interval.end is None else bisect_left(keys, interval.end)
        inside = range(first, last)
        return (keys[at] for at in (inside if order == "asc" else reversed(inside)))

    def _revision(self, table_no: int, id: bytes, ts: int) -> Revision | None:
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
        self.head = head
        self.appended: list[Commit] = []

    async def log_after(self, ts: int) -> list[LogEntry]:
        return await self._store.log_after(ts)

    async def append(self, commits: Sequence[Commit]) -> None:
        self.appended.extend(commits)


def _as_of(
    entries: list[tuple[int, tuple[int, bytes] | None]], ts: int
) -> tuple[int, bytes] | None:
    at = bisect_right(entries, ts, key=lambda entry: entry[0]) - 1
    return None if at < 0 else entries[at][1]


def _ts_of_entry(entry: LogEntry) -> int:
    return entry.ts


def _ts_of_revision(revision: tuple[int, bytes | None]) -> int:
    return revision[0]
