"""What is remembered of documents: it is what the store says, and it is no more than allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core.values import Interval
from confect_server.engine.document_cache import ENTRY_BYTES, LONGEST_RANGE, DocumentCache
from confect_server.engine.write_log import WriteLog
from confect_server.store import (
    Commit,
    IndexedRevision,
    KeyChange,
    Located,
    LogEntry,
    MemoryStore,
    Order,
    Revision,
    Store,
)
from tests.server.store.histories import INDEX, TABLE, append, commit, doc
from tests.server.stores import SuspendingStore

NAMES = "abcdef"
ROOMY = 1_000_000


class CountingStore(SuspendingStore):
    """Another store, and how often it was asked for what; it can be made to answer later."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked: Counter[str] = Counter()
        self.gate = anyio.Event()
        self.gate.set()

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        self.asked["get"] += 1
        found = await super().get(table_no, id, ts)
        await self.gate.wait()
        return found

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        self.asked["scan"] += 1
        found = await super().scan(index_no, interval, ts, order, limit)
        await self.gate.wait()
        return found

    async def locate(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[Located]:
        self.asked["locate"] += 1
        return await super().locate(index_no, interval, ts, order, limit)


@dataclass
class Library:
    """Documents in one index, at keys that are their names, behind a cache."""

    max_bytes: int = ROOMY
    store: CountingStore = field(default_factory=lambda: CountingStore(MemoryStore()))
    log: WriteLog = field(default_factory=lambda: WriteLog(0))
    there: set[str] = field(default_factory=set[str])
    appended: list[Commit] = field(default_factory=list[Commit])
    lock: anyio.Lock = field(default_factory=anyio.Lock)

    def __post_init__(self) -> None:
        self.cache = self.new_cache(self.max_bytes)

    def new_cache(self, max_bytes: int) -> DocumentCache:
        return DocumentCache(self.store, self.log, max_bytes=max_bytes)

    async def append(self, *names: str) -> None:
        """Write documents durably, in a commit that nobody was told of; `-a` deletes a."""
        async with self.lock:
            made = self._commit_of(names)
            await append(self.store, made)
            self.appended.append(made)

    def _commit_of(self, names: Sequence[str]) -> Commit:
        keys: dict[str, tuple[bytes | None, bytes | None]] = {}
        changed: list[KeyChange] = []
        ts = 10 * (len(self.appended) + 1)
        for name in names:
            plain = name.removeprefix("-")
            old = doc(plain) if plain in self.there else None
            new = None if name.startswith("-") else doc(plain)
            if old or new:
                keys[plain] = old, new
                changed.append(KeyChange(TABLE, old, new))
            (self.there.add if new else self.there.discard)(plain)
        made = commit(ts, **keys)
        return replace(made, changes=[*made.changes, *changed])

    def publish(self, *caches: DocumentCache) -> None:
        """Tell of all commits, in one step."""
        unseen = [
            LogEntry(each.ts, each.changes) for each in self.appended if each.ts > self.log.ts
        ]
        self.log.extend(unseen)
        for cache in caches or (self.cache,):
            cache.forget(unseen)

    async def write(self, *names: str) -> None:
        await self.append(*names)
        self.publish()

    async def value(self, name: str, ts: int | None = None) -> bytes | None:
        revision = await self.cache.get(TABLE, doc(name), self.log.ts if ts is None else ts)
        return None if revision is None else revision.value

    async def values(self, limit: int = 50, order: Order = "asc") -> list[bytes]:
        ts = self.log.ts
        rows = await self.cache.scan(INDEX, Interval.all(), ts, order, limit)
        assert rows == await self.store.scan(INDEX, Interval.all(), ts, order, limit)
        self.store.asked["scan"] -= 1
        return [row.value for row in rows]


async def test_a_document_is_read_from_the_store_once() -> None:
    at = Library()
    await at.write("a", "b")
    assert [await at.value("a") for _ in range(3)] == [b"a@10"] * 3
    assert at.store.asked == {"get": 1}
    assert at.cache.held_bytes == len(b"a@10") + ENTRY_BYTES


async def test_what_a_commit_writes_is_read_again() -> None:
    at = Library()
    await at.write("a", "b")
    assert (await at.value("a"), await at.value("b")) == (b"a@10", b"b@10")
    await at.write("a")
    assert (await at.value("a"), await at.value("b")) == (b"a@20", b"b@10")
    assert at.store.asked == {"get": 3}
    await at.write("-a")
    assert await at.value("a") is None


async def test_an_older_snapshot_shares_what_has_not_changed_since() -> None:
    at = Library()
    await at.write("a", "b")
    await at.write("b")
    assert (await at.value("a"), await at.value("b")) == (b"a@10", b"b@20")
    assert at.store.asked == {"get": 2}
    assert (await at.value("a", 10), await at.value("b", 10)) == (b"a@10", b"b@10")
    assert at.store.asked == {"get": 3}
    assert await at.value("b") == b"b@20", "what the older snapshot read is not kept"


@pytest.mark.parametrize("kind", ["get", "scan"])
async def test_what_a_commit_overtakes_while_it_is_read_is_not_kept(kind: str) -> None:
    at = Library()
    await at.write("a")
    at.store.gate = anyio.Event()
    read: list[object] = []

    async def read_slowly() -> None:
        if kind == "get":
            read.append(await at.value("a"))
        else:
            rows = await at.cache.scan(INDEX, Interval.all(), 10, "asc", 50)
            read.extend(row.value for row in rows)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read_slowly)
        await anyio.wait_all_tasks_blocked()
        await at.write("a")
        at.store.gate.set()
    assert read == [b"a@10"]
    assert at.cache.held_bytes == 0
    assert await at.value("a") == b"a@20"


