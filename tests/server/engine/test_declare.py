"""Tables and indexes come and go as they are declared, whatever is in them."""

from __future__ import annotations

from contextlib import suppress

import anyio
import pytest

from confect_core.values import Interval, Value, decode_id
from confect_server.engine import Conflict, Database, NoSuchIndex
from confect_server.store import Store
from tests.server.stores import index_of, opened

BY_RANK = {"items": {"by_rank": ("rank",)}}


async def insert(database: Database, **fields: Value) -> bytes:
    transaction = database.begin()
    id = await transaction.insert(database.catalog.table("items").number, fields)
    await database.commit(transaction)
    return decode_id(id)[1]


async def names_by(database: Database, index: str) -> list[Value]:
    found = database.begin().range(index_of(database, "items", index), Interval.all())
    return [each.document["name"] async for each in found]


async def test_tables_and_indexes_are_numbered_once_for_all(store: Store) -> None:
    async with opened(store) as database:
        await database.declare(BY_RANK)
        await database.declare({**BY_RANK, "other": {}})
        items, other = database.catalog.table("items"), database.catalog.table("other")
        assert (items.number, other.number) == (10_001, 10_002)
        indexes = [*items.indexes.values(), *other.indexes.values()]
        assert len({index.number for index in indexes}) == 3
    async with opened(store, seed=1) as again:
        assert again.catalog.table("items") == items
        assert again.catalog.table("other") == other


async def test_declaring_what_is_there_writes_nothing(database: Database, store: Store) -> None:
    head = await store.head()
    await database.declare(BY_RANK)
    await database.declare({})
    assert await store.head() == head


async def test_a_new_index_finds_the_documents_that_exist(database: Database) -> None:
    for name, rank in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
        await insert(database, name=name, rank=rank)
    gone = await insert(database, name="gone", rank=0.0)
    transaction = database.begin()
    await transaction.delete(database.catalog.table("items").number, gone)
    await database.commit(transaction)
    await database.declare({"items": {"by_rank": ("rank",), "by_name": ("name",)}})
    assert await names_by(database, "by_name") == ["a", "b", "c"]
    assert await names_by(database, "by_rank") == ["b", "c", "a"]
    await insert(database, name="aa", rank=9.0)
    assert await names_by(database, "by_name") == ["a", "aa", "b", "c"]


async def test_an_index_over_other_fields_is_made_anew(database: Database) -> None:
    for name, rank in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
        await insert(database, name=name, rank=rank)
    old = index_of(database, "items", "by_rank")
    await database.declare({"items": {"by_rank": ("name",)}})
    new = index_of(database, "items", "by_rank")
    assert (new.fields, new.number == old.number) == (("name",), False)
    assert await names_by(database, "by_rank") == ["a", "b", "c"]
    with pytest.raises(NoSuchIndex):
        database.begin().range(old, Interval.all())


async def test_an_index_that_is_no_longer_declared_goes_away(database: Database) -> None:
    await insert(database, name="a", rank=1.0)
    await database.declare({"items": {}})
    assert list(database.catalog.table("items").indexes) == ["by_creation_time"]
    await insert(database, name="b", rank=2.0)
    assert await names_by(database, "by_creation_time") == ["a", "b"]


async def test_an_index_is_never_given_the_number_of_one_that_went_away(store: Store) -> None:
    async with opened(store) as database:
        await database.declare(BY_RANK)
        await insert(database, name="a", rank=2.0)
        moved = await insert(database, name="b", rank=1.0)
        await database.declare({"items": {}})
        transaction = database.begin()
        table = database.catalog.table("items").number
        await transaction.replace(table, moved, {"name": "b", "rank": 3.0})
        await database.commit(transaction)
    async with opened(store, seed=1) as database:
        await database.declare(BY_RANK)
        assert await names_by(database, "by_rank") == ["a", "b"]


async def test_a_table_that_is_no_longer_declared_keeps_its_documents(database: Database) -> None:
    await insert(database, name="a", rank=1.0)
    await database.declare({"other": {}})
    assert await names_by(database, "by_rank") == ["a"]


async def test_a_write_by_the_old_indexes_conflicts_with_the_new_ones(database: Database) -> None:
    transaction = database.begin()
    table = database.catalog.table("items").number
    await transaction.insert(table, {"name": "late", "rank": 1.0})
    await database.declare({"items": {"by_name": ("name",)}})
    with pytest.raises(Conflict):
        await database.commit(transaction)


async def test_writers_go_on_while_an_index_is_made(database: Database) -> None:
    for number in range(20):
        await insert(database, name=f"{number:03}", rank=0.0)
    is_declared = False

    async def write(start: int) -> None:
        number = start
        while not is_declared or number < start + 5:
            try:
                await insert(database, name=f"{number:03}", rank=0.0)
            except Conflict:
                continue
            number += 1
            await anyio.lowlevel.checkpoint()
            if number == start + 50:
                return

    async def declare() -> None:
        nonlocal is_declared
        await database.declare({"items": {"by_name": ("name",)}})
        is_declared = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, 100)
        tasks.start_soon(write, 200)
        tasks.start_soon(declare)
    everything = await names_by(database, "by_creation_time")
    assert len(everything) >= 30
    assert await names_by(database, "by_name") == sorted(map(str, everything))


async def test_no_transaction_begins_between_a_commit_of_indexes_and_their_use(
    database: Database,
) -> None:
    """Whatever snapshot a transaction reads, it writes by the indexes of that snapshot."""
    is_declared = False

    async def write() -> None:
        for number in range(80):  # a declaration succeeds once the writers leave it a gap
            if is_declared:
                return
            transaction = database.begin()
            table = database.catalog.table("items").number
            await transaction.insert(table, {"name": f"{number:03}", "rank": 0.0})
            with suppress(Conflict):
                await database.commit(transaction)

    async def declare() -> None:
        nonlocal is_declared
        for turn in range(5):
            await database.declare({"items": {f"by_{turn}": ("name",)}})
        is_declared = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(declare)
        tasks.start_soon(write)
        tasks.start_soon(write)
    everything = await names_by(database, "by_creation_time")
    assert await names_by(database, "by_4") == sorted(map(str, everything))
