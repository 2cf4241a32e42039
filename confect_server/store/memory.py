"""A store in memory: the semantics of the durable ones, for tests and for trying things out."""

from __future__ import annotations

import asyncio
import secrets
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import TypeVar

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
from confect_server.store.errors import LogTrimmed, SnapshotForgotten

T = TypeVar("T")


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
        self._commit_ids: list[bytes] = []  # those of the log
        self._walked = 0  # what commits up to this one replaced is deleted

    async def open(self) -> None:
        """There is nothing to open."""

    async def close(self) -> None:
        """Nothing is let go of: a test that opens the store again finds what it left."""

    async def head(self) -> Head:
        """The newest commit."""
        return self._head

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, unless it did not exist."""
        self.check_horizon(ts)
        return self.revision(table_no, id, min(ts, self._head.ts))

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`, at most `limit` of them."""
        self.check_horizon(ts)
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
        """The commits after `ts`, in order; raises `LogTrimmed` if some are no longer there."""
        if ts < self._head.log_start:
            raise LogTrimmed(ts, self._head.log_start)
        return self._log[bisect_right(self._log, ts, key=_ts_of_entry) :]

    async def admit(self) -> Admission:
        """Take the lock."""
        await self._lock.acquire()
        return _MemoryAdmission(self, self._head)

    async def ts_of(self, commit_id: bytes, after: int = 0) -> int | None:
        """The timestamp of a commit after `after`, or None if it never happened."""
        first = bisect_right(self._log, after, key=_ts_of_entry)
        for entry, found in zip(self._log[first:], self._commit_ids[first:], strict=True):
            if found == commit_id:
                return entry.ts
        return None

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
        self._commit_ids.append(commit.commit_id)
        self._head = self._head._replace(ts=commit.ts)

    def check_horizon(self, ts: int) -> None:
        """Raise if a snapshot is before the horizon."""
        if ts < self._head.horizon:
            raise SnapshotForgotten(ts, self._head.horizon)

    def raise_horizon(self, ts: int) -> None:
        """Let the newest commit up to `ts` be the oldest snapshot that can be read."""
        at = bisect_right(self._log, ts, key=_ts_of_entry) - 1
        if at >= 0 and self._log[at].ts > self._head.horizon:
            self._head = self._head._replace(horizon=self._log[at].ts)

    def to_walk(self, limit: int) -> Sequence[LogEntry]:
        """The commits up to the horizon whose replaced revisions are still here, some of them."""
        first = bisect_right(self._log, self._walked, key=_ts_of_entry)
        last = bisect_right(self._log, self._head.horizon, key=_ts_of_entry)
        return self._log[first : min(last, first + limit)]

    def walk(self, entry: LogEntry) -> None:
        """Delete what a commit replaced; a number may be a table's, and its keys ids then."""
        for number, old, new in entry.changes:
            if old is not None:
                # the revision of a commit may stand for those that are appended with it
                kept = None if new is None else self._newest_until(number, old, entry.ts)
                before = entry.ts + 1 if kept is None else kept
                _drop_before(self._documents, (number, old), before)
            if old is not None and old != new:
                _drop_before(self._entries, (number, old), entry.ts + 1)
                if (number, old) not in self._entries:
                    _remove(self._keys[number], old)
        self._walked = entry.ts

    def _newest_until(self, table_no: int, id: bytes, ts: int) -> int | None:
        revisions = self._documents.get((table_no, id), [])
        at = bisect_right(revisions, ts, key=_ts_of_revision) - 1
        return None if at < 0 else revisions[at][0]

    def rows_of(self, index_no: int, limit: int) -> Sequence[bytes]:
        """Keys of an index, some of them."""
        return self._keys[index_no][:limit]

    def drop_row(self, index_no: int, key: bytes) -> None:
        """Forget a key."""
        _remove(self._keys[index_no], key)
        self._entries.pop((index_no, key), None)

    def to_trim(self, ts: int, limit: int) -> Sequence[LogEntry]:
        """The commits up to `ts` that were walked, some of them."""
        return self._log[
            : min(limit, bisect_right(self._log, min(ts, self._walked), key=_ts_of_entry))
        ]

    def trim(self, entries: Sequence[LogEntry]) -> None:
        """Forget the first commits of the log."""
        del self._log[: len(entries)]
        del self._commit_ids[: len(entries)]
        self._head = self._head._replace(log_start=entries[-1].ts)

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
        self._forgetting: list[Callable[[], None]] = []
        self.head = head

    async def log_after(self, ts: int) -> list[LogEntry]:
        return await self._store.log_after(ts)

    async def append(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            self._store.apply(commit)
            self._appended.append(commit)

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        self._store.check_horizon(ts)
        return self._store.revision(table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        self._store.check_horizon(ts)
        return self._store.find(index_no, interval, ts, order, limit)

    async def raise_horizon(self, ts: int) -> None:
        self._forgetting.append(partial(self._store.raise_horizon, ts))

    async def forget(self, limit: int) -> int:
        entries = self._store.to_walk(limit)
        self._forgetting.extend(partial(self._store.walk, entry) for entry in entries)
        return len(entries)

    async def forget_index(self, index_no: int, limit: int) -> int:
        keys = self._store.rows_of(index_no, limit)
        self._forgetting.extend(partial(self._store.drop_row, index_no, key) for key in keys)
        return len(keys)

    async def trim_log(self, ts: int, limit: int) -> int:
        entries = self._store.to_trim(ts, limit)
        if entries:
            self._forgetting.append(partial(self._store.trim, entries))
        return len(entries)

    async def give_back(self, limit: int) -> int:
        return 0

    async def commit(self) -> None:
        for commit in self._appended:
            self._store.committed(commit)
        for forget in self._forgetting:
            forget()
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


def _drop_before(
    histories: dict[tuple[int, bytes], list[tuple[int, T]]], place: tuple[int, bytes], ts: int
) -> None:
    """Forget what was at a place before `ts`, and the place if nothing is left of it."""
    history = histories.get(place)
    if history is None:
        return
    del history[: bisect_left(history, ts, key=itemgetter(0))]
    if not history:
        del histories[place]


def _remove(keys: list[bytes], key: bytes) -> None:
    at = bisect_left(keys, key)
    if at < len(keys) and keys[at] == key:
        del keys[at]


def _ts_of_entry(entry: LogEntry) -> int:
    return entry.ts


def _ts_of_revision(revision: tuple[int, bytes | None]) -> int:
    return revision[0]
