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


class ReadRecorder:
    """The reads of a transaction that is still going on."""

    def __init__(self) -> None:
        self._points: dict[int, set[bytes]] = defaultdict(set)
        self._readings: list[Reading] = []

    def point(self, index_no: int, key: bytes) -> bool:
        """One key was looked at, whether anything was there or not; is it the first time?"""
        keys = self._points[index_no]
        if key in keys:
            return False
        keys.add(key)
        return True

    def reading(self, index_no: int, interval: Interval, order: Order) -> Reading:
        """An interval is being read from one end; nothing of it counts as read yet."""
        reading = Reading(index_no, interval, order)
        self._readings.append(reading)
        return reading

    def finished(self) -> ReadSet:
        """Everything that was read until now."""
        points = dict(zip(self._points, map(frozenset, self._points.values()), strict=True))
        if not self._readings:
            return ReadSet(points)
        consumed: dict[int, list[Interval]] = defaultdict(list)
        for reading in self._readings:
            interval = reading.consumed
            if interval is not None:
                consumed[reading.index_no].append(interval)
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
        if self._order == "asc":
            return Interval(self._interval.start, Interval.point(self._last).end)
        return Interval(self._last, self._interval.end)

    def up_to(self, key: bytes) -> None:
        """Everything before this key, in reading order, and the key itself has been read."""
        self._last = key

    def to_the_end(self) -> None:
        """The whole interval has been read."""
        self._is_complete = True


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
