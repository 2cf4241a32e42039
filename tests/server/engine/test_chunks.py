"""Ranges that are read in chunks hold, record and count what they do row by row."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from confect_core.values import Interval, Value, decode_id
from confect_server.engine import (
    Database,
    FunctionOver,
    ReadSet,
    TooManyBytesRead,
    TooManyDocumentsRead,
    Transaction,
)
from confect_server.engine.merged_range import MergedRange
from confect_server.settings import Limits
from confect_server.store import Order
from tests.server.engine.conftest import TABLES
from tests.server.stores import index_of, new_store, opened


async def insert(transaction: Transaction, database: Database, rank: float) -> bytes:
    id = await transaction.insert(database.catalog.table("items").number, {"rank": rank})
    return decode_id(id)[1]


async def filled(database: Database, count: int) -> list[bytes]:
    transaction = database.begin()
    ids = [await insert(transaction, database, float(rank)) for rank in range(count)]
    await database.commit(transaction)
    return ids


def by_rank(
    transaction: Transaction, database: Database, order: Order = "asc", at_most: int | None = None
) -> MergedRange:
    index = index_of(database, "items", "by_rank")
    return transaction.range(index, Interval.all(), order, at_most)


async def in_chunks(found: MergedRange) -> list[Value]:
    ranks: list[Value] = []
    while documents := await found.chunk():
        ranks += [each["rank"] for each in documents]
    assert await found.chunk() == []
    return ranks


async def at_once(
    transaction: Transaction, database: Database, order: Order = "asc", at_most: int | None = None
) -> list[Value]:
    index = index_of(database, "items", "by_rank")
    documents, rest = await transaction.take(index, Interval.all(), order, at_most)
    ranks = [each["rank"] for each in documents]
    return ranks if rest is None else ranks + await in_chunks(rest)


async def row_by_row(found: MergedRange) -> list[Value]:
    return [each.document["rank"] async for each in found]


def traces(transaction: Transaction) -> tuple[ReadSet, int, int, int]:
    usage = transaction.usage
    return transaction.reads, usage.documents_read, usage.bytes_read, usage.ranges_read


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("count", [0, 1, 16, 17, 120])
async def test_chunks_leave_the_same_traces_as_rows(
    database: Database, count: int, order: Order
) -> None:
    await filled(database, count)
    for at_most in (None, 0, 1, 16, 17, 119, 120, 121):
        one, other = database.begin(), database.begin()
        ranks = await in_chunks(by_rank(one, database, order, at_most))
        assert ranks == await row_by_row(by_rank(other, database, order, at_most))
        assert traces(one) == traces(other)
        third = database.begin()
        assert await at_once(third, database, order, at_most) == ranks
        assert traces(third) == traces(other)


async def test_a_range_that_ends_with_its_first_chunk_is_taken_at_once(database: Database) -> None:
    await filled(database, 20)
    index = index_of(database, "items", "by_rank")
    for at_most, is_whole in ((1, True), (20, True), (21, True), (None, False), (1_000, False)):
        _, rest = await database.begin().take(index, Interval.all(), "asc", at_most)
        assert (rest is None) == is_whole, at_most


async def test_what_is_taken_of_an_interval_without_keys_is_nothing(database: Database) -> None:
    await filled(database, 3)
    index = index_of(database, "items", "by_rank")
    transaction = database.begin()
    documents, rest = await transaction.take(index, Interval(b"b", b"a"), "asc", None)
    assert documents == []
    assert rest is not None
    assert await rest.chunk() == []
    assert not transaction.reads.intervals.get(index.number)


async def test_what_was_written_before_is_among_what_is_taken(database: Database) -> None:
    await filled(database, 3)
    transaction = database.begin()
    await insert(transaction, database, 1.5)
    assert await at_once(transaction, database) == [0, 1, 1.5, 2]
    assert await at_once(transaction, database, "desc", 2) == [2, 1.5]


async def test_what_is_written_while_it_is_taken_is_seen(tmp_path: Path) -> None:
    async with opened(new_store("suspending", tmp_path)) as database:
        await database.declare(TABLES)
        await filled(database, 10)
        transaction = database.begin()
        reading = asyncio.create_task(at_once(transaction, database))
        await checkpoint()
        assert not reading.done()
        await insert(transaction, database, 4.5)
        assert await reading == [0, 1, 2, 3, 4, 4.5, 5, 6, 7, 8, 9]


async def test_some_rows_may_be_read_before_the_chunks(database: Database) -> None:
    await filled(database, 40)
    transaction = database.begin()
    found = by_rank(transaction, database)
    first = [(await anext(found)).document["rank"] for _ in range(3)]
    assert first + await in_chunks(found) == [float(rank) for rank in range(40)]


async def test_what_is_written_between_chunks_is_seen_if_it_is_ahead(database: Database) -> None:
    ids = await filled(database, 40)
    transaction = database.begin()
    found = by_rank(transaction, database)
    seen = [each["rank"] for each in await found.chunk()]
    assert 0 < len(seen) < 30
    await insert(transaction, database, 0.5)
    await insert(transaction, database, 30.5)
    await transaction.delete(database.catalog.table("items").number, ids[35])
    rest = [*range(len(seen), 31), 30.5, *range(31, 35), *range(36, 40)]
    assert await in_chunks(found) == rest


async def test_what_is_written_while_a_chunk_is_read_is_seen(tmp_path: Path) -> None:
    async with opened(new_store("suspending", tmp_path)) as database:
        await database.declare(TABLES)
        await filled(database, 10)
        transaction = database.begin()
        reading = asyncio.create_task(in_chunks(by_rank(transaction, database)))
        await checkpoint()
        assert not reading.done()
        await insert(transaction, database, 4.5)
        assert await reading == [0, 1, 2, 3, 4, 4.5, 5, 6, 7, 8, 9]


async def test_the_chunks_of_a_caller_wait_for_the_end_of_what_is_nested(
    database: Database,
) -> None:
    await filled(database, 3)
    around = database.begin()
    found = by_rank(around, database)
    async with around.nested() as part:
        reading = asyncio.create_task(in_chunks(found))
        await checkpoint()
        await insert(part, database, 1.5)
    assert await reading == [0, 1, 1.5, 2]


async def test_a_function_that_is_over_reads_no_chunks(database: Database) -> None:
    await filled(database, 40)
    transaction = database.begin()
    found = by_rank(transaction, database)
    assert await found.chunk()
    transaction.end()
    with pytest.raises(FunctionOver):
        await found.chunk()


async def test_a_limit_counts_up_to_the_document_that_is_too_much(database: Database) -> None:
    await filled(database, 10)
    transaction = database.begin(limits=Limits(documents_read=3))
    with pytest.raises(TooManyDocumentsRead):
        await by_rank(transaction, database).chunk()
    assert transaction.usage.documents_read == 3
    bytes_of_three = transaction.usage.bytes_read
    transaction = database.begin(limits=Limits(bytes_read=bytes_of_three))
    with pytest.raises(TooManyBytesRead):
        await by_rank(transaction, database).chunk()
    assert transaction.usage.documents_read == 3
    assert transaction.usage.bytes_read == bytes_of_three
    transaction = database.begin(limits=Limits(documents_read=3))
    with pytest.raises(TooManyDocumentsRead):
        await at_once(transaction, database)
    assert transaction.usage.documents_read == 3
