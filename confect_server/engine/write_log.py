"""The recent commits in memory: against them transactions are checked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from confect_server.engine.errors import Conflict, SnapshotTooOld
from confect_server.engine.read_set import ReadSet
from confect_server.store import LogEntry

MAX_ENTRIES = 100_000
"""How many commits are remembered; a transaction that began before them has to begin again."""


class WriteLog:
    """The commits after `start_ts`, in order and without a gap."""

    def __init__(self, start_ts: int) -> None:
        self._start_ts = start_ts
        self._entries: list[LogEntry] = []

    @property
    def ts(self) -> int:
        """The newest commit in the log."""
        return self._entries[-1].ts if self._entries else self._start_ts

    def extend(self, entries: Iterable[LogEntry]) -> None:
        """Add commits, all of them after the newest."""
        self._entries.extend(entries)
        if len(self._entries) > 2 * MAX_ENTRIES:
            # in large steps, so that forgetting costs nothing per commit
            self._start_ts = self._entries[MAX_ENTRIES - 1].ts
            del self._entries[:MAX_ENTRIES]

    def after(self, ts: int) -> Iterator[LogEntry]:
        """The commits after `ts`; raises `SnapshotTooOld` if some of them are forgotten."""
        if ts < self._start_ts:
            raise SnapshotTooOld(ts, self._start_ts)
        first = bisect_right(self._entries, ts, key=_ts_of)
        return (self._entries[at] for at in range(first, len(self._entries)))

    def check(self, reads: ReadSet, begin_ts: int) -> None:
        """Raise `Conflict` if a commit after `begin_ts` wrote something that was read."""
        check_against(reads, self.after(begin_ts))


def check_against(reads: ReadSet, entries: Iterable[LogEntry]) -> None:
    """Raise `Conflict` if one of these commits wrote something that was read."""
    for entry in entries:
        for change in entry.changes:
            if reads.is_touched_by(change):
                raise Conflict(f"index {change.index_no}", entry.ts)


def _ts_of(entry: LogEntry) -> int:
    return entry.ts
