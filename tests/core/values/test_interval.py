"""Intervals of keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from confect_core.values import Interval, successor

# two letters and few of them, so that keys and ends often coincide
keys = st.binary(max_size=3).map(lambda data: bytes(byte % 2 for byte in data))
intervals = st.builds(Interval, keys, st.one_of(st.none(), keys))
ALL_KEYS = [b""] + [
    bytes(int(bit) for bit in f"{number:0{length}b}")
    for length in range(1, 6)
    for number in range(2**length)
]


def test_all_keys_are_in_the_interval_of_all() -> None:
    assert all(map(Interval.all().contains, [b"", b"\x00", b"\xff" * 9]))
    assert Interval.prefix(b"") == Interval.all()
    assert successor(b"") is None


@given(keys, keys)
def test_a_point_holds_its_key_alone(key: bytes, other: bytes) -> None:
    assert Interval.point(key).contains(other) == (key == other)


@given(intervals, keys)
def test_the_start_is_inside_and_the_end_is_not(interval: Interval, key: bytes) -> None:
    inside = interval.start <= key and (interval.end is None or key < interval.end)
    assert interval.contains(key) == inside


@given(intervals, intervals)
def test_intervals_overlap_when_they_share_a_key(a: Interval, b: Interval) -> None:
    shared = any(a.contains(key) and b.contains(key) for key in ALL_KEYS)
    assert a.overlaps(b) == b.overlaps(a) == shared


@given(intervals)
def test_an_interval_is_empty_when_it_holds_no_key(interval: Interval) -> None:
    assert interval.is_empty == (not any(map(interval.contains, ALL_KEYS)))
    if interval.is_empty:
        assert not interval.overlaps(Interval.all())
