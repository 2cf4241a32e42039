"""Several databases on one store: in one process here, in several processes below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_core.values import Interval, decode_id
from confect_server.engine import Conflict, Database
from confect_server.engine.subscription import Subscriptions
from confect_server.store import LogEntry, MemoryStore, SqliteStore, Store
from tests.server.engine.conftest import TABLES
from tests.server.processes import run_in_two_processes
from tests.server.stores import STORE_KINDS, SuspendingStore, index_of, opened

OpenStore = Callable[[], Store]


@pytest.fixture(params=STORE_KINDS)
def another(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Another way to the same data, each time."""
    memory = MemoryStore()
    ways: dict[str, OpenStore] = {
        "memory": lambda: memory,
        "sqlite": lambda: SqliteStore(tmp_path / "data.db"),
        "suspending": lambda: SuspendingStore(SqliteStore(tmp_path / "data.db")),
    }
    return ways[request.param]


async def new_counter(database: Database) -> bytes:
    transaction = database.begin()
    id = await transaction.insert(database.catalog.table("items").number, {"rank": 0.0})
    await database.commit(transaction)
    return decode_id(id)[1]


async def count(database: Database, counter: bytes) -> float:
    document = await database.begin().get(database.catalog.table("items").number, counter)
    assert document is not None
    assert isinstance(document["rank"], float)
    return document["rank"]


async def increment(database: Database, counter: bytes) -> None:
    table = database.catalog.table("items").number
    while True:
        transaction = database.begin()
        document = await transaction.get(table, counter)
        assert document is not None
        assert isinstance(document["rank"], float)
        await transaction.replace(table, counter, {"rank": document["rank"] + 1})
        try:
            await database.commit(transaction)
        except Conflict:
            continue
        return


async def test_a_commit_of_another_is_seen_after_refreshing(another: OpenStore) -> None:
    async with opened(another()) as one, opened(another(), seed=1) as other:
        await one.declare(TABLES)
        counter = await new_counter(one)
        await other.refresh()
        assert other.newest_ts == one.newest_ts
        told: list[int] = []
        transaction = other.begin()
        await transaction.get(one.catalog.table("items").number, counter)
        assert other.subscribe(transaction.reads, transaction.begin_ts, told.append)
        await increment(one, counter)
        assert told == []
        assert await count(other, counter) == 0.0
        await other.refresh()
        assert told == [one.newest_ts]
        assert await count(other, counter) == 1.0
        await other.refresh()
        assert len(told) == 1


async def test_a_commit_of_another_conflicts_before_it_was_seen(another: OpenStore) -> None:
    async with opened(another()) as one:
        await one.declare(TABLES)
        counter = await new_counter(one)
        async with opened(another(), seed=1) as other:
            table = other.catalog.table("items").number
            transaction = other.begin()
            assert await transaction.get(table, counter) is not None
            await transaction.replace(table, counter, {"rank": 7.0})
            await increment(one, counter)
            with pytest.raises(Conflict):
                await other.commit(transaction)
            assert other.newest_ts == one.newest_ts
            await increment(other, counter)
            assert await count(other, counter) == 2.0


