"""The recent commits, and how far back they go."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_core.values import Interval
from confect_server.engine import Conflict, ReadSet, SnapshotTooOld
from confect_server.engine import write_log as module
from confect_server.engine.read_set import merged
from confect_server.engine.write_log import WriteLog
from confect_server.store import KeyChange, LogEntry
from tests.server.engine.touching import is_touched

A = ReadSet({1: frozenset([b"a"])})
FROM_A_TO_C = ReadSet({}, {1: (Interval(b"a", b"c"),)})


def entry(ts: int, key: bytes = b"a") -> LogEntry:
    return LogEntry(ts, [KeyChange(1, None, key)])


def test_an_empty_log_ends_where_it_starts() -> None:
    log = WriteLog(5)
    assert log.ts == 5
    log.check(A, 5)


@pytest.mark.parametrize("reads", [A, FROM_A_TO_C])
def test_a_later_write_of_what_was_read_is_a_conflict(reads: ReadSet) -> None:
    log = WriteLog(0)
    log.extend([entry(10), entry(20, b"c")])
    assert log.ts == 20
    with pytest.raises(Conflict, match="10"):
        log.check(reads, 9)
    log.check(reads, 10)
    log.extend([entry(30)])
    with pytest.raises(Conflict, match="30"):
        log.check(reads, 10)
    log.check(reads, 30)


def test_a_snapshot_from_before_the_log_is_too_old() -> None:
    log = WriteLog(5)
    with pytest.raises(SnapshotTooOld, match="4"):
        log.check(ReadSet(), 4)


KEYS = st.sampled_from([b"", b"a", b"b", b"b\x00", b"c"])
INDEXES = st.integers(1, 2)
CHANGES = st.lists(st.builds(KeyChange, INDEXES, st.none() | KEYS, st.none() | KEYS), max_size=3)
INTERVALS = st.lists(st.builds(Interval, KEYS, st.none() | KEYS), max_size=3).map(merged)


@given(
    st.lists(CHANGES, max_size=15),
    st.dictionaries(INDEXES, st.frozensets(KEYS, max_size=3)),
    st.dictionaries(INDEXES, INTERVALS),
)
def test_a_conflict_is_a_later_commit_that_touches_the_reads(
    history: list[list[KeyChange]],
    points: dict[int, frozenset[bytes]],
    intervals: dict[int, tuple[Interval, ...]],
) -> None:
    log, reads = WriteLog(0), ReadSet(points, intervals)
    entries = [LogEntry(10 * at, changes) for at, changes in enumerate(history, start=1)]
    log.extend(entries)
    for begin_ts in range(0, 10 * len(history) + 10, 5):
        touched = any(
            entry.ts > begin_ts and is_touched(reads, change)
            for entry in entries
            for change in entry.changes
        )
        assert is_conflict(log, reads, begin_ts) == touched


def test_the_oldest_commits_are_forgotten_and_never_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 10)
    monkeypatch.setattr(module, "_FORGOTTEN_AT_ONCE", 4)
    log = WriteLog(0)
    keys = [b"a", b"b", b"c"]
    for ts in range(1, 101):
        log.extend([entry(ts, keys[ts % 3])])
        kept = [begin for begin in range(ts + 1) if is_kept(log, begin)]
        assert kept == list(range(kept[0], ts + 1))
        assert ts - kept[0] in range(min(ts, 10), 15)
        for begin in kept:
            for number, key in enumerate(keys):
                was_written = any(later % 3 == number for later in range(begin + 1, ts + 1))
                for reads in (
                    ReadSet({1: frozenset([key])}),
                    ReadSet({}, {1: (Interval.point(key),)}),
                ):
                    assert is_conflict(log, reads, begin) == was_written


def is_kept(log: WriteLog, begin_ts: int) -> bool:
    try:
        log.check(ReadSet(), begin_ts)
    except SnapshotTooOld:
        return False
    return True


def is_conflict(log: WriteLog, reads: ReadSet, begin_ts: int) -> bool:
    try:
        log.check(reads, begin_ts)
    except Conflict:
        return True
    return False


@given(st.lists(CHANGES, max_size=8), st.lists(st.lists(CHANGES, max_size=4), max_size=4))
def test_a_log_that_takes_others_over_says_what_one_log_of_all_commits_says(
    before: list[list[KeyChange]], batches: list[list[list[KeyChange]]]
) -> None:
    stamps = count(10, 10)
    whole, log = WriteLog(0), WriteLog(0)
    for at, histories in enumerate([before, *batches]):
        entries = [LogEntry(next(stamps), changes) for changes in histories]
        whole.extend(entries)
        if at == 0:
            log.extend(entries)
            continue
        batch = WriteLog(log.ts)
        batch.extend(entries)
        assert batch.follows(log)
        log.take_over(batch)
        assert log.ts == whole.ts
    for begin_ts in range(0, whole.ts + 10, 5):
        for index_no in (1, 2):
            for key in (b"", b"a", b"b", b"b\x00", b"c"):
                for reads in (
                    ReadSet({index_no: frozenset([key])}),
                    ReadSet({}, {index_no: (Interval(key, key + b"z"),)}),
                ):
                    assert is_conflict(log, reads, begin_ts) == is_conflict(whole, reads, begin_ts)


def test_commits_with_many_keys_are_forgotten_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    log = WriteLog(0)
    for ts in range(1, 101):
        keys = [(ts * 100 + at).to_bytes(50, "big") for at in range(100)]
        log.extend([LogEntry(ts, [KeyChange(1, None, key) for key in keys])])
        kept = [begin for begin in range(ts + 1) if is_kept(log, begin)]
        assert ts - kept[0] == min(ts, 5)
        assert is_conflict(log, ReadSet({1: frozenset(keys)}), kept[0]) == (kept[0] < ts)
    log.extend([LogEntry(101, [KeyChange(1, None, bytes([at] * 5_000)) for at in range(50)])])
    assert is_kept(log, 101)
    assert not is_kept(log, 100)
