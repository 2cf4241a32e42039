"""What a transaction has read: keys and intervals of keys, in each index.

Reading records while it goes on, before a row is handed out, so that whoever stops reading halfway
depends on that half only. A finished set answers in logarithmic time whether a key was read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field

from confect_core.protocol.record import record
from confect_core.values import Interval
from confect_server.store import Order


@record
class ReadSet:
    """The reads of one run: points, and disjoint intervals in their order, by index number."""

    points: Mapping[int, frozenset[bytes]] = field(default_factory=dict[int, frozenset[bytes]])
    intervals: Mapping[int, tuple[Interval, ...]] = field(
        default_factory=dict[int, tuple[Interval, ...]]
    )

    def contains(self, index_no: int, key: bytes) -> bool:
        """Was this key of this index read, or found missing?"""
        if key in self.points.get(index_no, ()):
            return True
        return is_inside(key, self.intervals.get(index_no, ()))


_NO_POINTS: Mapping[int, frozenset[bytes]] = {}


class ReadRecorder:
    """The reads of a transaction that is still going on.

    `always` are points that every transaction reads: sets of reads that have no others share them.
    """

    def __init__(self, always: Mapping[int, frozenset[bytes]] = _NO_POINTS) -> None:
        self._always = always
        self._points: dict[int, set[bytes]] = {}
        self._readings: list[Reading] = []
        self._intervals: list[tuple[int, Interval]] = []

    def point(self, index_no: int, key: bytes) -> bool:
        """One key was looked at, whether anything was there or not; is it the first time?"""
        keys = self._points.get(index_no)
        if keys is None:
            self._points[index_no] = {key}
            return True
        if key in keys:
            return False
        keys.add(key)
        return True

    def reading(self, index_no: int, interval: Interval, order: Order) -> Reading:
        """An interval is being read from one end; nothing of it counts as read yet."""
        reading = Reading(index_no, interval, order)
        self._readings.append(reading)
        return reading

    def interval(self, index_no: int, interval: Interval) -> None:
        """A whole interval, not an empty one, was read, whatever was there."""
        self._intervals.append((index_no, interval))

    def finished(self) -> ReadSet:
        """Everything that was read until now."""
        points = self._always
        if self._points:
            points = dict(points)
            for index_no, keys in self._points.items():
                points[index_no] = frozenset(keys.union(points.get(index_no, ())))
        if not self._readings:
            if not self._intervals:
                return ReadSet(points, {})
            if len(self._intervals) == 1:  # which is not empty, or nobody would have looked
                ((index_no, interval),) = self._intervals
                return ReadSet(points, {index_no: (interval,)})
        consumed: dict[int, list[Interval]] = defaultdict(list)
        for index_no, interval in self._intervals:
            consumed[index_no].append(interval)
        for reading in self._readings:
            part = reading.consumed
            if part is not None:
                consumed[reading.index_no].append(part)
        intervals = {index_no: merged(several) for index_no, several in consumed.items()}
        return ReadSet(points, intervals)


class Reading:
    """One interval that is being read, and how far.

    How far is said for every row and asked for once, so the interval is made when it is asked for.
    """

    __slots__ = ("_interval", "_is_complete", "_last", "_order", "index_no")

    def __init__(self, index_no: int, interval: Interval, order: Order) -> None:
        self.index_no = index_no
        self._interval = interval
        self._order: Order = order
        self._last: bytes | None = None
        self._is_complete = False

    @property
    def consumed(self) -> Interval | None:
        """What has been read until now, if anything."""
        if self._is_complete:
            return self._interval
        if self._last is None:
            return None
        return up_to(self._interval, self._last, self._order)

    def up_to(self, key: bytes) -> None:
        """Everything before this key, in reading order, and the key itself has been read."""
        self._last = key

    def to_the_end(self) -> None:
        """The whole interval has been read."""
        self._is_complete = True


def up_to(interval: Interval, last: bytes, order: Order) -> Interval:
    """What has been read of an interval once this key has."""
    if order == "asc":
        return Interval(interval.start, last + b"\x00")
    return Interval(last, interval.end)


def is_inside(key: bytes, intervals: Sequence[Interval]) -> bool:
    """Is the key inside one of these intervals, which are disjoint and in their order?"""
    if len(intervals) == 1:
        return intervals[0].contains(key)
    at = bisect_right(intervals, key, key=_start_of) - 1
    return at >= 0 and intervals[at].contains(key)


def merged(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """The same keys as few disjoint intervals in order."""
    if len(intervals) == 1 and not intervals[0].is_empty:
        return tuple(intervals)
    result: list[Interval] = []
    for interval in sorted((each for each in intervals if not each.is_empty), key=_start_of):
        last = result[-1] if result else None
        if last is None or (last.end is not None and last.end < interval.start):
            result.append(interval)
        elif last.end is not None and (interval.end is None or interval.end > last.end):
            result[-1] = Interval(last.start, interval.end)
    return tuple(result)


def _start_of(interval: Interval) -> bytes:
    return interval.start