async def test_everything_is_published_once_and_in_order_while_others_refresh(
    another: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: dict[Subscriptions, list[int]] = {}
    tell = Subscriptions.published

    def noted(self: Subscriptions, entries: Iterable[LogEntry]) -> None:
        entries = list(entries)
        published.setdefault(self, []).extend(entry.ts for entry in entries)
        tell(self, entries)

    monkeypatch.setattr(Subscriptions, "published", noted)
    store = another()
    async with opened(store) as one, opened(another(), seed=1) as other:
        await one.declare(TABLES)
        counter = await new_counter(one)
        await other.refresh()
        working = 4

        async def increment_often(database: Database) -> None:
            nonlocal working
            for _ in range(20):
                await increment(database, counter)
                await checkpoint()
            working -= 1

        async def refresh_often(database: Database) -> None:
            while working:
                await database.refresh()
                await checkpoint()

        async with anyio.create_task_group() as tasks:
            for database in (one, other):
                tasks.start_soon(increment_often, database)
                tasks.start_soon(increment_often, database)
                tasks.start_soon(refresh_often, database)
        await one.refresh()
        await other.refresh()
        assert await count(one, counter) == await count(other, counter) == 80.0
        log = [entry.ts for entry in await store.log_after(0)]
        assert published == {one._subscriptions: log, other._subscriptions: log}


async def test_tables_that_another_declares_are_known_after_refreshing(another: OpenStore) -> None:
    async with opened(another()) as one, opened(another(), seed=1) as other:
        await one.declare(TABLES)
        await other.refresh()
        assert other.catalog.table("items") == one.catalog.table("items")
        counter = await new_counter(other)
        await one.refresh()
        await increment(one, counter)
        assert await count(one, counter) == 1.0


async def test_a_write_by_indexes_that_another_has_changed_conflicts(another: OpenStore) -> None:
    async with opened(another()) as one:
        await one.declare(TABLES)
        async with opened(another(), seed=1) as other:
            table = other.catalog.table("items").number
            late = other.begin()
            await late.insert(table, {"rank": 1.0})
            await one.declare({"items": {"by_rank": ("rank", "name")}})
            with pytest.raises(Conflict):
                await other.commit(late)
            again = other.begin()
            await again.insert(table, {"rank": 1.0})
            await other.commit(again)
            await one.refresh()
            found = one.begin().range(index_of(one, "items", "by_rank"), Interval.all())
            assert len([each async for each in found]) == 1


async def test_two_that_declare_at_once_agree(another: OpenStore) -> None:
    declared: Sequence[dict[str, dict[str, tuple[str, ...]]]] = (
        {"a": {"by_x": ("x",)}, "b": {}, "c": {}},
        {"c": {"by_y": ("y",)}, "a": {"by_x": ("x",)}, "d": {}},
    )
    async with opened(another()) as one, opened(another(), seed=1) as other:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.declare, declared[0])
            tasks.start_soon(other.declare, declared[1])
        await one.refresh()
        await other.refresh()
        numbers = [one.catalog.table(name).number for name in "abcd"]
        assert sorted(numbers) == [10_001, 10_002, 10_003, 10_004]
        assert [other.catalog.table(name) for name in "abcd"] == [
            one.catalog.table(name) for name in "abcd"
        ]
        indexes = [
            index.number for name in "abcd" for index in one.catalog.table(name).indexes.values()
        ]
        assert len(indexes) == len(set(indexes))


INCREMENTS = 150

PROGRAM = """
import os, sys
from pathlib import Path
import anyio
from confect_core.values import Interval
from confect_server.engine import Conflict, Database
from confect_server.runtime.clock import SystemClock
from confect_server.store import SqliteStore

async def main(path, count):
    async with Database.open(SqliteStore(Path(path)), SystemClock(), os.urandom) as database:
        print("ready", flush=True)
        sys.stdin.readline()
        await database.declare({"items": {"by_rank": ("rank",)}})
        items = database.catalog.table("items")
        async def increment_often():
            for _ in range(count // 3):
                while not await incremented():
                    pass
        async def incremented():
            transaction = database.begin()
            found = transaction.range(items.indexes["by_rank"], Interval.all())
            counter = await anext(found, None)
            if counter is None:
                await transaction.insert(items.number, {"rank": 1.0})
            else:
                rank = counter.document["rank"]
                await transaction.replace(items.number, counter.id, {"rank": rank + 1})
            try:
                await database.commit(transaction)
            except Conflict:
                return False
            return True
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(increment_often)

anyio.run(main, sys.argv[1], int(sys.argv[2]))
"""


async def test_two_processes_lose_no_increment(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    run_in_two_processes(PROGRAM, str(path), str(INCREMENTS))
    async with opened(SqliteStore(path)) as database:
        found = database.begin().range(index_of(database, "items", "by_rank"), Interval.all())
        assert [each.document["rank"] async for each in found] == [2.0 * INCREMENTS]
