"""What is read on top of commits that are not durable yet: each snapshot's own, and no more."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TypeAlias

import pytest

from confect_core.values import Interval
from confect_server.engine.batch import Batch
from confect_server.engine.document_cache import DocumentCache
from confect_server.engine.errors import SnapshotLost
from confect_server.engine.pauses import NoPauses
from confect_server.engine.pending import WriteSet
from confect_server.engine.write_log import WriteLog
from confect_server.store import (
    Admission,
    DocumentWrite,
    IndexedRevision,
    IndexRow,
    KeyChange,
    LogEntry,
    MemoryStore,
    Order,
    Revision,
    Store,
)
from tests.server.engine.faults import Broken, FaultyStore
from tests.server.store.histories import INDEX, TABLE, append, commit, doc
from tests.server.stores import SuspendingStore

NAMES = "abc"
Scan: TypeAlias = tuple[int, Interval, int, Order, int]


class Bottom:
    """A store with documents, and batches on top of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.log = WriteLog(0)
        self.documents = DocumentCache(store, self.log, max_bytes=1_000_000)

    async def write(self, *names: str) -> None:
        made = commit(self.log.ts + 10, **{name: (None, doc(name)) for name in names})
        await append(self.store, made)
        self.log.extend([LogEntry(made.ts, made.changes)])

    async def batch(self) -> tuple[Batch, Admission]:
        admission = await self.store.admit()
        return Batch(self.documents, admission, 0, NoPauses(), {}), admission


def write(batch: Batch, name: str, value: bytes | None) -> int:
    writes = WriteSet()
    writes.documents.append(DocumentWrite(TABLE, doc(name), value))
    writes.changes.append(KeyChange(TABLE, doc(name), None if value is None else doc(name)))
    batch.add(batch.ts.to_bytes(16), writes)
    return batch.ts


async def value(batch: Batch, name: str, ts: int) -> bytes | None:
    revision = await batch.get(TABLE, doc(name), ts)
    return None if revision is None else revision.value


async def test_each_snapshot_has_the_writes_of_the_batch_up_to_it() -> None:
    bottom = Bottom(SuspendingStore(MemoryStore()))
    await bottom.write("a", "b")
    batch, admission = await bottom.batch()
    before = batch.ts
    first, second = write(batch, "a", b"1"), write(batch, "a", None)
    third = write(batch, "a", b"3")
    read = [await value(batch, "a", ts) for ts in (before, first, second, third)]
    assert read == [b"a@10", b"1", None, b"3"]
    assert [await value(batch, "b", ts) for ts in (before, third)] == [b"b@10", b"b@10"]
    assert await bottom.documents.get(TABLE, doc("a"), before) == Revision(10, b"a@10")
    await admission.abandon()


async def test_what_is_below_a_batch_is_remembered_and_what_is_in_it_is_not() -> None:
    bottom = Bottom(MemoryStore())
    await bottom.write("a", "b")
    batch, admission = await bottom.batch()
    newest = write(batch, "a", b"1")
    assert (await value(batch, "a", newest), await value(batch, "b", newest)) == (b"1", b"b@10")
    held = bottom.documents.held_bytes
    await bottom.documents.get(TABLE, doc("b"), 10)
    assert bottom.documents.held_bytes == held > 0
    await bottom.documents.get(TABLE, doc("a"), 10)
    assert bottom.documents.held_bytes == 2 * held
    await admission.abandon()


async def test_nothing_is_read_on_top_of_a_batch_that_failed() -> None:
    store = FaultyStore(MemoryStore())
    bottom = Bottom(store)
    await bottom.write("a", "b")
    batch, _ = await bottom.batch()
    answer = batch.add(b"1", write_set([DocumentWrite(TABLE, doc("a"), b"1")]))
    store.fails_to_append = True
    with pytest.raises(Broken):
        await batch.write()
    batch.settle(Broken())
    with pytest.raises(Broken):
        await answer
    for name in "ab":
        with pytest.raises(SnapshotLost):
            await value(batch, name, batch.ts)


