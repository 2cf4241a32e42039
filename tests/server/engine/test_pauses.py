"""A commit that is held, or fails, at any of its steps is one step to everybody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from confect_core.values import Interval, Value
from confect_server.engine import Conflict, Database, OutcomeUnknown, PausePoint, Transaction
from confect_server.store import Store
from tests.server.engine.conftest import TABLES
from tests.server.engine.faults import Broken
from tests.server.engine.pausing import Pausing
from tests.server.stores import SettableClock, index_of

COMMIT_POINTS = [point for point in PausePoint if point.name.startswith("COMMIT_")]
IS_SEEN = {PausePoint.COMMIT_PUBLISHED}
IS_DURABLE = {PausePoint.COMMIT_DURABLE, PausePoint.COMMIT_PUBLISHED}

pytestmark = pytest.mark.parametrize("point", COMMIT_POINTS, ids=lambda point: point.name)


@asynccontextmanager
async def paused(store: Store) -> AsyncGenerator[tuple[Database, Pausing]]:
    pausing, randomness = Pausing(), iter(range(10**9))

    def random_bytes(count: int) -> bytes:
        return next(randomness).to_bytes(count, "big")

    async with Database.open(store, SettableClock(), random_bytes, pauses=pausing) as database:
        await database.declare(TABLES)
        yield database, pausing


async def insert(database: Database, rank: float) -> int:
    return await database.commit(await inserting(database, rank))


async def inserting(database: Database, rank: float) -> Transaction:
    transaction = database.begin()
    await transaction.insert(database.catalog.table("items").number, {"rank": rank})
    return transaction


async def ranks(database: Database, transaction: Transaction | None = None) -> list[Value]:
    reader = transaction or database.begin(is_read_only=True)
    found = reader.range(index_of(database, "items", "by_rank"), Interval.all())
    return [each.document["rank"] async for each in found]


async def subscribe(database: Database) -> list[int]:
    """What a subscription to everything is told of."""
    reader = database.begin(is_read_only=True)
    await ranks(database, reader)
    told: list[int] = []
    database.subscribe(reader.reads, reader.begin_ts, told.append)
    return told


async def test_a_held_commit_holds_up_no_reader_and_shows_nothing_early(
    store: Store, point: PausePoint
) -> None:
    async with paused(store) as (database, pausing):
        before = await subscribe(database)
        hold = pausing.hold(point)
        meanwhile: list[int] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(insert, database, 1.0)
            await hold.wait_reached()
            assert await ranks(database) == ([1.0] if point in IS_SEEN else [])
            meanwhile = await subscribe(database)
            hold.release()
        assert await ranks(database) == [1.0]
        assert before == [database.newest_ts]
        # who subscribed meanwhile is told too, unless it had seen the commit
        assert meanwhile == ([] if point in IS_SEEN else [database.newest_ts])


async def test_what_is_committed_while_a_commit_is_held_follows_it(
    store: Store, point: PausePoint
) -> None:
    async with paused(store) as (database, pausing):
        stamps: dict[float, int] = {}

        async def commit(rank: float) -> None:
            stamps[rank] = await insert(database, rank)

        hold = pausing.hold(point)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(commit, 1.0)
            await hold.wait_reached()
            for rank in (2.0, 3.0):
                tasks.start_soon(commit, rank)
            await wait_all_tasks_blocked()
            assert stamps == {}
            hold.release()
        # while the lock is taken and the batch is not open nobody is in it, and order is by chance
        assert len(set(stamps.values())) == 3
        if point is not PausePoint.COMMIT_ADMITTED:
            assert stamps[1.0] == min(stamps.values())
        assert await ranks(database) == [1.0, 2.0, 3.0]


async def test_what_had_read_before_a_held_commit_conflicts_with_it(
    store: Store, point: PausePoint
) -> None:
    async with paused(store) as (database, pausing):
        reader = await inserting(database, 2.0)
        assert await ranks(database, reader) == [2.0]
        refused: list[Conflict] = []

        async def commit_reader() -> None:
            try:
                await database.commit(reader)
            except Conflict as conflict:
                refused.append(conflict)

        writer = await inserting(database, 1.0)
        hold = pausing.hold(point)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(database.commit, writer)
            await hold.wait_reached()
            tasks.start_soon(commit_reader)
            await wait_all_tasks_blocked()
            hold.release()
        assert len(refused) == 1
        assert await ranks(database) == [1.0]


async def test_a_commit_that_fails_at_any_step_is_there_or_not_and_the_next_one_works(
    store: Store, point: PausePoint
) -> None:
    async with paused(store) as (database, pausing):
        told = await subscribe(database)
        pausing.fail(point)
        with pytest.raises(OutcomeUnknown if point in IS_DURABLE else Broken):
            await insert(database, 1.0)
        assert len(told) == (1 if point in IS_SEEN else 0)
        assert await ranks(database) == ([1.0] if point in IS_SEEN else [])
        await insert(database, 2.0)
        assert await ranks(database) == ([1.0, 2.0] if point in IS_DURABLE else [2.0])
        assert len(told) == 1
    async with paused(store) as (again, _):
        assert await ranks(again) == ([1.0, 2.0] if point in IS_DURABLE else [2.0])


async def test_all_who_share_a_commit_that_fails_are_answered(
    store: Store, point: PausePoint
) -> None:
    async with paused(store) as (database, pausing):
        failures: list[Exception] = []
        done: list[float] = []

        async def commit(rank: float) -> None:
            try:
                await insert(database, rank)
                done.append(rank)
            except (OutcomeUnknown, Broken) as failure:
                failures.append(failure)

        pausing.fail(point)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for rank in (1.0, 2.0, 3.0):
                    tasks.start_soon(commit, rank)
        assert failures
        assert len(failures) + len(done) == 3
        await insert(database, 4.0)
        found = await ranks(database)
        assert set(done) <= set(found)
        assert len(found) == (4 if point in IS_DURABLE else len(done) + 1)
