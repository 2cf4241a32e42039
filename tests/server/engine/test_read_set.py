"""What counts as read, and which writes touch it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from confect_core.values import Interval
from confect_server.engine import ReadSet
from confect_server.engine.read_set import ReadRecorder, merged
from confect_server.store import KeyChange, Order
from tests.server.engine.touching import is_touched

KEYS = st.binary(max_size=2).map(lambda key: bytes(byte % 4 for byte in key))
INTERVALS = st.builds(Interval, KEYS, st.none() | KEYS)
INDEXES = st.integers(1, 3)
ORDERS = st.sampled_from(["asc", "desc"])


@given(st.lists(INTERVALS, max_size=8), st.lists(KEYS, max_size=20))
def test_merged_intervals_hold_the_same_keys(intervals: list[Interval], keys: list[bytes]) -> None:
    together = merged(intervals)
    for key in keys:
        assert any(each.contains(key) for each in together) == any(
            each.contains(key) for each in intervals
        )


@given(st.lists(INTERVALS, max_size=8))
def test_merged_intervals_are_apart_in_order_and_not_empty(intervals: list[Interval]) -> None:
    together = merged(intervals)
    assert not any(each.is_empty for each in together)
    for one, next_one in pairwise(together):
        assert one.end is not None
        assert one.end < next_one.start


@given(
    st.lists(st.tuples(INDEXES, KEYS), max_size=5),
    st.lists(st.tuples(INDEXES, INTERVALS), max_size=5),
    st.lists(st.builds(KeyChange, INDEXES, st.none() | KEYS, st.none() | KEYS), max_size=10),
)
def test_a_change_touches_what_holds_its_old_or_its_new_key(
    points: list[tuple[int, bytes]],
    intervals: list[tuple[int, Interval]],
    changes: list[KeyChange],
) -> None:
    recorder = ReadRecorder()
    for index_no, key in points:
        recorder.point(index_no, key)
    for index_no, interval in intervals:
        recorder.reading(index_no, interval, "asc").to_the_end()
    reads = recorder.finished()
    for change in changes:
        naive = any(
            key is not None
            and (
                (change.index_no, key) in points
                or any(no == change.index_no and each.contains(key) for no, each in intervals)
            )
            for key in (change.old, change.new)
        )
        assert is_touched(reads, change) == naive


@given(INTERVALS, ORDERS, st.lists(KEYS, max_size=6), st.lists(KEYS, max_size=20))
def test_what_was_passed_on_the_way_to_a_key_was_read(
    interval: Interval, order: Order, stops: list[bytes], keys: list[bytes]
) -> None:
    recorder = ReadRecorder()
    reading = recorder.reading(1, interval, order)
    stops = sorted(filter(interval.contains, stops), reverse=order == "desc")
    for stop in stops:
        reading.up_to(stop)
    reads = recorder.finished()
    for key in filter(interval.contains, keys):
        passed = bool(stops) and (key <= stops[-1] if order == "asc" else key >= stops[-1])
        assert reads.contains(1, key) == passed


def test_a_reading_that_did_not_begin_read_nothing() -> None:
    recorder = ReadRecorder()
    recorder.reading(1, Interval.all(), "asc")
    assert recorder.finished() == ReadSet()


def test_reads_that_are_finished_do_not_grow() -> None:
    recorder = ReadRecorder()
    recorder.point(1, b"a")
    reads = recorder.finished()
    recorder.point(1, b"b")
    assert not reads.contains(1, b"b")
    assert recorder.finished().contains(1, b"b")
