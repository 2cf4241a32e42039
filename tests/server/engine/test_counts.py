"""Counts of tables: right at every snapshot, for whoever writes, and in nobody's way."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core.values import Interval, decode_id
from confect_server.engine import Conflict, Database, Transaction
from tests.server.engine.conftest import TABLES
from tests.server.stores import STORE_KINDS, Running, StoreKind, new_store, opened


def items(database: Database) -> int:
    return database.catalog.table("items").number


async def insert(transaction: Transaction, table: int, count: int = 1) -> list[bytes]:
    return [decode_id(await transaction.insert(table, {"rank": 1.0}))[1] for _ in range(count)]


async def counted(database: Database, ts: int | None = None) -> int:
    return await database.begin(ts, is_read_only=True).count(items(database))


async def test_a_count_follows_what_is_committed(database: Database) -> None:
    assert await counted(database) == 0
    transaction = database.begin()
    first, second = await insert(transaction, items(database), 2)
    before = database.newest_ts
    await database.commit(transaction)
    assert await counted(database) == 2
    transaction = database.begin()
    await transaction.delete(items(database), first)
    await transaction.replace(items(database), second, {"rank": 2.0})
    await database.commit(transaction)
    assert await counted(database) == 1
    assert await counted(database, before) == 0


async def test_a_transaction_counts_its_own_writes(database: Database) -> None:
    transaction = database.begin()
    (first, _) = await insert(transaction, items(database), 2)
    assert await transaction.count(items(database)) == 2
    await transaction.delete(items(database), first)
    assert await transaction.count(items(database)) == 1
    assert await counted(database) == 0


async def test_inserts_do_not_conflict_through_the_count(database: Database) -> None:
    one, other = database.begin(), database.begin()
    await insert(one, items(database))
    await insert(other, items(database))
    await database.commit(one)
    await database.commit(other)
    assert await counted(database) == 2


async def test_who_has_counted_conflicts_with_what_changes_the_count(database: Database) -> None:
    await database.declare({**TABLES, "others": {}})
    transaction = database.begin()
    (id,) = await insert(transaction, items(database))
    await database.commit(transaction)

    unconcerned, counting = database.begin(), database.begin()
    assert await unconcerned.count(items(database)) == 1
    assert await counting.count(items(database)) == 1
    for transaction in (unconcerned, counting):
        await transaction.insert(database.catalog.table("others").number, {})

    change = database.begin()
    await change.replace(items(database), id, {"rank": 7.0})
    await change.delete(items(database), (await insert(change, items(database)))[0])
    await database.commit(change)
    await database.commit(unconcerned)

    await insert(change := database.begin(), items(database))
    await database.commit(change)
    with pytest.raises(Conflict):
        await database.commit(counting)


async def test_who_has_counted_is_told_when_the_count_changes(database: Database) -> None:
    await database.declare({**TABLES, "others": {}})
    transaction = database.begin(is_read_only=True)
    await transaction.count(items(database))
    told: list[int] = []
    assert database.subscribe(transaction.reads, transaction.begin_ts, told.append)
    change = database.begin()
    await insert(change, database.catalog.table("others").number)
    await database.commit(change)
    assert told == []
    await insert(change := database.begin(), items(database))
    await database.commit(change)
    assert told == [database.newest_ts]


async def test_transactions_on_top_of_a_batch_count_what_is_in_it(database: Database) -> None:
    """Each begins at once on what the last one left, at a timestamp inside the batch."""
    counting: list[tuple[Transaction, int]] = []
    stamps: list[int] = []

    async def grow() -> None:
        transaction = database.begin()
        await insert(transaction, items(database))
        stamps.append(await database.commit(transaction))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(grow)
            await anyio.lowlevel.checkpoint()
            transaction = database.begin()
            counting.append((transaction, await transaction.count(items(database))))
    for transaction, count in counting:
        assert count == sum(ts <= transaction.begin_ts for ts in stamps)
        # and so after the batch is durable
        assert await transaction.count(items(database)) == count
    assert await counted(database) == 5


CHANGES = st.lists(st.integers(-2, 3), min_size=1, max_size=3)


@pytest.mark.parametrize("kind", STORE_KINDS)
@settings(max_examples=25, deadline=None)
@given(rounds=st.lists(st.lists(CHANGES, min_size=1, max_size=5), min_size=1, max_size=4))
def test_every_snapshot_has_its_own_count(kind: StoreKind, rounds: list[list[list[int]]]) -> None:
    """Rounds of transactions that commit together, into the batches that they come to share."""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(new_store(kind, Path(folder)))
        try:
            running.run(running.database.declare(TABLES))
            running.run(_history(running.database, rounds))
        finally:
            running.close()


async def _history(database: Database, rounds: list[list[list[int]]]) -> None:
    there: list[bytes] = []
    grown: dict[int, int] = {}
    declared_ts = database.newest_ts  # before it there is no such table

    async def change(steps: list[int], reads: bool) -> None:
        transaction = database.begin()
        added: list[bytes] = []
        removed = 0
        for step in steps:
            added += await insert(transaction, items(database), max(step, 0))
            for id in [there.pop() for _ in range(min(-step, len(there)))]:
                removed += await transaction.delete(items(database), id)
        if reads:  # lets the batch append what it has until now
            await transaction.get(items(database), b"?" * 16)
        ts = await database.commit(transaction)
        grown[ts] = grown.get(ts, 0) + len(added) - removed
        there.extend(added)

    for steps in rounds:
        async with anyio.create_task_group() as tasks:
            for number, each in enumerate(steps):
                tasks.start_soon(change, each, number % 2 == 0)
        assert await counted(database) == sum(grown.values())
    for ts in sorted(grown):
        expected = sum(change for at, change in grown.items() if at <= ts)
        assert await counted(database, ts) == expected
        if ts > declared_ts:
            assert await counted(database, ts - 1) == expected - grown[ts]
    rows = database.begin(is_read_only=True).range(
        database.catalog.table("items").indexes["by_creation_time"], Interval.all()
    )
    assert len([row async for row in rows]) == await counted(database)


async def test_two_processes_count_what_both_have_written(tmp_path: Path) -> None:
    async with (
        opened(new_store("sqlite", tmp_path), seed=1) as one,
        opened(new_store("sqlite", tmp_path), seed=2) as other,
    ):
        await one.declare(TABLES)
        await other.refresh()
        for database in (one, other, one):
            await insert(transaction := database.begin(), items(database), 2)
            await database.commit(transaction)
        await other.refresh()
        assert [await counted(one), await counted(other)] == [6, 6]
