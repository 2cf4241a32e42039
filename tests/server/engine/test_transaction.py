"""One transaction: what it sees, what it remembers as read, and what it commits."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from confect_core.values import BigInt, Interval, Value, decode_id, key_of
from confect_server.engine import Database, FunctionOver, NoSuchIndex, ReadOnly, Transaction
from confect_server.engine.catalog import CATALOG_VERSION, VERSION_KEY
from confect_server.engine.index import Document
from confect_server.settings import Memory, Settings, Sharing
from confect_server.store import Order, SqliteStore, Store
from tests.server.engine.conftest import TABLES
from tests.server.stores import SettableClock, SuspendingStore, index_of, opened


def number_of(database: Database) -> int:
    return database.catalog.table("items").number


def internal(id: str) -> bytes:
    return decode_id(id)[1]


async def insert(transaction: Transaction, database: Database, **fields: Value) -> bytes:
    return internal(await transaction.insert(number_of(database), fields))


async def filled(database: Database, ranks: Sequence[float]) -> list[bytes]:
    transaction = database.begin()
    ids = [await insert(transaction, database, rank=float(rank)) for rank in ranks]
    await database.commit(transaction)
    return ids


async def ranks_in(
    transaction: Transaction,
    database: Database,
    interval: Interval | None = None,
    order: Order = "asc",
    at_most: int | None = None,
) -> list[Value]:
    index = index_of(database, "items", "by_rank")
    found = transaction.range(index, interval or Interval.all(), order, at_most)
    return [each.document["rank"] async for each in found]


def between(low: float, high: float) -> Interval:
    return Interval(key_of((low,)), key_of((high,)))


def read_of(transaction: Transaction, database: Database) -> tuple[Interval, ...]:
    index = index_of(database, "items", "by_rank")
    return transaction.reads.intervals.get(index.number, ())


async def test_a_document_has_an_id_of_its_table_and_a_creation_time(database: Database) -> None:
    transaction = database.begin()
    id = await transaction.insert(number_of(database), {"rank": 1.0})
    table_no, key = decode_id(id)
    assert table_no == number_of(database)
    document = await transaction.get(table_no, key)
    assert document == {"rank": 1.0, "_id": id, "_creationTime": 1_700_000_000_000.0}


async def test_what_is_committed_is_seen_by_later_transactions_only(database: Database) -> None:
    before = database.begin()
    (id,) = await filled(database, [1])
    assert await before.get(number_of(database), id) is None
    assert await ranks_in(before, database) == []
    after = database.begin()
    assert await after.get(number_of(database), id) is not None
    assert await ranks_in(after, database) == [1.0]


async def test_an_old_snapshot_stays_readable(database: Database) -> None:
    ids = await filled(database, [1, 2])
    ts = database.newest_ts
    transaction = database.begin()
    await transaction.replace(number_of(database), ids[0], {"rank": 5.0})
    await transaction.delete(number_of(database), ids[1])
    await database.commit(transaction)
    assert await ranks_in(database.begin(ts), database) == [1.0, 2.0]
    assert await ranks_in(database.begin(), database) == [5.0]


async def test_a_transaction_reads_its_own_writes(database: Database) -> None:
    one, two, three = await filled(database, [1, 2, 3])
    table = number_of(database)
    transaction = database.begin()
    await transaction.replace(table, one, {"rank": 9.0})
    await transaction.delete(table, two)
    await insert(transaction, database, rank=2.5)
    assert await ranks_in(transaction, database) == [2.5, 3.0, 9.0]
    assert await ranks_in(transaction, database, order="desc") == [9.0, 3.0, 2.5]
    assert await transaction.get(table, two) is None
    changed = await transaction.get(table, one)
    assert changed is not None
    assert changed["rank"] == 9.0
    assert await transaction.delete(table, three)
    assert await ranks_in(transaction, database) == [2.5, 9.0]


async def test_replacing_keeps_id_and_creation_time(database: Database) -> None:
    (id,) = await filled(database, [1])
    table = number_of(database)
    transaction = database.begin()
    before = await transaction.get(table, id)
    assert before is not None
    forged: Document = {"name": "new", "_id": "mine", "_creationTime": 0.0}
    assert await transaction.replace(table, id, forged)
    await database.commit(transaction)
    after = await database.begin().get(table, id)
    assert after == {"name": "new", "_id": before["_id"], "_creationTime": before["_creationTime"]}


async def test_what_does_not_exist_can_be_neither_replaced_nor_deleted(database: Database) -> None:
    table, missing = number_of(database), b"?" * 16
    transaction = database.begin()
    assert not await transaction.replace(table, missing, {})
    assert not await transaction.delete(table, missing)
    id = await insert(transaction, database, rank=1.0)
    assert await transaction.delete(table, id)
    assert not await transaction.delete(table, id)
    assert not await transaction.replace(table, id, {})
    assert await ranks_in(transaction, database) == []
    assert not transaction.finished()


async def test_a_query_cannot_write(database: Database) -> None:
    (id,) = await filled(database, [1])
    transaction = database.begin(is_read_only=True)
    with pytest.raises(ReadOnly):
        await insert(transaction, database)
    with pytest.raises(ReadOnly):
        await transaction.replace(number_of(database), id, {})
    with pytest.raises(ReadOnly):
        await transaction.delete(number_of(database), id)


async def test_a_write_that_changes_nothing_commits_nothing(
    database: Database, store: Store
) -> None:
    (id,) = await filled(database, [1])
    head = await store.head()
    transaction = database.begin()
    await transaction.replace(number_of(database), id, {"rank": 2.0})
    await transaction.replace(number_of(database), id, {"rank": 1.0})
    other = await insert(transaction, database, rank=3.0)
    await transaction.delete(number_of(database), other)
    assert await database.commit(transaction) == transaction.begin_ts
    assert await store.head() == head


NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0001))[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (True, 1.0),
        (False, 0.0),
        (1.0, BigInt(1)),
        (BigInt(1), True),
        (0.0, -0.0),
        (float("nan"), NAN),
        ("1", 1.0),
        (b"a", "a"),
        (None, False),
        ([1.0], [True]),
        ({"x": 0.0}, {"x": -0.0}),
    ],
)
async def test_what_python_calls_equal_may_be_a_change(
    database: Database, before: Value, after: Value
) -> None:
    table = number_of(database)
    transaction = database.begin()
    id = await insert(transaction, database, rank=before)
    await database.commit(transaction)
    for new in (after, before):
        transaction = database.begin()
        await transaction.replace(table, id, {"rank": new})
        assert await database.commit(transaction) > transaction.begin_ts
        document = await database.begin().get(table, id)
        assert document is not None
        assert key_of([document["rank"]]) == key_of([new])
        (found,) = await ranks_in(database.begin(), database, Interval.prefix(key_of([new])))
        assert key_of([found]) == key_of([new])


@pytest.mark.parametrize("year", [1970, 2023, 2040, 2200])
async def test_creation_times_of_a_transaction_rise(store: Store, year: int) -> None:
    clock = SettableClock((year - 1970) * 31_556_952 * 10**9)
    async with opened(store, clock=clock) as database:
        await database.declare({"items": {}})
        transaction = database.begin()
        for _ in range(50):
            await insert(transaction, database)
        found = transaction.range(index_of(database, "items"), Interval.all())
        times = [each.document["_creationTime"] async for each in found]
        assert len(set(times)) == 50
        assert times[0] == clock.at_ns / 1e6


async def test_a_range_stops_after_as_many_as_asked_for(database: Database) -> None:
    await filled(database, range(100))
    transaction = database.begin()
    expected = [float(rank) for rank in range(100)]
    for count in (-1, 0, 1, 16, 17, 99, 100, 1000):
        assert await ranks_in(transaction, database, at_most=count) == expected[: max(count, 0)]
    assert await ranks_in(transaction, database, order="desc") == expected[::-1]


async def test_asking_for_nothing_reads_nothing(database: Database) -> None:
    transaction = database.begin()
    assert await ranks_in(transaction, database, at_most=0) == []
    assert read_of(transaction, database) == ()


async def test_a_range_that_is_left_has_read_up_to_its_last_document(database: Database) -> None:
    await filled(database, range(10))
    index = index_of(database, "items", "by_rank")

    async def third_key(order: Order) -> tuple[Transaction, bytes]:
        transaction = database.begin()
        found = transaction.range(index, between(2, 8), order)
        keys = [(await anext(found)).key for _ in range(3)]
        return transaction, keys[-1]

    transaction, key = await third_key("asc")
    assert read_of(transaction, database) == (Interval(between(2, 8).start, key + b"\x00"),)
    transaction, key = await third_key("desc")
    assert read_of(transaction, database) == (Interval(key, between(2, 8).end),)


async def test_as_many_as_asked_for_depend_on_nothing_behind_them(database: Database) -> None:
    await filled(database, range(10))
    transaction = database.begin()
    assert await ranks_in(transaction, database, between(2, 5), at_most=3) == [2.0, 3.0, 4.0]
    (read,) = read_of(transaction, database)
    assert read.contains(key_of((3.5,)))
    assert not read.contains(key_of((4.5,)))


async def test_a_range_that_ends_has_read_all_of_its_interval(database: Database) -> None:
    await filled(database, range(10))
    for order in ("asc", "desc"):
        transaction = database.begin()
        assert len(await ranks_in(transaction, database, between(2, 5), order, at_most=4)) == 3
        assert read_of(transaction, database) == (between(2, 5),)


async def test_an_empty_range_has_been_read(database: Database) -> None:
    transaction = database.begin()
    assert await ranks_in(transaction, database, between(2, 5)) == []
    assert read_of(transaction, database) == (between(2, 5),)


async def test_a_range_that_nobody_began_has_not_been_read(database: Database) -> None:
    transaction = database.begin()
    transaction.range(index_of(database, "items", "by_rank"), Interval.all())
    assert read_of(transaction, database) == ()


async def test_a_document_that_was_not_there_has_been_read(database: Database) -> None:
    transaction = database.begin()
    await transaction.get(number_of(database), b"?" * 16)
    assert transaction.reads.points[number_of(database)] == {b"?" * 16}


async def test_every_transaction_depends_on_which_indexes_there_are(database: Database) -> None:
    assert database.begin().reads.points == {CATALOG_VERSION: {VERSION_KEY}}


async def test_a_write_ahead_of_a_range_is_found_by_it(database: Database) -> None:
    await filled(database, [1, 2, 3])
    transaction = database.begin()
    seen: list[Value] = []
    async for found in transaction.range(index_of(database, "items", "by_rank"), Interval.all()):
        seen.append(found.document["rank"])
        if found.document["rank"] == 1.0:
            await insert(transaction, database, rank=0.5)
            await insert(transaction, database, rank=1.5)
            await insert(transaction, database, rank=9.0)
        if found.document["rank"] == 1.5:
            assert await transaction.delete(number_of(database), found.id)
    assert seen == [1.0, 1.5, 2.0, 3.0, 9.0]


async def test_deleting_while_reading_skips_nothing(database: Database) -> None:
    await filled(database, range(100))
    transaction = database.begin()
    index = index_of(database, "items", "by_rank")
    seen: list[Value] = []
    async for found in transaction.range(index, Interval.all()):
        seen.append(found.document["rank"])
        await transaction.delete(number_of(database), found.id)
    assert seen == [float(rank) for rank in range(100)]
    assert await ranks_in(transaction, database) == []


async def test_when_a_document_was_written(database: Database) -> None:
    (id,) = await filled(database, [1])
    ts = database.newest_ts
    transaction = database.begin()
    stored = await transaction.stored(number_of(database), id)
    assert stored is not None
    assert stored.ts == ts
    assert await transaction.stored(number_of(database), b"?" * 16) is None
    assert transaction.reads.contains(number_of(database), b"?" * 16)


async def test_an_index_that_was_removed_cannot_be_read(database: Database) -> None:
    index = index_of(database, "items", "by_rank")
    await database.declare({"items": {}})
    with pytest.raises(NoSuchIndex, match="by_rank"):
        database.begin().range(index, Interval.all())


async def test_what_is_to_be_written_stays_whatever_is_done_with_what_was_handed_out(
    database: Database,
) -> None:
    transaction = database.begin()
    id = await insert(transaction, database, rank=1.0, tags=[{"name": "a"}])
    by_rank = index_of(database, "items", "by_rank")
    handed_out = await transaction.get(number_of(database), id)
    (found,) = [each.document async for each in transaction.range(by_rank, Interval.all())]
    for document in (handed_out, found):
        assert document is not None
        document["rank"] = 9.0
        tags = document["tags"]
        assert isinstance(tags, list)
        assert isinstance(tags[0], dict)
        tags[0]["name"] = "z"
        tags.append("more")
    await database.commit(transaction)
    (stored,) = [each.document async for each in database.begin().range(by_rank, Interval.all())]
    assert (stored["rank"], stored["tags"]) == (1.0, [{"name": "a"}])


async def test_what_is_still_running_when_a_transaction_ends_must_not_write(
    database: Database,
) -> None:
    (id,) = await filled(database, [1])
    transaction = database.begin()
    await insert(transaction, database, rank=2.0)
    await database.commit(transaction)
    with pytest.raises(FunctionOver):
        await insert(transaction, database, rank=3.0)
    with pytest.raises(FunctionOver):
        await transaction.delete(number_of(database), id)
    with pytest.raises(FunctionOver):
        async with transaction.nested():
            pass


async def test_changes_of_one_document_at_once_are_all_there(tmp_path: Path) -> None:
    """The store suspends, and nothing in front of it knows the document."""
    store = SuspendingStore(SqliteStore(tmp_path / "data.db"))
    settings = Settings(memory=Memory(document_cache_bytes=0), sharing=Sharing(poll_s=None))
    async with opened(store, settings=settings) as database:
        await database.declare(TABLES)
        (id,) = await filled(database, [0])
        transaction = database.begin()

        async def add(rank: float) -> None:
            def added(document: Document) -> dict[str, Value]:
                before = document["rank"]
                assert isinstance(before, float)
                return {"rank": before + rank}

            assert await transaction.change(number_of(database), id, added)

        async with anyio.create_task_group() as tasks:
            for rank in (1.0, 10.0, 100.0):
                tasks.start_soon(add, rank)
        await database.commit(transaction)
        assert await ranks_in(database.begin(), database) == [111.0]
