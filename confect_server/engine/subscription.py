"""Subscriptions: who has to know when something that was read is written.

A subscription is registered against the log first, so that a commit between the run and the
registration is not missed. Points are found by dictionary and intervals by an `IntervalIndex`, so
subscriptions to something else make a commit no dearer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from confect_server.engine.errors import Conflict
from confect_server.engine.interval_index import IntervalIndex
from confect_server.engine.read_set import ReadSet
from confect_server.engine.write_log import WriteLog
from confect_server.store import KeyChange, LogEntry


class Subscription:
    """Tells once, with the timestamp of the commit, that what was read has been written."""

    __slots__ = ("_is_released", "_on_written", "_owner", "reads")

    def __init__(
        self, owner: Subscriptions, reads: ReadSet, on_written: Callable[[int], None]
    ) -> None:
        self._owner = owner
        self._on_written = on_written
        self._is_released = False
        self.reads = reads

    def tell(self, ts: int) -> None:
        """Say that the commit at `ts` wrote what was read, and be released; at most once."""
        if not self._is_released:
            self.release()
            self._on_written(ts)

    def release(self) -> None:
        """Ask for nothing any more."""
        if not self._is_released:
            self._is_released = True
            self._owner.remove(self)


class Subscriptions:
    """All subscriptions of one process, found by the keys that commits write."""

    def __init__(self, log: WriteLog) -> None:
        self._log = log
        self._all: dict[Subscription, None] = {}
        self._points: dict[tuple[int, bytes], set[Subscription]] = defaultdict(set)
        self._intervals: dict[int, IntervalIndex[Subscription]] = {}

    def subscribe(
        self, reads: ReadSet, ts: int, on_written: Callable[[int], None]
    ) -> Subscription | None:
        """Watch what was read at `ts`; if it was written since, tell at once and watch nothing."""
        try:
            self._log.check(reads, ts)
        except Conflict:
            on_written(self._log.ts)
            return None
        subscription = Subscription(self, reads, on_written)
        self._insert(subscription)
        return subscription

    def published(self, entries: Iterable[LogEntry]) -> None:
        """Tell whoever read something that these commits wrote."""
        hit: dict[Subscription, int] = {}
        for entry in entries:
            for change in entry.changes:
                for subscription in self._hit_by(change):
                    hit.setdefault(subscription, entry.ts)
        for subscription, ts in hit.items():
            subscription.tell(ts)

    def lost(self, ts: int) -> None:
        """Tell everybody: nobody knows what was written until `ts`."""
        for subscription in list(self._all):
            subscription.tell(ts)

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription that is there."""
        del self._all[subscription]
        for index_no, keys in subscription.reads.points.items():
            for key in keys:
                watching = self._points.get((index_no, key))
                if watching is not None:
                    watching.discard(subscription)
                    if not watching:
                        del self._points[index_no, key]
        for index_no, intervals in subscription.reads.intervals.items():
            index = self._intervals[index_no]
            for interval in intervals:
                index.remove(interval, subscription)
            if not index:
                del self._intervals[index_no]

    def _insert(self, subscription: Subscription) -> None:
        self._all[subscription] = None
        for index_no, keys in subscription.reads.points.items():
            for key in keys:
                self._points[index_no, key].add(subscription)
        for index_no, intervals in subscription.reads.intervals.items():
            index = self._intervals.get(index_no)
            if index is None:
                index = self._intervals[index_no] = IntervalIndex()
            for interval in intervals:
                index.insert(interval, subscription)

    def _hit_by(self, change: KeyChange) -> set[Subscription]:
        hit: set[Subscription] = set()
        index = self._intervals.get(change.index_no)
        for key in {change.old, change.new} - {None}:
            assert key is not None
            hit |= self._points.get((change.index_no, key), set())
            if index is not None:
                hit |= index.watching(key)
        return hit
