"""Parts of a transaction: what an error undoes, what stays, and who waits for whom."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_core.values import Interval, Value, decode_id, key_of
from confect_server.engine import (
    Conflict,
    Database,
    FunctionOver,
    NestedTooDeep,
    ReadOnly,
    Transaction,
)
from confect_server.engine.limits import UNLIMITED
from tests.server.stores import index_of


class Failed(Exception):
    """What leaves a part and undoes it."""


@asynccontextmanager
async def undone(transaction: Transaction) -> AsyncGenerator[Transaction]:
    """A part of a transaction that fails in the end."""
    with suppress(Failed):
        async with transaction.nested() as part:
            yield part
            raise Failed


async def put(part: Transaction, database: Database, rank: float) -> bytes:
    table = database.catalog.table("items").number
    return decode_id(await part.insert(table, {"rank": rank}))[1]


async def ranks(part: Transaction, database: Database) -> list[Value]:
    found = part.range(index_of(database, "items", "by_rank"), Interval.all())
    return [each.document["rank"] async for each in found]


async def committed(database: Database, *values: float) -> list[bytes]:
    transaction = database.begin()
    ids = [await put(transaction, database, value) for value in values]
    await database.commit(transaction)
    return ids


async def test_what_a_part_wrote_is_seen_outside_of_it(database: Database) -> None:
    transaction = database.begin()
    await put(transaction, database, 1)
    async with transaction.nested() as part:
        await put(part, database, 2)
        assert await ranks(part, database) == [1.0, 2.0]
    assert await ranks(transaction, database) == [1.0, 2.0]
    await database.commit(transaction)
    assert await ranks(database.begin(), database) == [1.0, 2.0]


async def test_an_error_undoes_every_sort_of_write_and_no_other(database: Database) -> None:
    table = database.catalog.table("items").number
    changed, deleted, kept = await committed(database, 1, 2, 3)
    transaction = database.begin()
    own = await put(transaction, database, 4)
    await transaction.replace(table, changed, {"rank": 1.5})
    async with undone(transaction) as part:
        await part.replace(table, changed, {"rank": 9.0})
        await part.replace(table, changed, {"rank": 8.0})
        await part.delete(table, deleted)
        await part.delete(table, own)
        await part.replace(table, kept, {"rank": 7.0})
        await part.delete(table, await put(part, database, 5))
        await put(part, database, 6)
        assert await ranks(part, database) == [6.0, 7.0, 8.0]
    assert await ranks(transaction, database) == [1.5, 2.0, 3.0, 4.0]
    document = await transaction.get(table, deleted)
    assert document is not None
    assert document["rank"] == 2.0
    writes = transaction.finished()
    assert {write.id for write in writes.documents} == {own, changed}
    await database.commit(transaction)
    assert await ranks(database.begin(), database) == [1.5, 2.0, 3.0, 4.0]


async def test_a_transaction_whose_every_part_was_undone_commits_nothing(
    database: Database,
) -> None:
    (id,) = await committed(database, 1)
    transaction = database.begin()
    async with undone(transaction) as part:
        await part.delete(database.catalog.table("items").number, id)
        await put(part, database, 2)
    assert await database.commit(transaction) == transaction.begin_ts


async def test_a_part_that_ended_well_is_undone_with_the_one_around_it(database: Database) -> None:
    transaction = database.begin()
    await put(transaction, database, 1)
    async with undone(transaction) as outer:
        await put(outer, database, 2)
        async with outer.nested() as inner:
            await put(inner, database, 3)
        async with undone(outer) as inner:
            await put(inner, database, 4)
        assert await ranks(outer, database) == [1.0, 2.0, 3.0]
    assert await ranks(transaction, database) == [1.0]


async def test_what_an_undone_part_read_stays_read(database: Database) -> None:
    table = database.catalog.table("items").number
    (id,) = await committed(database, 5)
    transaction = database.begin()
    async with undone(transaction) as part:
        await part.get(table, b"?" * 16)
        await part.range(index_of(database, "items", "by_rank"), Interval.all()).__anext__()
    assert transaction.reads.contains(table, b"?" * 16)
    by_rank = index_of(database, "items", "by_rank").number
    assert transaction.reads.contains(by_rank, key_of((4.0,)))
    assert not transaction.reads.contains(by_rank, key_of((6.0,)))
    await put(transaction, database, 6)
    other = database.begin()
    await other.delete(table, id)
    await database.commit(other)
    with pytest.raises(Conflict):
        await database.commit(transaction)


async def test_what_an_undone_part_used_stays_used(database: Database) -> None:
    (id,) = await committed(database, 5)
    table = database.catalog.table("items").number
    transaction = database.begin()
    async with undone(transaction) as part:
        await put(part, database, 1)
        await part.delete(table, id)
        assert len(await ranks(part, database)) == 1
    usage = transaction.usage
    assert (usage.documents_written, usage.documents_read, usage.ranges_read) == (2, 2, 1)


async def test_creation_times_rise_past_undone_documents(database: Database) -> None:
    table = database.catalog.table("items").number
    transaction = database.begin()
    times: list[Value] = []
    for should_fail in (False, True, False):
        try:
            async with transaction.nested() as part:
                document = await part.get(table, await put(part, database, 1))
                assert document is not None
                times.append(document["_creationTime"])
                if should_fail:
                    raise Failed
        except Failed:
            pass
    assert len(set(times)) == 3


async def test_a_range_goes_on_rightly_after_a_part_was_undone(database: Database) -> None:
    table = database.catalog.table("items").number
    ids = await committed(database, 1, 2, 3, 4)
    transaction = database.begin()
    found = transaction.range(index_of(database, "items", "by_rank"), Interval.all())
    seen = [(await anext(found)).document["rank"]]
    async with undone(transaction) as part:
        await part.delete(table, ids[1])
        await part.replace(table, ids[2], {"rank": 0.0})
        await put(part, database, 3.5)
    seen += [each.document["rank"] async for each in found]
    assert seen == [1.0, 2.0, 3.0, 4.0]


async def test_a_part_may_be_as_deep_as_the_limit_and_no_deeper(database: Database) -> None:
    transaction = database.begin(limits=replace(UNLIMITED, nesting=2))
    async with transaction.nested() as one, one.nested(is_read_only=True) as two:
        assert two.depth == 2
        with pytest.raises(NestedTooDeep, match="3 functions deep; the limit nesting is 2"):
            await two.nested().__aenter__()
    for_reading = database.begin(is_read_only=True, limits=replace(UNLIMITED, nesting=1))
    async with for_reading.nested() as one:
        with pytest.raises(NestedTooDeep):
            await one.nested().__aenter__()


async def test_a_part_that_only_reads_cannot_write(database: Database) -> None:
    transaction = database.begin()
    async with transaction.nested(is_read_only=True) as part, part.nested() as inner:
        for each in (part, inner):
            with pytest.raises(ReadOnly):
                await put(each, database, 1)


async def test_what_is_left_running_by_an_undone_part_cannot_write(database: Database) -> None:
    transaction = database.begin()
    async with undone(transaction) as part:
        inner = await part.nested().__aenter__()
    for over in (part, inner):
        with pytest.raises(FunctionOver):
            await put(over, database, 1)
    await put(transaction, database, 2)
    assert await ranks(transaction, database) == [2.0]


async def test_a_late_end_inside_an_undone_part_undoes_nothing_more(database: Database) -> None:
    transaction = database.begin()
    async with undone(transaction) as part:
        await put(part, database, 1)
        late = part.nested()
        await late.__aenter__()
    async with transaction.nested() as part:
        await put(part, database, 2)
        await put(part, database, 3)
    assert not await late.__aexit__(Failed, Failed(), None)
    assert await ranks(transaction, database) == [2.0, 3.0]


async def check_that_it_is_over(transaction: Transaction, database: Database, id: bytes) -> None:
    table = database.catalog.table("items").number
    with pytest.raises(FunctionOver):
        await transaction.get(table, id)
    with pytest.raises(FunctionOver):
        await transaction.count(table)
    with pytest.raises(FunctionOver):
        await ranks(transaction, database)
    with pytest.raises(FunctionOver):
        await transaction.nested().__aenter__()


async def test_what_is_left_running_by_a_function_cannot_read_either(database: Database) -> None:
    (id,) = await committed(database, 1)
    for is_read_only in (False, True):
        whole = database.begin(is_read_only=is_read_only)
        by_rank = index_of(database, "items", "by_rank")
        begun = whole.range(by_rank, Interval.all())
        async with whole.nested() as part, part.nested(is_read_only=True) as inner:
            pass
        late = await whole.nested(is_read_only=True).__aenter__()
        later = await late.nested().__aenter__()
        for over in (part, inner):
            await check_that_it_is_over(over, database, id)
        assert await later.get(database.catalog.table("items").number, id) is not None
        whole.end()
        for over in (whole, late, later):
            await check_that_it_is_over(over, database, id)
        with pytest.raises(FunctionOver):
            await anext(begun)


async def test_half_of_a_part_that_is_left_running_is_undone(database: Database) -> None:
    transaction = database.begin()
    async with transaction.nested() as part:
        await put(part, database, 1)
        stray = part.nested()
        await put(await stray.__aenter__(), database, 2)
    with pytest.raises(FunctionOver):
        await stray.__aexit__(None, None, None)
    stray = transaction.nested()
    await put(await stray.__aenter__(), database, 3)
    transaction.end()
    await database.commit(transaction)
    with pytest.raises(FunctionOver):
        await stray.__aexit__(None, None, None)
    assert await ranks(database.begin(), database) == [1.0]


async def test_whatever_is_done_beside_a_part_waits_for_its_end(database: Database) -> None:
    table = database.catalog.table("items").number
    (id,) = await committed(database, 1)
    transaction = database.begin()
    by_rank = index_of(database, "items", "by_rank")
    begun, go_on = anyio.Event(), anyio.Event()
    done: list[str] = []

    async def fail() -> None:
        async with undone(transaction) as part:
            await part.replace(table, id, {"rank": 9.0})
            begun.set()
            await go_on.wait()
            done.append("undone")

    async def get() -> None:
        document = await transaction.get(table, id)
        done.append(f"got {document and document['rank']!r}")

    async def read() -> None:
        found = await anext(transaction.range(by_rank, Interval.all()))
        done.append(f"read {found.document['rank']!r}")

    async def insert() -> None:
        await put(transaction, database, 2)
        done.append("inserted")

    async def nest() -> None:
        async with transaction.nested(is_read_only=True) as part:
            assert await part.get(table, id) is not None
            done.append("nested")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fail)
        await begun.wait()
        for each in (get, read, insert, nest):
            tasks.start_soon(each)
        await anyio.wait_all_tasks_blocked()
        assert done == []
        go_on.set()
    assert done[0] == "undone"
    assert sorted(done[1:]) == ["got 1.0", "inserted", "nested", "read 1.0"]
    assert await ranks(transaction, database) == [1.0, 2.0]


@pytest.mark.parametrize("seed", range(12))
async def test_parts_at_once_are_as_parts_one_after_another(database: Database, seed: int) -> None:
    table = database.catalog.table("items").number
    (counter,) = await committed(database, 0)
    transaction = database.begin()
    chance = random.Random(seed)

    async def rise(part: Transaction, depth: int) -> int:
        before = await part.get(table, counter)
        assert before is not None
        rank = before["rank"]
        assert isinstance(rank, float)
        for _ in range(chance.randrange(3)):
            await checkpoint()
        await part.replace(table, counter, {"rank": rank + 1})
        inside = await several(part, depth + 1) if chance.random() < 0.5 else 0
        await checkpoint()
        if chance.random() < 0.4:
            raise Failed
        return 1 + inside

    async def several(around: Transaction, depth: int) -> int:
        risen: list[int] = []

        async def one() -> None:
            with suppress(Failed):
                async with around.nested() as part:
                    risen.append(await rise(part, depth))

        async with anyio.create_task_group() as tasks:
            for _ in range(3 if depth < 3 else 0):
                tasks.start_soon(one)
        return sum(risen)

    expected = await several(transaction, 0)
    found = await transaction.get(table, counter)
    assert found is not None
    assert found["rank"] == float(expected), f"seed {seed}"


async def test_a_write_beside_a_deletion_does_not_bring_the_document_back(
    database: Database,
) -> None:
    table = database.catalog.table("items").number
    (id,) = await committed(database, 1)
    transaction = database.begin()
    changed: dict[str, Value] = {"rank": 2.0}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(transaction.delete, table, id)
        tasks.start_soon(transaction.replace, table, id, changed)
    assert await transaction.get(table, id) is None