@pytest.mark.parametrize("seed", range(20))
async def test_a_batch_says_what_the_store_will_say(seed: int) -> None:
    chooser = random.Random(seed)
    bottom = Bottom(MemoryStore())
    await bottom.write("a", "b")
    batch, _ = await bottom.batch()
    snapshots = [batch.ts]
    said: dict[tuple[str, int], bytes | None] = {}
    for number in range(12):
        written = chooser.choice([None, str(number).encode()])
        snapshots.append(write(batch, chooser.choice(NAMES), written))
        name, ts = chooser.choice(NAMES), chooser.choice(snapshots)
        said[name, ts] = await value(batch, name, ts)
    await batch.write()
    batch.settle(None)
    for (name, ts), before in said.items():
        stored = await bottom.store.get(TABLE, doc(name), ts)
        assert before == (stored and stored.value)
        assert before == await value(batch, name, ts)


@pytest.mark.parametrize("seed", range(60))
async def test_a_batch_has_the_ranges_that_the_store_will_have(seed: int) -> None:
    chooser = random.Random(seed)
    store = SuspendingStore(MemoryStore()) if seed % 2 else MemoryStore()
    bottom = Bottom(store)
    keys: dict[str, bytes | None] = {name: bytes([at]) for at, name in enumerate("abcdef")}
    await append(store, commit(10, **{name: (None, key) for name, key in keys.items()}))
    bottom.log.extend([LogEntry(10, [])])
    batch, _ = await bottom.batch()
    snapshots, said = [batch.ts], list[tuple[Scan, list[IndexedRevision]]]()
    for number in range(chooser.randrange(1, 12)):
        name = chooser.choice("abcdefgh")
        old, new = keys.get(name), chooser.choice([None, keys.get(name), bytes([number]) + b"x"])
        if old is None and new is None:
            continue
        keys[name] = new
        snapshots.append(moved(batch, name, old, new))
        scan = any_scan(chooser, snapshots[-1 if chooser.random() < 0.8 else 0 :])
        said.append((scan, await batch.scan(*scan)))
    await batch.write()
    batch.settle(None)
    for scan, rows in said:
        assert rows == await store.scan(*scan), f"seed {seed}: {scan}"


async def test_what_is_read_on_top_of_a_batch_does_not_append_it() -> None:
    store = FaultyStore(MemoryStore())
    bottom = Bottom(store)
    await bottom.write("a")
    batch, admission = await bottom.batch()
    newest = moved(batch, "b", None, b"b")
    store.fails_to_append = True
    rows = await batch.scan(INDEX, Interval.all(), newest, "asc", 10)
    assert [row.key for row in rows] == [doc("a"), b"b"]
    assert store.fails_to_append
    await admission.abandon()


def write_set(
    documents: Iterable[DocumentWrite],
    index_rows: Iterable[IndexRow] = (),
    changes: Iterable[KeyChange] = (),
) -> WriteSet:
    """What a transaction writes, said in full."""
    writes = WriteSet()
    writes.documents += documents
    writes.index_rows += index_rows
    writes.changes += changes
    return writes


def moved(batch: Batch, name: str, old: bytes | None, new: bytes | None) -> int:
    made = commit(batch.ts + 1, **{name: (old, new)})
    writes = write_set(made.documents, made.index_rows, made.changes)
    batch.add(made.commit_id, writes)
    return batch.ts


def any_scan(chooser: random.Random, snapshots: list[int]) -> Scan:
    start = chooser.choice([b"", b"\x01", b"\x03", b"\x04x"])
    end = chooser.choice([None, b"\x03", b"\x05", b"\x08"])
    order: Order = chooser.choice(["asc", "desc"])
    return INDEX, Interval(start, end), chooser.choice(snapshots), order, chooser.randrange(1, 9)
