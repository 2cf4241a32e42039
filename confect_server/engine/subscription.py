"""Subscriptions: who has to know when something that was read is written.

A subscription is registered against the log first, so that a commit between the run and the
registration is not missed. Whoever subscribes to the same read set shares one registration, so a
thousand sockets with the same cached answer cost a commit one look and a thousand calls. Points are
found by dictionary and intervals by an `IntervalIndex`, so subscriptions to something else make a
commit no dearer.
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

    __slots__ = ("_owner", "tell", "watch")

    def __init__(self, owner: Subscriptions, on_written: Callable[[int], None]) -> None:
        self._owner = owner
        self.tell = on_written
        """Says that the commit at a timestamp wrote what was read."""
        self.watch: Watch | None = None
        """What is watched; nothing once it was written, until it is read again."""

    def renew(self, reads: ReadSet, ts: int) -> bool:
        """Watch what was read at `ts` and nothing else; tells at once if it was written since."""
        if self.watch is not None:
            self.release()
        return self._owner.begin(self, reads, ts)

    def release(self) -> None:
        """Ask for nothing any more."""
        if self.watch is not None:
            self._owner.leave(self, self.watch)
            self.watch = None


class Watch:
    """One read set that is watched, and by whom; it was as it is since its first subscription."""

    __slots__ = ("reads", "since", "subscriptions")

    def __init__(self, reads: ReadSet, since: int) -> None:
        self.reads = reads
        self.since = since
        self.subscriptions: set[Subscription] = set()


class Subscriptions:
    """All subscriptions of one process, found by the keys that commits write."""

    def __init__(self, log: WriteLog) -> None:
        self._log = log
        self._watches: dict[int, Watch] = {}  # by the identity of their read sets
        # by index, for most commits write to indexes that nobody watches: a mutation of one
        # document took 3 µs longer when each of its rows was looked for
        self._points: dict[int, dict[bytes, set[Watch]]] = {}
        self._intervals: dict[int, IntervalIndex[Watch]] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def subscribe(
        self, reads: ReadSet, ts: int, on_written: Callable[[int], None]
    ) -> Subscription | None:
        """Watch what was read at `ts`; if it was written since, tell at once and watch nothing."""
        subscription = Subscription(self, on_written)
        return subscription if self.begin(subscription, reads, ts) else None

    def begin(self, subscription: Subscription, reads: ReadSet, ts: int) -> bool:
        """Let a subscription that watches nothing watch this."""
        watch = self._watches.get(id(reads))
        if watch is None or ts < watch.since:  # else no commit has hit it between them
            try:
                self._log.check(reads, ts)
            except Conflict:
                subscription.tell(self._log.ts)
                return False
        if watch is None:
            watch = Watch(reads, ts)
            self._insert(watch)
        watch.subscriptions.add(subscription)
        subscription.watch = watch
        return True

    def published(self, entries: Iterable[LogEntry]) -> None:
        """Tell whoever read something that these commits wrote."""
        if not self._watches:
            return
        hit: dict[Watch, int] = {}
        for entry in entries:
            for change in entry.changes:
                index_no = change.index_no
                if index_no in self._points or index_no in self._intervals:
                    for watch in self._hit_by(change):
                        hit.setdefault(watch, entry.ts)
        for watch in hit:  # before anybody is told, who might join one that was hit
            self._remove(watch)
        for watch, ts in hit.items():
            self._tell(watch, ts)

    def lost(self, ts: int) -> None:
        """Tell everybody: nobody knows what was written until `ts`."""
        watches = list(self._watches.values())
        for watch in watches:
            self._remove(watch)
        for watch in watches:
            self._tell(watch, ts)

    def _tell(self, watch: Watch, ts: int) -> None:
        subscriptions, watch.subscriptions = watch.subscriptions, set()
        for subscription in subscriptions:
            if subscription.watch is watch:  # and was not released by somebody who was told before
                subscription.watch = None
                subscription.tell(ts)

    def leave(self, subscription: Subscription, watch: Watch) -> None:
        """Forget a subscription that is there."""
        watch.subscriptions.discard(subscription)
        if not watch.subscriptions and self._watches.get(id(watch.reads)) is watch:
            self._remove(watch)

    def _remove(self, watch: Watch) -> None:
        del self._watches[id(watch.reads)]
        for index_no, keys in watch.reads.points.items():
            points = self._points.get(index_no, {})
            for key in keys:
                watching = points.get(key)
                if watching is not None:
                    watching.discard(watch)
                    if not watching:
                        del points[key]
            if index_no in self._points and not points:
                del self._points[index_no]
        for index_no, intervals in watch.reads.intervals.items():
            index = self._intervals[index_no]
            for interval in intervals:
                index.remove(interval, watch)
            if not index:
                del self._intervals[index_no]

    def _insert(self, watch: Watch) -> None:
        self._watches[id(watch.reads)] = watch
        for index_no, keys in watch.reads.points.items():
            points = self._points.setdefault(index_no, defaultdict(set))
            for key in keys:
                points[key].add(watch)
        for index_no, intervals in watch.reads.intervals.items():
            index = self._intervals.get(index_no)
            if index is None:
                index = self._intervals[index_no] = IntervalIndex()
            for interval in intervals:
                index.insert(interval, watch)

    def _hit_by(self, change: KeyChange) -> set[Watch]:
        hit: set[Watch] = set()
        index = self._intervals.get(change.index_no)
        points = self._points.get(change.index_no, {})
        for key in {change.old, change.new} - {None}:
            assert key is not None
            hit |= points.get(key, set())
            if index is not None:
                hit |= index.watching(key)
        return hit
