"""What every store promises, one suite for all of them."""

from __future__ import annotations

import anyio
import pytest

from confect_core.values import Interval
from confect_server.store import Commit, IndexedRevision, KeyChange, LogEntry, Revision, Store
from tests.server.store.histories import (
    INDEX,
    TABLE,
    append,
    commit,
    commit_id,
    doc,
    keys_in,
    scanned,
)
from tests.server.stores import admitted


async def test_a_new_store_is_empty(store: Store) -> None:
    assert (await store.head()).ts == 0
    assert await store.get(TABLE, doc("a"), 1) is None
    assert await scanned(store) == []
    assert await store.log_after(0) == []
    assert await store.ts_of(commit_id(1)) is None


async def test_a_document_is_read_as_of_a_timestamp(store: Store) -> None:
    await append(store, commit(10, a=(None, b"k")))
    await append(store, commit(20, a=(b"k", b"k")))
    await append(store, commit(30, a=(b"k", None)))
    await append(store, commit(40, a=(None, b"k")))
    read = {ts: await store.get(TABLE, doc("a"), ts) for ts in (9, 10, 19, 20, 30, 39, 40, 99)}
    assert read == {
        9: None,
        10: Revision(10, b"a@10"),
        19: Revision(10, b"a@10"),
        20: Revision(20, b"a@20"),
        30: None,
        39: None,
        40: Revision(40, b"a@40"),
        99: Revision(40, b"a@40"),
    }


async def test_documents_are_told_apart_by_table_and_id(store: Store) -> None:
    await append(store, commit(1, a=(None, b"k")))
    assert await store.get(TABLE + 1, doc("a"), 1) is None
    assert await store.get(TABLE, doc("b"), 1) is None


async def test_a_scan_gives_keys_and_revisions_in_order(store: Store) -> None:
    await append(store, commit(1, b=(None, b"2"), a=(None, b"1")), commit(2, c=(None, b"3")))
    rows = [
        IndexedRevision(b"1", TABLE, doc("a"), 1, b"a@1"),
        IndexedRevision(b"2", TABLE, doc("b"), 1, b"b@1"),
        IndexedRevision(b"3", TABLE, doc("c"), 2, b"c@2"),
    ]
    assert await scanned(store) == rows
    assert await scanned(store, order="desc") == rows[::-1]


async def test_a_scan_is_as_of_a_timestamp(store: Store) -> None:
    await append(store, commit(10, a=(None, b"1")))
    await append(store, commit(20, a=(b"1", b"5")))
    await append(store, commit(30, a=(b"5", None)))
    assert await keys_in(store, ts=9) == []
    assert await keys_in(store, ts=10) == [b"1"]
    assert await keys_in(store, ts=29) == [b"5"]
    assert await keys_in(store, ts=30) == []


async def test_a_key_that_stays_leads_to_the_newest_revision(store: Store) -> None:
    await append(store, commit(10, a=(None, b"1")))
    await append(store, commit(20, a=(b"1", b"1")))
    assert [(row.ts, row.value) for row in await scanned(store, ts=15)] == [(10, b"a@10")]
    assert [(row.ts, row.value) for row in await scanned(store, ts=20)] == [(20, b"a@20")]


async def test_a_key_that_is_used_again_is_found_again(store: Store) -> None:
    await append(store, commit(1, a=(None, b"1")))
    await append(store, commit(2, a=(b"1", b"2")))
    await append(store, commit(3, a=(b"2", b"1")))
    assert await keys_in(store, ts=2) == [b"2"]
    assert await keys_in(store, ts=3) == [b"1"]


@pytest.mark.parametrize(
    ("interval", "keys"),
    [
        (Interval(b"", None), [b"1", b"2", b"2\x00", b"3"]),
        (Interval(b"2", None), [b"2", b"2\x00", b"3"]),
        (Interval(b"", b"2"), [b"1"]),
        (Interval(b"2", b"3"), [b"2", b"2\x00"]),
        (Interval.point(b"2"), [b"2"]),
        (Interval.prefix(b"2"), [b"2", b"2\x00"]),
        (Interval(b"3", b"1"), []),
        (Interval(b"2", b"2"), []),
    ],
)
async def test_an_interval_is_from_its_start_to_before_its_end(
    store: Store, interval: Interval, keys: list[bytes]
) -> None:
    every = commit(1, a=(None, b"1"), b=(None, b"2"), c=(None, b"2\x00"), d=(None, b"3"))
    await append(store, every)
    assert await keys_in(store, interval) == keys
    assert await keys_in(store, interval, order="desc") == keys[::-1]


