"""Finding intervals by a key, held against looking through all of them."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from confect_core.values import Interval, key_of
from confect_server.engine.interval_index import IntervalIndex

# few bytes, so that beginnings and ends meet; FF as in the ends of prefixes
KEYS = st.lists(st.sampled_from([0, 1, 2, 255]), max_size=4).map(bytes)
INTERVALS = (
    KEYS.map(Interval.prefix)
    | KEYS.map(Interval.point)
    | st.builds(Interval, KEYS, st.none() | KEYS)
)
ITEMS = st.integers(0, 3)


class Watching(RuleBasedStateMachine):
    """Inserts and removes, and asks everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.index = IntervalIndex[int]()
        self.model: list[tuple[Interval, int]] = []

    @rule(interval=INTERVALS, item=ITEMS)
    def insert(self, interval: Interval, item: int) -> None:
        self.index.insert(interval, item)
        if (interval, item) not in self.model:
            self.model.append((interval, item))

    @rule(pick=st.integers(0, 99))
    def remove(self, pick: int) -> None:
        if self.model:
            self.index.remove(*self.model.pop(pick % len(self.model)))

    @rule(key=KEYS)
    def ask(self, key: bytes) -> None:
        expected = {item for interval, item in self.model if interval.contains(key)}
        assert self.index.watching(key) == expected

    @rule(pick=st.integers(0, 99))
    def ask_at_the_ends(self, pick: int) -> None:
        if self.model:
            interval, _ = self.model[pick % len(self.model)]
            self.ask(interval.start)
            self.ask(interval.end or b"\xff\xff")

    @invariant()
    def is_empty_only_if_nothing_is_watched(self) -> None:
        assert bool(self.index) == bool(self.model)


TestWatching = Watching.TestCase
TestWatching.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


class CountedBytes(bytes):
    """Bytes that count how often they are compared."""

    compared = 0

    def __lt__(self, other: object) -> bool:
        CountedBytes.compared += 1
        return bytes.__lt__(self, other) if isinstance(other, bytes) else NotImplemented

    def __gt__(self, other: object) -> bool:
        CountedBytes.compared += 1
        return bytes.__gt__(self, other) if isinstance(other, bytes) else NotImplemented


def comparisons(count: int) -> int:
    """How many comparisons it takes to ask for a key that none of so many ranges holds."""
    index = IntervalIndex[int]()
    for number in range(count):
        start, end = key_of((float(2 * number),)), key_of((float(2 * number + 1),))
        index.insert(Interval(start, end), number)
    probe = key_of((float(count | 1),))
    CountedBytes.compared = 0
    assert index.watching(CountedBytes(probe)) == set()
    return CountedBytes.compared


def test_intervals_that_do_not_match_cost_next_to_nothing() -> None:
    assert comparisons(100) > 0
    assert comparisons(20_000) < 200
