"""Commits share their cost, survive what goes wrong, and are never guessed about."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from confect_core.values import Interval, Value, decode_id
from confect_server.engine import (
    Conflict,
    Database,
    DatabaseClosed,
    OutcomeUnknown,
    ReadSet,
    Transaction,
    TurnTooLong,
)
from confect_server.engine import batch as module
from confect_server.engine.errors import SnapshotLost
from confect_server.settings import Settings, Sharing
from confect_server.store import MemoryStore, SqliteStore, StoreFailed
from tests.server.engine.conftest import TABLES
from tests.server.engine.faults import Broken, FaultyStore
from tests.server.stores import NOW_NS, SettableClock, SuspendingStore, index_of, opened


@pytest.fixture(params=["memory", "sqlite"])
def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> FaultyStore:
    is_memory = request.param == "memory"
    return FaultyStore(MemoryStore() if is_memory else SqliteStore(tmp_path / "data.db"))


@pytest.fixture
async def database(faulty: FaultyStore) -> AsyncGenerator[Database]:
    async with opened(faulty) as database:
        await database.declare(TABLES)
        faulty.admissions = 0
        yield database


async def insert(database: Database, rank: float) -> int:
    transaction = database.begin()
    await transaction.insert(database.catalog.table("items").number, {"rank": rank})
    return await database.commit(transaction)


async def ranks(database: Database) -> list[Value]:
    found = database.begin().range(index_of(database, "items", "by_rank"), Interval.all())
    return [each.document["rank"] async for each in found]


async def test_what_comes_while_a_batch_is_written_shares_the_next_one(
    database: Database, faulty: FaultyStore
) -> None:
    faulty.gate = anyio.Event()
    stamps: list[int] = []

    async def commit(rank: float) -> None:
        stamps.append(await insert(database, rank))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(commit, 0.0)
        await wait_all_tasks_blocked()
        for rank in range(1, 51):
            tasks.start_soon(commit, float(rank))
        await wait_all_tasks_blocked()
        assert stamps == []
        faulty.gate.set()
    assert faulty.admissions == 2
    assert len(set(stamps)) == 51
    assert stamps == sorted(stamps)
    assert await ranks(database) == [float(rank) for rank in range(51)]


async def test_a_batch_has_a_limit(
    database: Database, faulty: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 10)
    async with anyio.create_task_group() as tasks:
        for rank in range(35):
            tasks.start_soon(insert, database, float(rank))
    assert faulty.admissions == 4
    assert len(await ranks(database)) == 35


async def test_one_that_conflicts_does_not_hold_up_its_batch(
    database: Database, faulty: FaultyStore
) -> None:
    table = database.catalog.table("items").number
    transaction = database.begin()
    id = decode_id(await transaction.insert(table, {"rank": 0.0}))[1]
    await database.commit(transaction)
    faulty.admissions = 0
    results: dict[float, bool] = {}
    several: list[tuple[float, Transaction]] = []
    for rank in (1.0, 2.0, 3.0, 9.0):
        transaction = database.begin()
        if rank < 9:
            await transaction.replace(table, id, {"rank": rank})
        await transaction.insert(table, {"rank": -rank})
        several.append((rank, transaction))

    async def commit(rank: float, transaction: Transaction) -> None:
        try:
            await database.commit(transaction)
            results[rank] = True
        except Conflict:
            results[rank] = False
            # running again makes sense now
            assert database.begin().begin_ts > transaction.begin_ts

    async with anyio.create_task_group() as tasks:
        for rank, transaction in several:
            tasks.start_soon(commit, rank, transaction)
    assert faulty.admissions == 1
    assert results == {1.0: True, 2.0: False, 3.0: False, 9.0: True}
    assert await ranks(database) == [-9.0, -1.0, 1.0]


async def test_timestamps_are_those_of_the_clock_and_rise_when_it_does_not() -> None:
    store, clock = MemoryStore(), SettableClock()
    async with opened(store, clock=clock) as database:
        await database.declare(TABLES)
        clock.at_ns += 1_000
        stamps = [await insert(database, 1.0)]
        assert stamps == [clock.at_ns]
        stamps.append(await insert(database, 2.0))
        clock.at_ns -= 500_000
        stamps.append(await insert(database, 3.0))
    async with opened(store, clock=SettableClock(NOW_NS - 10**15), seed=1) as database:
        assert database.newest_ts == stamps[-1]
        stamps.append(await insert(database, 4.0))
        assert await ranks(database) == [1.0, 2.0, 3.0, 4.0]
    assert stamps == list(range(stamps[0], stamps[0] + 4))


@pytest.mark.parametrize("fault", ["fails_to_append", "fails_before_commit"])
async def test_a_batch_that_fails_is_undone_and_the_next_one_is_not(
    database: Database, faulty: FaultyStore, fault: str
) -> None:
    before = database.newest_ts
    setattr(faulty, fault, True)
    errors: list[Exception] = []

    async def fail(rank: float) -> None:
        try:
            await insert(database, rank)
        except Broken as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        for rank in (1.0, 2.0, 3.0):
            tasks.start_soon(fail, rank)
    assert len(errors) == 3
    assert database.newest_ts == before
    assert await ranks(database) == []
    await insert(database, 4.0)
    assert await ranks(database) == [4.0]


async def test_who_waits_for_a_batch_and_has_read_it_fails_with_it(
    database: Database, faulty: FaultyStore
) -> None:
    lost: list[SnapshotLost] = []

    async def copy(transaction: Transaction) -> None:
        rows = transaction.range(index_of(database, "items", "by_rank"), Interval.all())
        copied = [each.document["rank"] async for each in rows]
        assert copied == [1.0]
        await transaction.insert(database.catalog.table("items").number, {"rank": 1.5})
        await is_closed.wait()
        try:
            await database.commit(transaction)
        except SnapshotLost as error:
            lost.append(error)

    faulty.gate, is_closed = anyio.Event(), anyio.Event()
    faulty.fails_before_commit = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fail_to_insert, database, 1.0)
        while database.begin().begin_ts == database.newest_ts:
            await checkpoint()
        tasks.start_soon(copy, database.begin())
        await wait_all_tasks_blocked()
        is_closed.set()
        await wait_all_tasks_blocked()  # the copy now waits for a batch that it can join
        faulty.gate.set()
    assert len(lost) == 1
    assert await ranks(database) == []


async def fail_to_insert(database: Database, rank: float) -> None:
    with pytest.raises(Broken):
        await insert(database, rank)


async def test_a_commit_that_fails_after_it_happened_has_happened(
    database: Database, faulty: FaultyStore
) -> None:
    told = subscribe(database)
    faulty.fails_after_commit = True
    ts = await insert(database, 1.0)
    assert database.newest_ts == ts
    assert told == [ts]
    assert await ranks(database) == [1.0]
    assert [entry.ts for entry in await faulty.log_after(ts - 1)] == [ts]
    await insert(database, 2.0)
    assert await ranks(database) == [1.0, 2.0]


async def test_an_outcome_that_the_store_does_not_know_is_not_guessed(
    database: Database, faulty: FaultyStore
) -> None:
    told = subscribe(database)
    faulty.fails_after_commit = faulty.fails_to_say = True
    with pytest.raises(OutcomeUnknown):
        await insert(database, 1.0)
    assert told == []
    faulty.fails_to_say = False
    await insert(database, 2.0)
    assert len(told) == 1  # of the first one, which had happened
    assert await ranks(database) == [1.0, 2.0]


async def test_a_transaction_conflicts_with_one_whose_outcome_was_unknown(
    database: Database, faulty: FaultyStore
) -> None:
    transaction = database.begin()
    found = transaction.range(index_of(database, "items", "by_rank"), Interval.all())
    assert await anext(found, None) is None
    await transaction.insert(database.catalog.table("items").number, {"rank": 2.0})
    faulty.fails_after_commit = faulty.fails_to_say = True
    with pytest.raises(OutcomeUnknown):
        await insert(database, 1.0)
    with pytest.raises(Conflict):
        await database.commit(transaction)


def subscribe(database: Database) -> list[int]:
    transaction = database.begin()
    table = database.catalog.table("items").indexes["by_rank"].number
    transaction._recorder.reading(table, Interval.all(), "asc").to_the_end()
    told: list[int] = []
    assert database.subscribe(transaction.reads, transaction.begin_ts, told.append)
    return told


async def test_who_no_longer_waits_is_committed_all_the_same(
    database: Database, faulty: FaultyStore
) -> None:
    faulty.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(insert, database, 1.0)
        tasks.start_soon(insert, database, 2.0)
        await wait_all_tasks_blocked()
        tasks.start_soon(insert, database, 3.0)
        await wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    faulty.gate.set()
    await insert(database, 4.0)
    # the third was cancelled while it waited for the next batch: nothing of it was under way
    assert await ranks(database) == [1.0, 2.0, 4.0]


async def test_closing_commits_what_is_queued(faulty: FaultyStore) -> None:
    stamps: list[int] = []

    async def commit(database: Database, rank: float) -> None:
        stamps.append(await insert(database, rank))

    async with anyio.create_task_group() as tasks, opened(faulty) as database:
        await database.declare(TABLES)
        gate = faulty.gate = anyio.Event()
        tasks.start_soon(commit, database, 1.0)
        await wait_all_tasks_blocked()
        tasks.start_soon(commit, database, 2.0)
        await wait_all_tasks_blocked()
        tasks.start_soon(open_gate, gate)
    assert len(stamps) == 2
    faulty.gate = None
    async with opened(faulty, seed=1) as again:
        assert await ranks(again) == [1.0, 2.0]


async def open_gate(gate: anyio.Event) -> None:
    gate.set()


@pytest.mark.parametrize("how", ["error", "cancelled"])
async def test_who_waits_is_answered_however_the_database_is_left(
    faulty: FaultyStore, how: str
) -> None:
    stamps: list[int] = []

    async def commit(database: Database) -> None:
        stamps.append(await insert(database, 1.0))

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            try:
                async with opened(faulty) as database:
                    await database.declare(TABLES)
                    gate = faulty.gate = anyio.Event()
                    tasks.start_soon(commit, database)
                    await wait_all_tasks_blocked()
                    tasks.start_soon(open_gate, gate)
                    if how == "error":
                        raise Broken("in the body")
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
            except Broken:
                assert how == "error"
        assert scope.cancelled_caught == (how == "cancelled")
    assert len(stamps) == 1


async def test_nothing_is_committed_after_closing(faulty: FaultyStore) -> None:
    async with opened(faulty) as database:
        await database.declare(TABLES)
        transaction = database.begin()
        await transaction.insert(database.catalog.table("items").number, {})
    with pytest.raises(DatabaseClosed):
        await database.commit(transaction)


async def test_an_error_inside_comes_out_as_it_is(faulty: FaultyStore) -> None:
    with pytest.raises(Broken):
        async with opened(faulty):
            raise Broken("in the body")


async def increment_in_turn(database: Database, id: bytes) -> None:
    table = database.catalog.table("items").number
    async with database.turn() as turn:
        transaction = database.begin(turn=turn)
        document = await transaction.get(table, id)
        assert document is not None
        assert isinstance(document["rank"], float)
        await checkpoint()
        await transaction.replace(table, id, {"rank": document["rank"] + 1})
        await database.commit(transaction, turn)


async def test_in_a_turn_nobody_conflicts_whichever_process_commits(tmp_path: Path) -> None:
    stores = [SuspendingStore(SqliteStore(tmp_path / "data.db")) for _ in range(2)]
    async with opened(stores[0]) as one, opened(stores[1], seed=1) as other:
        await one.declare(TABLES)
        transaction = one.begin()
        table = one.catalog.table("items").number
        id = decode_id(await transaction.insert(table, {"rank": 0.0}))[1]
        await one.commit(transaction)
        await other.refresh()
        async with anyio.create_task_group() as tasks:
            for database in (one, other):
                for rank in range(10):
                    tasks.start_soon(increment_in_turn, database, id)
                    tasks.start_soon(insert, database, 1000.0 + rank)
        await one.refresh()
        found = await ranks(one)
        assert found[0] == 20.0
        assert len(found) == 21


async def test_a_turn_sees_what_was_committed_before_it_and_waits_for_it(
    database: Database, faulty: FaultyStore
) -> None:
    faulty.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(insert, database, 1.0)
        await wait_all_tasks_blocked()
        tasks.start_soon(open_gate, faulty.gate)
        async with database.turn() as turn:
            transaction = database.begin(turn=turn)
            found = transaction.range(index_of(database, "items", "by_rank"), Interval.all())
            assert [each.document["rank"] async for each in found] == [1.0]


async def test_who_commits_in_a_turn_goes_on_before_those_who_are_told_of_it(
    database: Database,
) -> None:
    order: list[str] = []

    async def push(was_written: anyio.Event) -> None:
        await was_written.wait()
        await checkpoint()  # as a socket does that waits for the answer of its own mutation
        order.append("pushed")

    for _ in range(20):
        async with anyio.create_task_group() as tasks:
            was_written = anyio.Event()
            reads = await read_all(database)
            database.subscribe(reads, database.newest_ts, partial(tell, was_written))
            tasks.start_soon(push, was_written)
            await wait_all_tasks_blocked()
            async with database.turn() as turn:
                transaction = database.begin(turn=turn)
                await transaction.insert(database.catalog.table("items").number, {"rank": 1.0})
                await database.commit(transaction, turn)
            order.append("answered")
    assert order == ["answered", "pushed"] * 20


def tell(was_written: anyio.Event, _: int) -> None:
    was_written.set()


async def read_all(database: Database) -> ReadSet:
    transaction = database.begin(is_read_only=True)
    rows = transaction.range(index_of(database, "items", "by_rank"), Interval.all())
    async for _ in rows:
        pass
    return transaction.reads


@pytest.mark.parametrize("how", ["unused", "failed", "broken"])
async def test_a_turn_that_commits_nothing_lets_the_others_in(
    database: Database, faulty: FaultyStore, how: str
) -> None:
    table = database.catalog.table("items").number
    async with anyio.create_task_group() as tasks:
        with suppress(Broken):
            async with database.turn() as turn:
                tasks.start_soon(insert, database, 1.0)
                await wait_all_tasks_blocked()
                assert await ranks(database) == []
                transaction = database.begin(turn=turn)
                await transaction.insert(table, {"rank": 2.0})
                if how == "failed":
                    raise Broken("in the turn")
                if how == "broken":
                    faulty.fails_to_append = True
                    await database.commit(transaction, turn)
    await insert(database, 3.0)
    assert await ranks(database) == [1.0, 3.0]


async def test_a_turn_that_the_store_does_not_give_is_the_stores_failure(
    database: Database, faulty: FaultyStore
) -> None:
    faulty.fails_to_admit = True
    with pytest.raises(StoreFailed, match="while admitting"):
        async with database.turn():
            raise AssertionError("nobody has a turn")
    await insert(database, 1.0)
    assert await ranks(database) == [1.0]


async def test_who_waits_for_a_turn_inside_of_it_is_stopped_with_it(faulty: FaultyStore) -> None:
    settings = Settings(sharing=Sharing(poll_s=None, turn_s=0.01))
    async with opened(faulty, settings=settings) as database:
        await database.declare(TABLES)
        with pytest.raises(TurnTooLong):
            async with database.turn():
                await insert(database, 1.0)
        await insert(database, 2.0)
        assert await ranks(database) == [2.0]


async def test_closing_waits_for_a_turn(faulty: FaultyStore) -> None:
    has_begun, may_commit = anyio.Event(), anyio.Event()

    async def commit_in_turn(database: Database) -> None:
        async with database.turn() as turn:
            transaction = database.begin(turn=turn)
            await transaction.insert(database.catalog.table("items").number, {"rank": 1.0})
            has_begun.set()
            await may_commit.wait()

    async with anyio.create_task_group() as tasks, opened(faulty) as database:
        await database.declare(TABLES)
        tasks.start_soon(commit_in_turn, database)
        await has_begun.wait()
        tasks.start_soon(open_gate, may_commit)
    async with opened(faulty, seed=1) as again:
        await insert(again, 2.0)
        assert await ranks(again) == [2.0]


async def test_a_reader_that_is_cancelled_takes_no_commits_with_it() -> None:
    """The first to count on top of a batch appends it, on behalf of all who are in it."""
    async with opened(SuspendingStore(MemoryStore())) as database:
        await database.declare(TABLES)
        table = database.catalog.table("items").number
        ids: list[str] = []

        async def insert() -> None:
            transaction = database.begin()
            ids.append(await transaction.insert(table, {"rank": 1.0}))
            await database.commit(transaction)

        async def read(scope: anyio.CancelScope) -> None:
            with scope:
                await database.begin().count(table)

        for delay, patience in product(range(12), range(1, 6)):
            scope = anyio.CancelScope()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(insert)
                for _ in range(delay):
                    await checkpoint()
                tasks.start_soon(read, scope)
                for _ in range(patience):
                    await checkpoint()
                scope.cancel()
        reader = database.begin(is_read_only=True)
        for id in ids:
            assert await reader.get(table, decode_id(id)[1]) is not None


async def test_a_batch_that_a_reader_failed_to_append_fails_as_a_whole(
    database: Database, faulty: FaultyStore
) -> None:
    table = database.catalog.table("items").number
    outcomes: list[str] = []
    is_in_batch = anyio.Event()

    async def insert() -> None:
        transaction = database.begin()
        await transaction.insert(table, {"rank": 1.0})
        try:
            await database.commit(transaction)
            outcomes.append("committed")
        except SnapshotLost:
            outcomes.append("lost")

    async def read() -> None:
        while not isinstance((transaction := database.begin()).base, module.Batch):
            await checkpoint()
        faulty.fails_to_append = True
        is_in_batch.set()
        with pytest.raises(Broken):
            await transaction.count(table)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        tasks.start_soon(insert)
    assert is_in_batch.is_set()
    assert outcomes == ["lost"]
    assert await database.begin(is_read_only=True).count(table) == 0
    await insert()
    assert outcomes == ["lost", "committed"]
    assert await database.begin(is_read_only=True).count(table) == 1
