"""How far back the past reaches, who is told, and what happens to whoever needs more of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from confect_core.values import Interval, Value, decode_id
from confect_server.engine import (
    SESSION_REQUESTS,
    Conflict,
    Database,
    OutOfRetention,
    PausePoint,
    SnapshotTooOld,
)
from confect_server.settings import Retention, Settings, Sharing
from confect_server.store import MemoryStore, SnapshotForgotten, SqliteStore, Store
from confect_server.store.sqlite_connection import connect, number
from tests.server.engine.conftest import TABLES
from tests.server.stores import (
    STORE_KINDS,
    SettableClock,
    SuspendingStore,
    index_of,
    opened,
)

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
WINDOWS = Settings(
    retention=Retention(history_s=60, log_s=120, requests_s=3600), sharing=Sharing(poll_s=None)
)
OpenStore = Callable[[], Store]


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def database(store: Store, clock: SettableClock) -> AsyncGenerator[Database]:
    async with opened(store, clock=clock, settings=WINDOWS) as database:
        await database.declare(TABLES)
        yield database


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


async def insert(database: Database, rank: float) -> bytes:
    transaction = database.begin()
    id = await transaction.insert(database.catalog.table("items").number, {"rank": rank})
    await database.commit(transaction)
    return decode_id(id)[1]


async def set_rank(database: Database, id: bytes, rank: float) -> int:
    transaction = database.begin()
    await transaction.replace(database.catalog.table("items").number, id, {"rank": rank})
    return await database.commit(transaction)


async def ranks(database: Database, ts: int | None = None) -> list[object]:
    transaction = database.begin(ts)
    found = transaction.range(index_of(database, "items", "by_rank"), Interval.all())
    return [each.document["rank"] async for each in found]


async def test_a_snapshot_is_kept_for_as_long_as_the_window_says(
    database: Database, clock: SettableClock
) -> None:
    id = await insert(database, 1.0)
    first = database.newest_ts
    clock.at_ns += 1000 * SECOND
    replaced_at = clock.at_ns
    assert await set_rank(database, id, 2.0) == replaced_at
    clock.at_ns = replaced_at + 60 * SECOND - 1
    await database.forget()
    assert await ranks(database, first) == [1.0]
    clock.at_ns = replaced_at + 60 * SECOND
    await database.forget()
    with pytest.raises(OutOfRetention):
        await ranks(database, first)
    table = database.catalog.table("items").number
    with pytest.raises(OutOfRetention):
        await database.begin(first).get(table, id)
    assert await ranks(database) == await ranks(database, replaced_at) == [2.0]


async def test_a_reader_that_runs_for_too_long_is_refused_and_not_answered_wrongly(
    database: Database, clock: SettableClock
) -> None:
    for rank in range(100):
        await insert(database, float(rank))
    reader = database.begin(is_read_only=True)
    reading = reader.range(index_of(database, "items", "by_rank"), Interval.all())
    read = [(await anext(reading)).document["rank"] for _ in range(10)]
    clock.at_ns += SECOND
    async for each in database.begin().range(
        index_of(database, "items", "by_rank"), Interval.all()
    ):
        await set_rank(database, each.id, -1.0)
    clock.at_ns += 61 * SECOND
    await database.forget()
    with pytest.raises(OutOfRetention) as raised:
        read.extend([each.document["rank"] async for each in reading])
    assert "retention.history_s" in (raised.value.hint or "")
    assert read == [float(rank) for rank in range(10)]


async def test_a_mutation_that_runs_for_too_long_is_told_to_run_again(
    database: Database, clock: SettableClock
) -> None:
    id = await insert(database, 1.0)
    slow = database.begin()
    await set_rank(database, id, 2.0)
    clock.at_ns += 61 * SECOND
    await database.forget()
    with pytest.raises(Conflict):
        await slow.replace(database.catalog.table("items").number, id, {"rank": 3.0})


async def test_an_idle_database_can_be_read_for_ever(
    database: Database, clock: SettableClock
) -> None:
    await insert(database, 1.0)
    reader = database.begin(is_read_only=True)
    clock.at_ns += 365 * DAY
    await database.forget()
    found = reader.range(index_of(database, "items", "by_rank"), Interval.all())
    assert [each.document["rank"] async for each in found] == [1.0]
    assert await ranks(database) == [1.0]


async def test_a_transaction_that_began_before_the_log_is_refused(
    database: Database, clock: SettableClock
) -> None:
    id = await insert(database, 1.0)
    slow = database.begin()
    await slow.insert(database.catalog.table("items").number, {"rank": 7.0})
    clock.at_ns += SECOND
    await set_rank(database, id, 2.0)
    clock.at_ns += 121 * SECOND
    await database.forget()
    with pytest.raises(SnapshotTooOld):
        await database.commit(slow)


async def test_answers_are_kept_for_as_long_as_the_window_says(
    database: Database, clock: SettableClock
) -> None:
    by_creation_time = index_of(database, "_session_requests")

    async def answers() -> list[object]:
        found = database.begin().range(by_creation_time, Interval.all())
        return [each.document["request"] async for each in found]

    for request in range(450):
        transaction = database.begin()
        fields: dict[str, Value] = {"session": "s", "request": float(request), "answer": "1"}
        await transaction.insert(SESSION_REQUESTS, fields)
        await database.commit(transaction)
        clock.at_ns += SECOND
    clock.at_ns += 3600 * SECOND - 20 * SECOND
    await database.forget()
    assert await answers() == [float(request) for request in range(430, 450)]


async def test_the_rows_of_a_removed_index_are_deleted_once_no_snapshot_has_it(
    database: Database, store: Store, clock: SettableClock
) -> None:
    for rank in range(5):
        await insert(database, float(rank))
    removed = index_of(database, "items", "by_rank").number
    clock.at_ns += SECOND
    await database.declare({"items": {}})
    await database.forget()
    assert len(await store.scan(removed, Interval.all(), database.newest_ts, "asc", 9)) == 5
    clock.at_ns += 61 * SECOND
    await database.forget()
    assert await store.scan(removed, Interval.all(), database.newest_ts, "asc", 9) == []
    by_creation_time = index_of(database, "items").number
    assert len(await store.scan(by_creation_time, Interval.all(), 2**62, "asc", 9)) == 5


async def test_one_who_missed_more_than_the_log_has_starts_over(
    another: OpenStore, clock: SettableClock
) -> None:
    async with opened(another(), clock=clock, settings=WINDOWS) as one:
        await one.declare(TABLES)
        id = await insert(one, 1.0)
        async with opened(another(), seed=1, clock=clock, settings=WINDOWS) as other:
            told: list[int] = []
            transaction = other.begin()
            await transaction.get(one.catalog.table("items").number, b"n" * 16)
            assert other.subscribe(transaction.reads, transaction.begin_ts, told.append)
            late = other.begin()
            await late.insert(other.catalog.table("items").number, {"rank": 5.0})
            for _ in range(2):
                clock.at_ns += 200 * SECOND
                await set_rank(one, id, 2.0 + clock.at_ns % 7)
                await one.declare({**TABLES, f"more{clock.at_ns}": {}})
                await one.forget()
            await other.refresh()
            assert told == [one.newest_ts]
            assert other.newest_ts == one.newest_ts
            assert other.catalog.next_table == one.catalog.next_table
            assert await ranks(other) == await ranks(one)
            with pytest.raises(SnapshotTooOld):
                await other.commit(late)
            await set_rank(other, id, 9.0)
            await one.refresh()
            assert await ranks(one) == [9.0]


async def test_one_who_missed_more_than_the_log_has_starts_over_when_it_commits(
    another: OpenStore, clock: SettableClock
) -> None:
    async with opened(another(), clock=clock, settings=WINDOWS) as one:
        await one.declare(TABLES)
        id = await insert(one, 1.0)
        async with opened(another(), seed=1, clock=clock, settings=WINDOWS) as other:
            late = other.begin()
            await late.insert(other.catalog.table("items").number, {"rank": 5.0})
            for rank in (2.0, 3.0):
                clock.at_ns += 200 * SECOND
                await set_rank(one, id, rank)
                await one.forget()
            with pytest.raises(SnapshotTooOld):
                await other.commit(late)
            assert await set_rank(other, id, 4.0) == other.newest_ts
            await one.refresh()
            assert await ranks(one) == await ranks(other) == [4.0]


class Held:
    """Holds whoever comes to one point until it is let go."""

    def __init__(self, point: PausePoint) -> None:
        self._point = point
        self.came = anyio.Event()
        self.may_go = anyio.Event()

    async def reached(self, point: PausePoint) -> None:
        if point is self._point:
            self.came.set()
            await self.may_go.wait()


async def test_nothing_is_deleted_before_it_is_refused(store: Store, clock: SettableClock) -> None:
    held = Held(PausePoint.HORIZON_RAISED)
    async with opened(store, clock=clock, settings=WINDOWS, pauses=held) as database:
        await database.declare(TABLES)
        id = await insert(database, 1.0)
        first = database.newest_ts
        clock.at_ns += SECOND
        await set_rank(database, id, 2.0)
        clock.at_ns += 61 * SECOND
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(database.forget)
            await held.came.wait()
            with pytest.raises(SnapshotForgotten):
                await store.get(database.catalog.table("items").number, id, first)
            await insert(database, 3.0)  # nobody is kept from committing
            held.may_go.set()
        assert await ranks(database) == [2.0, 3.0]


async def test_commits_wait_for_one_turn_at_most(store: Store, clock: SettableClock) -> None:
    held = Held(PausePoint.PAST_DELETED)
    async with opened(store, clock=clock, settings=WINDOWS, pauses=held) as database:
        await database.declare(TABLES)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(database.forget)
            await held.came.wait()
            tasks.start_soon(insert, database, 1.0)
            await wait_all_tasks_blocked()
            assert await ranks(database) == []
            held.may_go.set()
        assert await ranks(database) == [1.0]


async def test_a_file_does_not_grow_by_what_is_replaced_for_ever(
    tmp_path: Path, clock: SettableClock
) -> None:
    path = tmp_path / "data.db"
    async with opened(SqliteStore(path), clock=clock, settings=WINDOWS) as database:
        await database.declare(TABLES)
        id = await insert(database, 0.0)
        pages: list[int] = []
        for _ in range(4):
            for rank in range(500):
                await set_rank(database, id, float(rank))
            clock.at_ns += 200 * SECOND
            await database.forget()
            await insert(database, -1.0)
            pages.append(pages_of(path))
            connection = connect(path)
            rows = connection.execute("SELECT count(*) FROM documents").fetchone()
            connection.close()
            assert rows is not None
            assert isinstance(rows[0], int)
            assert rows[0] < 30
        assert pages[-1] <= pages[0] + 4


async def test_a_file_gives_back_what_it_no_longer_needs(
    tmp_path: Path, clock: SettableClock
) -> None:
    path = tmp_path / "data.db"
    async with opened(SqliteStore(path), clock=clock, settings=WINDOWS) as database:
        await database.declare(TABLES)
        ids = [await insert(database, float(rank)) for rank in range(2000)]
        table = database.catalog.table("items").number
        transaction = database.begin()
        for id in ids:
            await transaction.delete(table, id)
        await database.commit(transaction)
        before = pages_of(path)
        clock.at_ns += 200 * SECOND
        await insert(database, -1.0)
        await database.forget()
        assert pages_of(path) < before / 5
        assert await ranks(database) == [-1.0]


async def test_a_sweep_that_finds_nothing_writes_nothing(
    tmp_path: Path, clock: SettableClock
) -> None:
    path = tmp_path / "data.db"
    async with opened(SqliteStore(path), clock=clock, settings=WINDOWS) as database:
        await database.declare(TABLES)
        await insert(database, 1.0)
        clock.at_ns += 200 * SECOND
        await database.forget()
        watching = connect(path)
        before = number(watching, "data_version")
        await database.forget()
        assert number(watching, "data_version") == before
        watching.close()


async def test_counts_that_commits_share_are_kept(database: Database, clock: SettableClock) -> None:
    async with anyio.create_task_group() as tasks:
        for rank in range(10):
            tasks.start_soon(insert, database, float(rank))
    clock.at_ns += 200 * SECOND
    await database.forget()
    table = database.catalog.table("items").number
    assert await database.begin().count(table) == 10


def pages_of(path: Path) -> int:
    connection = connect(path)
    count = number(connection, "page_count")
    connection.close()
    return count