async def test_a_limit_counts_what_exists_and_no_tombstones(store: Store) -> None:
    keys = {f"d{number:03}": f"{number:03}".encode() for number in range(300)}
    await append(store, commit(1, **{name: (None, key) for name, key in keys.items()}))
    dead = dict(list(keys.items())[5:295])
    await append(store, commit(2, **{name: (key, None) for name, key in dead.items()}))
    live = [key for name, key in keys.items() if name not in dead]
    assert await keys_in(store, limit=7) == live[:7]
    assert await keys_in(store, order="desc", limit=7) == live[:2:-1]
    assert await keys_in(store, ts=1, limit=7) == [f"{number:03}".encode() for number in range(7)]


async def test_indexes_are_apart(store: Store) -> None:
    await append(store, commit(1, a=(None, b"1")))
    assert await store.scan(INDEX + 1, Interval.all(), 1, "asc", 10) == []


async def test_the_log_gives_what_came_after(store: Store) -> None:
    await append(store, commit(10, a=(None, b"1")), commit(20, a=(b"1", b"2")))
    await append(store, commit(30, a=(b"2", None)))
    entries = [
        LogEntry(10, [KeyChange(INDEX, None, b"1")]),
        LogEntry(20, [KeyChange(INDEX, b"1", b"2")]),
        LogEntry(30, [KeyChange(INDEX, b"2", None)]),
    ]
    assert await store.log_after(0) == entries
    assert await store.log_after(10) == entries[1:]
    assert await store.log_after(19) == entries[1:]
    assert await store.log_after(30) == []


async def test_a_commit_is_found_by_its_id(store: Store) -> None:
    await append(store, commit(10, a=(None, b"1")), commit(20, a=(b"1", b"2")))
    assert await store.ts_of(commit_id(10)) == 10
    assert await store.ts_of(commit_id(20)) == 20
    assert await store.ts_of(commit_id(30)) is None


async def test_the_head_is_the_newest_commit_and_its_life_stays_the_same(store: Store) -> None:
    new = await store.head()
    await append(store, commit(10, a=(None, b"1")), commit(20, a=(b"1", b"2")))
    assert await store.head() == new._replace(ts=20)
    async with admitted(store) as admission:
        assert admission.head == new._replace(ts=20)
        assert [entry.ts for entry in await admission.log_after(10)] == [20]


class ChangedMyMind(Exception):
    """What goes wrong while the lock is held."""


async def append_and_fail(store: Store, *commits: Commit) -> None:
    async with admitted(store) as admission:
        await admission.append(commits)
        raise ChangedMyMind


async def test_an_error_undoes_what_was_appended(store: Store) -> None:
    await append(store, commit(10, a=(None, b"1")))
    with pytest.raises(ChangedMyMind):
        await append_and_fail(store, commit(20, a=(b"1", b"2"), b=(None, b"3")))
    assert (await store.head()).ts == 10
    assert await keys_in(store) == [b"1"]
    assert await store.get(TABLE, doc("b"), 20) is None
    assert [entry.ts for entry in await store.log_after(0)] == [10]
    assert await store.ts_of(commit_id(20)) is None
    await append(store, commit(30, b=(None, b"3")))
    assert await keys_in(store) == [b"1", b"3"]


async def test_cancelling_undoes_what_was_appended(store: Store) -> None:
    with anyio.CancelScope() as scope:
        async with admitted(store) as admission:
            await admission.append([commit(10, a=(None, b"1"))])
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert (await store.head()).ts == 0
    await append(store, commit(20, a=(None, b"1")))


async def test_nothing_appended_is_seen_before_the_lock_is_left(store: Store) -> None:
    async with admitted(store) as admission:
        await admission.append([commit(10, a=(None, b"1"))])
        assert (await store.head()).ts == 0
        assert await store.log_after(0) == []
        assert await keys_in(store) == []
        assert await store.get(TABLE, doc("a"), 10) is None
    assert (await store.head()).ts == 10


async def test_the_lock_may_be_left_without_appending(store: Store) -> None:
    async with admitted(store):
        pass
    assert (await store.head()).ts == 0


async def test_large_and_strange_bytes_survive(store: Store) -> None:
    key = b"\x10" + b"\x00\xff" * 3000
    await append(store, commit(10, a=(None, key)))
    assert await keys_in(store) == [key]
    assert await store.log_after(0) == [LogEntry(10, [KeyChange(INDEX, None, key)])]
