"""The recent commits in memory: against them transactions are checked.

The keys that were written are kept for each index in the order of their commits, and for each key
its newest commit. A point is checked by one look, and an interval against what was written to its
index after the transaction began: what went on elsewhere costs nothing. Holding a read set against
the commits one by one instead took 10 ms for a batch of 64 beside as many that had just committed.

A batch has such a log of its own, and what it learnt of its keys is taken over as a whole once it
is durable: they are looked at one by one only once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from confect_core.values import Interval
from confect_server.engine.errors import Conflict, SnapshotTooOld
from confect_server.engine.read_set import ReadSet, is_inside
from confect_server.store import KeyChange, LogEntry

MAX_ENTRIES = 50_000
"""How many commits are remembered; a transaction that began before them has to begin again."""
MAX_BYTES = 64 * 2**20
"""How much memory their keys may take: a commit may write sixteen thousand documents."""
_KEY_BYTES = 150  # what a key takes besides its own bytes; measured
_FORGOTTEN_AT_ONCE = 500
_SHARE_FORGOTTEN_AT_ONCE = 64


class WriteLog:
    """The commits after `start_ts`, in order and without a gap."""

    def __init__(self, start_ts: int) -> None:
        self._start_ts = start_ts
        self._stamps: list[int] = []
        self._written: dict[int, _WrittenKeys] = {}
        self._held_bytes = 0
        self.ts = start_ts
        """The newest commit in the log."""

    def extend(self, entries: Iterable[LogEntry]) -> None:
        """Add commits, all of them after the newest."""
        for ts, changes in entries:
            self.add(ts, changes)
        self._forget_surplus()

    def add(self, ts: int, changes: Iterable[KeyChange]) -> None:
        """Add one commit after the newest, of those few that a batch has."""
        known, held = self._written, self._held_bytes
        for index_no, old, new in changes:
            written = known.get(index_no)
            if written is None:
                written = known[index_no] = _WrittenKeys()
            if old is not None:
                held += written.add(old, ts)
                if new == old:
                    continue
            if new is not None:  # `add` without a call, which is a third of it
                written.keys.append(new)
                written.stamps.append(ts)
                written.newest[new] = ts
                held += len(new) + _KEY_BYTES
        self._held_bytes = held
        self._stamps.append(ts)
        self.ts = ts

    def has_written_to(self, index_no: int) -> bool:
        """Did a commit write to this index, be it forgotten or not?"""
        return index_no in self._written

    def follows(self, log: WriteLog) -> bool:
        """Does this log have all commits after those of the other one, and none of those?"""
        return self._start_ts == log.ts

    def take_over(self, later: WriteLog) -> None:
        """Add the commits of a log that follows this one; it must not be used any more."""
        for index_no, written in later._written.items():
            known = self._written.get(index_no)
            if known is None:
                self._written[index_no] = written
            else:
                known.take_over(written)
        self._stamps += later._stamps
        self._held_bytes += later._held_bytes
        self.ts = later.ts
        self._forget_surplus()

    def forget(self, ts: int) -> bool:
        """Drop some of the commits up to `ts`, and say whether there were any."""
        count = min(bisect_right(self._stamps, ts), _FORGOTTEN_AT_ONCE)
        if count:
            self._forget(count)
        return count > 0

    def start_over(self, ts: int) -> None:
        """Drop everything, for there is a gap: what began before `ts` has to begin again."""
        self._start_ts = self.ts = ts
        self._stamps = []
        self._written = {}
        self._held_bytes = 0

    def check(self, reads: ReadSet, begin_ts: int) -> None:
        """Raise `Conflict` if a commit after `begin_ts` wrote something that was read."""
        if begin_ts < self._start_ts:
            raise SnapshotTooOld(begin_ts, self._start_ts)
        if begin_ts >= self.ts:
            return
        for index_no, keys in reads.points.items():
            written = self._written.get(index_no)
            if written and (ts := written.commit_to(keys, begin_ts)):
                raise Conflict(index_no, ts)
        for index_no, intervals in reads.intervals.items():
            written = self._written.get(index_no)
            if written and (ts := written.commit_inside(intervals, begin_ts)):
                raise Conflict(index_no, ts)

    def written_since(self, index_no: int, ts: int) -> frozenset[bytes]:
        """The keys that commits after `ts` wrote; raises `SnapshotTooOld` if some are forgotten."""
        if ts < self._start_ts:
            raise SnapshotTooOld(ts, self._start_ts)
        written = self._written.get(index_no)
        return frozenset() if written is None else written.keys_after(ts)

    def may_have_written(self, index_no: int, key: bytes, since_ts: int) -> bool:
        """Did a commit after `since_ts` write this key, or can that not be told any more?"""
        if since_ts >= self.ts:
            return since_ts > self.ts
        written = self._written.get(index_no)
        is_known = since_ts >= self._start_ts
        return not is_known or (written is not None and bool(written.commit_to((key,), since_ts)))

    def _forget_surplus(self) -> None:
        while len(self._stamps) > MAX_ENTRIES + _FORGOTTEN_AT_ONCE:
            self._forget(_FORGOTTEN_AT_ONCE)
        while self._held_bytes > MAX_BYTES and self._stamps:
            self._forget(1 + len(self._stamps) // _SHARE_FORGOTTEN_AT_ONCE)

    def _forget(self, count: int) -> None:
        """Drop the oldest commits: some at a time, so that no commit waits for long."""
        self._start_ts = self._stamps[count - 1]
        del self._stamps[:count]
        for written in self._written.values():
            self._held_bytes -= written.forget(self._start_ts)


class _WrittenKeys:
    """What was written to one index."""

    __slots__ = ("keys", "newest", "stamps")

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.stamps: list[int] = []
        self.newest: dict[bytes, int] = {}

    def add(self, key: bytes, ts: int) -> int:
        """Remember a key, and give how much memory that takes."""
        self.keys.append(key)
        self.stamps.append(ts)
        self.newest[key] = ts
        return len(key) + _KEY_BYTES

    def take_over(self, later: _WrittenKeys) -> None:
        """Add what later commits wrote."""
        self.keys += later.keys
        self.stamps += later.stamps
        self.newest.update(later.newest)

    def commit_to(self, keys: Iterable[bytes], begin_ts: int) -> int | None:
        """A commit after `begin_ts` that wrote one of the keys."""
        newest = self.newest
        for key in keys:
            ts = newest.get(key)
            if ts is not None and ts > begin_ts:
                return ts
        return None

    def commit_inside(self, intervals: Sequence[Interval], begin_ts: int) -> int | None:
        """A commit after `begin_ts` that wrote a key inside one of the disjoint intervals."""
        for at in range(bisect_right(self.stamps, begin_ts), len(self.stamps)):
            if is_inside(self.keys[at], intervals):
                return self.stamps[at]
        return None

    def keys_after(self, ts: int) -> frozenset[bytes]:
        """What commits after `ts` wrote."""
        return frozenset(self.keys[bisect_right(self.stamps, ts) :])

    def forget(self, ts: int) -> int:
        """Drop what commits until `ts` wrote, and give how much memory that took."""
        count = bisect_right(self.stamps, ts)
        forgotten = self.keys[:count]
        for key in forgotten:
            if self.newest.get(key, ts + 1) <= ts:
                del self.newest[key]
        del self.keys[:count]
        del self.stamps[:count]
        return sum(map(len, forgotten)) + _KEY_BYTES * count
