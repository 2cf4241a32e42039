"""What lies before the horizon is refused and deleted; what lies after it stays as it was."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core.values import Interval
from confect_server.store import (
    Commit,
    IndexedRevision,
    KeyChange,
    LogTrimmed,
    MemoryStore,
    Revision,
    SnapshotForgotten,
    SqliteStore,
    Store,
)
from confect_server.store.sqlite_connection import connect
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
from tests.server.store.test_histories import MOVES, NAMES, history
from tests.server.stores import SuspendingStore, admitted


def told(before: Commit, *, olds: set[bytes]) -> Commit:
    """The commit as the engine writes it: its changes name the documents, too."""
    ids = [
        KeyChange(TABLE, write.id if write.id in olds else None, write.value and write.id)
        for write in before.documents
    ]
    olds.difference_update(write.id for write in before.documents if write.value is None)
    olds.update(write.id for write in before.documents if write.value is not None)
    return replace(before, changes=[*ids, *before.changes])


async def append_told(store: Store, *commits: Commit) -> None:
    olds: set[bytes] = set()
    await append(store, *(told(each, olds=olds) for each in commits))


async def raise_horizon(store: Store, ts: int) -> None:
    async with admitted(store) as admission:
        await admission.raise_horizon(ts)


async def forget_all(store: Store, limit: int = 100) -> int:
    count = 0
    while True:
        async with admitted(store) as admission:
            walked = await admission.forget(limit)
        count += walked
        if not walked:
            return count


MOVED = (
    commit(10, a=(None, b"1"), b=(None, b"9")),
    commit(20, a=(b"1", b"2")),
    commit(30, a=(b"2", None)),
    commit(40, a=(None, b"3")),
)


async def test_the_horizon_is_the_newest_commit_up_to_a_timestamp(store: Store) -> None:
    await append_told(store, *MOVED)
    await raise_horizon(store, 9)
    assert (await store.head()).horizon == 0
    await raise_horizon(store, 25)
    assert (await store.head()).horizon == 20
    await raise_horizon(store, 10)
    assert (await store.head()).horizon == 20
    await raise_horizon(store, 10**12)
    assert (await store.head()).horizon == 40


async def test_a_snapshot_before_the_horizon_is_refused(store: Store) -> None:
    await append_told(store, *MOVED)
    await store.get(TABLE, doc("a"), 19)
    await raise_horizon(store, 20)
    with pytest.raises(SnapshotForgotten):
        await store.get(TABLE, doc("a"), 19)
    with pytest.raises(SnapshotForgotten):
        await store.get(TABLE, doc("nobody"), 19)
    with pytest.raises(SnapshotForgotten):
        await keys_in(store, ts=19)
    with pytest.raises(SnapshotForgotten):
        await store.scan(INDEX, Interval(b"x", b"y"), 19, "asc", 5)
    async with admitted(store) as admission:
        with pytest.raises(SnapshotForgotten):
            await admission.get(TABLE, doc("a"), 19)
        with pytest.raises(SnapshotForgotten):
            await admission.scan(INDEX, Interval.all(), 19, "asc", 5)
    assert await store.get(TABLE, doc("a"), 20) == Revision(20, b"a@20")
    assert await keys_in(store, ts=20) == [b"2", b"9"]


async def test_the_horizon_counts_once_the_lock_is_left(store: Store) -> None:
    await append_told(store, *MOVED)
    async with admitted(store) as admission:
        await admission.raise_horizon(30)
        assert await store.get(TABLE, doc("a"), 10) == Revision(10, b"a@10")
        assert await admission.forget(100) == 0  # what is not yet refused is not yet deleted
    with pytest.raises(SnapshotForgotten):
        await store.get(TABLE, doc("a"), 10)


async def test_a_horizon_that_is_abandoned_was_never_raised(store: Store) -> None:
    await append_told(store, *MOVED)
    admission = await store.admit()
    await admission.raise_horizon(30)
    await admission.abandon()
    assert await store.get(TABLE, doc("a"), 10) == Revision(10, b"a@10")
    await raise_horizon(store, 30)
    admission = await store.admit()
    assert await admission.forget(100)
    await admission.abandon()
    assert await forget_all(store)
    admission = await store.admit()
    assert await admission.trim_log(30, 100) == 3
    assert await admission.forget_index(INDEX, 100)
    await admission.abandon()
    assert await keys_in(store) == [b"3", b"9"]
    assert len(await store.log_after(0)) == 4


async def test_what_is_forgotten_is_not_looked_at_again(store: Store) -> None:
    await append_told(store, *MOVED)
    await raise_horizon(store, 30)
    assert await forget_all(store)
    assert await forget_all(store) == 0
    await raise_horizon(store, 40)
    assert await forget_all(store)


async def test_a_commit_is_found_among_those_after_another(store: Store) -> None:
    await append_told(store, *MOVED)
    assert await store.ts_of(commit_id(20), 10) == 20
    assert await store.ts_of(commit_id(20), 20) is None


async def test_the_log_is_trimmed_up_to_a_timestamp_and_says_so(store: Store) -> None:
    await append_told(store, *MOVED)
    async with admitted(store) as admission:
        assert await admission.trim_log(20, 100) == 0  # nothing was forgotten by it
    await raise_horizon(store, 30)
    await forget_all(store)
    async with admitted(store) as admission:
        assert await admission.trim_log(20, 1) == 1
    assert (await store.head()).log_start == 10
    assert [entry.ts for entry in await store.log_after(10)] == [20, 30, 40]
    async with admitted(store) as admission:
        assert await admission.trim_log(99, 100) == 2
    with pytest.raises(LogTrimmed):
        await store.log_after(29)
    async with admitted(store) as admission:
        assert [entry.ts for entry in await admission.log_after(30)] == [40]
        with pytest.raises(LogTrimmed):
            await admission.log_after(29)
    assert await store.ts_of(commit_id(40)) == 40
    assert await store.ts_of(commit_id(30)) is None


async def test_the_rows_of_an_index_are_deleted_some_at_a_time(store: Store) -> None:
    keys: dict[str, tuple[bytes | None, bytes | None]] = {
        f"d{number}": (None, bytes([number])) for number in range(10)
    }
    await append_told(store, commit(10, **keys))
    counts: list[int] = []
    for _ in range(4):
        async with admitted(store) as admission:
            assert await admission.forget_index(INDEX + 1, 4) == 0
            counts.append(await admission.forget_index(INDEX, 4))
    assert counts == [4, 4, 2, 0]
    assert await keys_in(store) == []
    assert await store.get(TABLE, doc("d3"), 10) is not None


async def test_a_horizon_that_another_raises_is_seen(tmp_path: Path) -> None:
    one, other = SqliteStore(tmp_path / "data.db"), SqliteStore(tmp_path / "data.db")
    await one.open()
    await other.open()
    await append_told(one, *MOVED)
    assert await other.get(TABLE, doc("a"), 10) == Revision(10, b"a@10")
    await raise_horizon(one, 30)
    with pytest.raises(SnapshotForgotten):
        await other.get(TABLE, doc("a"), 10)
    with pytest.raises(SnapshotForgotten):
        await keys_in(other, ts=10)
    await one.close()
    await other.close()


async def test_two_that_take_the_lock_in_one_process_wait_for_each_other(tmp_path: Path) -> None:
    store = SuspendingStore(SqliteStore(tmp_path / "data.db"))
    await store.open()
    await append_told(store, *MOVED)
    await raise_horizon(store, 40)

    async def forget_slowly() -> None:
        await forget_all(store, limit=1)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(forget_slowly)
    assert await forget_all(store) == 0
    await store.close()


async def everything_at(store: Store, ts: int) -> tuple[list[IndexedRevision], object]:
    rows = await scanned(store, ts=ts)
    return rows, [await store.get(TABLE, doc(name), ts) for name in NAMES]


@settings(max_examples=80, deadline=None)
@given(MOVES, st.lists(st.integers(0, 130), min_size=1, max_size=3), st.integers(1, 7))
def test_forgetting_changes_nothing_that_can_be_read_and_leaves_nothing_else(
    moves: list[dict[str, bytes | None]], horizons: list[int], limit: int
) -> None:
    olds: set[bytes] = set()
    commits = [told(each, olds=olds) for each in history(moves)]

    async def forget_some(store: Store) -> None:
        for each in commits:
            await append(store, each)
        for ts in horizons:
            first = max(ts, (await store.head()).horizon)
            seen = {at: await everything_at(store, at) for at in range(0, 131, 10) if at >= first}
            await raise_horizon(store, ts)
            await forget_all(store, limit)
            for at, before in seen.items():
                assert await everything_at(store, at) == before

    async def compare(folder: Path) -> None:
        memory, sqlite = MemoryStore(), SqliteStore(folder / "data.db")
        await sqlite.open()
        await forget_some(memory)
        await forget_some(sqlite)
        horizon = (await sqlite.head()).horizon
        assert (await memory.head()).horizon == horizon
        await sqlite.close()
        expected = needed(commits, horizon)
        assert rows_in(folder / "data.db") == expected
        assert rows_of(memory) == expected

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(compare, Path(folder))


Rows = tuple[set[tuple[bytes, int]], set[tuple[bytes, int]]]


def needed(commits: list[Commit], horizon: int) -> Rows:
    """The revisions and index rows that some snapshot from the horizon on finds or is hidden by."""
    documents: dict[bytes, list[tuple[int, bool]]] = {}
    keys: dict[bytes, list[tuple[int, bool]]] = {}
    for each in commits:
        for write in each.documents:
            documents.setdefault(write.id, []).append((each.ts, write.value is None))
        for row in each.index_rows:
            keys.setdefault(row.key, []).append((each.ts, row.is_deleted))
    return after(documents, horizon), after(keys, horizon)


def after(histories: dict[bytes, list[tuple[int, bool]]], horizon: int) -> set[tuple[bytes, int]]:
    kept: set[tuple[bytes, int]] = set()
    for place, stamps in histories.items():
        past = [each for each in stamps if each[0] <= horizon]
        alive = [past[-1]] if past and not past[-1][1] else []
        kept.update((place, ts) for ts, _ in [*alive, *stamps[len(past) :]])
    return kept


def rows_in(path: Path) -> Rows:
    connection = connect(path)
    documents = connection.execute("SELECT id, ts FROM documents").fetchall()
    keys = connection.execute("SELECT key, ts FROM index_entries").fetchall()
    connection.close()
    return set(documents), set(keys)  # type: ignore[arg-type]  # cells of known columns


def rows_of(store: MemoryStore) -> Rows:
    return (
        {(id, ts) for (_, id), each in store._documents.items() for ts, _ in each},
        {(key, ts) for (_, key), each in store._entries.items() for ts, _ in each},
    )