async def test_what_is_read_before_the_log_begins_is_not_kept() -> None:
    at = Library(log=WriteLog(15))
    await at.append("a")
    assert await at.value("a", 10) == b"a@10"
    assert at.cache.held_bytes == 0, "whether it was written since is not known"


async def test_a_range_of_known_documents_only_asks_where_they_are() -> None:
    at = Library()
    await at.write(*NAMES)
    for _ in range(2):
        assert len(await at.values()) == 6
    assert at.store.asked == {"scan": 2}, "only the second found that all were there"
    await at.write("a", "g")
    assert len(await at.values()) == 7
    assert at.store.asked == {"locate": 1, "scan": 3}, "two of seven are too many to ask for singly"
    orders: list[Order] = ["asc", "desc"]
    for order in orders:
        await at.values()
        await at.write("g")
        at.store.asked.clear()
        assert len(await at.values(order=order)) == 7
        assert at.store.asked == Counter(locate=1, get=1)
    assert [value[:1] for value in await at.values(3, "desc")] == [b"g", b"f", b"e"]


async def test_a_long_scan_passes_by() -> None:
    at = Library()
    await at.write(*NAMES)
    for _ in range(3):
        assert len(await at.values(LONGEST_RANGE + 1)) == 6
    assert (at.store.asked, at.cache.held_bytes) == ({"scan": 3}, 0)


async def test_the_documents_read_longest_ago_make_room() -> None:
    size = len(b"a@10") + ENTRY_BYTES
    at = Library(max_bytes=3 * size)
    await at.write(*NAMES)
    for name in "abcad":
        await at.value(name)
        assert at.cache.held_bytes <= 3 * size
    at.store.asked.clear()
    for name in "acd":
        await at.value(name)
    assert at.store.asked["get"] == 0
    await at.value("b")
    assert at.store.asked["get"] == 1


async def test_without_room_everything_is_read_from_the_store() -> None:
    at = Library(max_bytes=0)
    await at.write("a")
    assert [await at.value("a") for _ in range(2)] == [b"a@10"] * 2
    assert len(await at.values()) == 1
    assert at.cache.held_bytes == 0


Step = tuple[Literal["write", "delete", "publish", "get", "scan", "pause"], str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "delete", "publish", "get", "get", "scan", "pause"]),
        st.sampled_from(NAMES),
        st.integers(1, 6),
    ),
    max_size=20,
)


@dataclass
class Visitor:
    """Reads through caches of several sizes what it then reads from the store as well."""

    at: Library
    caches: Sequence[DocumentCache]

    async def take(self, steps: list[Step]) -> None:
        for what, name, number in steps:
            if what == "write":
                await self.at.append(name, NAMES[number - 1])
            elif what == "delete":
                await self.at.append(f"-{name}")
            elif what == "publish":
                self.at.publish(*self.caches)
            elif what == "pause":
                await checkpoint()
            else:
                await self.compare(what, name, number)

    async def compare(self, what: str, name: str, number: int) -> None:
        ts = self.at.log.ts if number % 2 else 10 * number
        if ts > self.at.log.ts:
            return
        order: Order = "asc" if number % 3 else "desc"
        for cache in self.caches:
            interval = Interval(doc(name), None)
            if what == "get":
                found: object = await cache.get(TABLE, doc(name), ts)
                assert found == await self.at.store.get(TABLE, doc(name), ts)
            else:
                found = await cache.scan(INDEX, interval, ts, order, number)
                assert found == await self.at.store.scan(INDEX, interval, ts, order, number)
            assert cache.held_bytes <= ROOMY


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=4))
def test_whatever_happens_it_says_what_the_store_says(histories: list[list[Step]]) -> None:
    async def run() -> None:
        at = Library()
        caches = [at.cache, at.new_cache(0), at.new_cache(2 * ENTRY_BYTES + 20)]
        async with anyio.create_task_group() as tasks:
            for steps in histories:
                tasks.start_soon(Visitor(at, caches).take, steps)

    anyio.run(run)
