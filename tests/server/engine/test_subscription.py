"""Who is told of a commit: everybody for whom it changed something, and once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core.values import Interval, Value, decode_id, dumps, key_of
from confect_server.engine import Database, ReadSet, Subscription
from confect_server.store import MemoryStore, Order
from tests.server.engine.conftest import TABLES
from tests.server.stores import Running, SuspendingStore, index_of


def between(low: float, high: float) -> Interval:
    return Interval(key_of((low,)), key_of((high,)))


async def insert(database: Database, *ranks: float) -> list[bytes]:
    transaction = database.begin()
    table = database.catalog.table("items").number
    ids = [await transaction.insert(table, {"rank": float(rank)}) for rank in ranks]
    await database.commit(transaction)
    return [decode_id(id)[1] for id in ids]


async def read(database: Database, interval: Interval) -> tuple[ReadSet, int]:
    transaction = database.begin(is_read_only=True)
    found = transaction.range(index_of(database, "items", "by_rank"), interval)
    _ = [each async for each in found]
    return transaction.reads, transaction.begin_ts


async def test_a_write_of_what_was_read_is_told_once(database: Database) -> None:
    told: list[int] = []
    assert database.subscribe(*await read(database, between(2, 5)), told.append)
    await insert(database, 7)
    assert told == []
    await insert(database, 3)
    assert told == [database.newest_ts]
    await insert(database, 4)
    assert len(told) == 1


async def test_a_write_since_the_reading_is_told_at_once(database: Database) -> None:
    told: list[int] = []
    reads, ts = await read(database, between(2, 5))
    await insert(database, 7)
    await insert(database, 3)
    await insert(database, 8)
    assert database.subscribe(reads, ts, told.append) is None
    assert told == [database.newest_ts]
    await insert(database, 4)
    assert len(told) == 1


async def test_a_subscription_that_is_renewed_is_told_again(database: Database) -> None:
    told: list[int] = []
    subscription = database.subscription(told.append)
    await insert(database, 3)
    assert told == []  # it watches nothing yet
    for _ in range(2):
        assert subscription.renew(*await read(database, between(2, 5)))
        await insert(database, 3)
        await insert(database, 4)
        assert told.pop() == database.newest_ts - 1
        assert told == []


async def test_a_renewed_subscription_watches_nothing_of_before(database: Database) -> None:
    told: list[int] = []
    subscription = database.subscription(told.append)
    assert subscription.renew(*await read(database, between(2, 5)))
    assert subscription.renew(*await read(database, between(6, 9)))
    await insert(database, 3)
    assert told == []
    await insert(database, 7)
    assert told == [database.newest_ts]


async def test_who_is_released_by_somebody_who_is_told_first_is_not_told(
    database: Database,
) -> None:
    reads, ts = await read(database, between(2, 5))
    told: list[str] = []
    subscriptions: dict[str, Subscription] = {}

    def subscribe(name: str, other: str) -> None:
        def on_written(_: int) -> None:
            told.append(name)
            subscriptions[other].release()

        subscriptions[name] = database.subscription(on_written)
        assert subscriptions[name].renew(reads, ts)

    subscribe("ann", "bob")
    subscribe("bob", "ann")
    await insert(database, 3)
    assert len(told) == 1


async def test_what_is_released_is_not_told(database: Database) -> None:
    told: list[int] = []
    subscription = database.subscribe(*await read(database, between(2, 5)), told.append)
    assert subscription is not None
    subscription.release()
    subscription.release()
    await insert(database, 3)
    assert told == []


async def test_what_is_released_by_another_that_is_told_is_not_told(database: Database) -> None:
    reads, ts = await read(database, between(2, 5))
    several: list[Subscription] = []
    told: list[int] = []

    def release_all(_: int) -> None:
        told.append(1)
        for subscription in several:
            subscription.release()

    for _ in range(5):
        subscription = database.subscribe(reads, ts, release_all)
        assert subscription is not None
        several.append(subscription)
    await insert(database, 3)
    assert told == [1]


async def test_who_subscribes_again_while_being_told_has_seen_that_commit(
    database: Database,
) -> None:
    reads, ts = await read(database, between(2, 5))
    told: list[int] = []

    def again(at: int) -> None:
        told.append(at)
        assert database.subscribe(reads, database.newest_ts, again)

    assert database.subscribe(reads, ts, again)
    await insert(database, 3)
    first = database.newest_ts
    await insert(database, 4)
    assert told == [first, database.newest_ts]


async def test_a_missing_document_is_told_of_when_it_comes(database: Database) -> None:
    (id,) = await insert(database, 1)
    table = database.catalog.table("items").number
    deleter = database.begin()
    await deleter.delete(table, id)
    reader = database.begin()
    assert await reader.get(table, id) is not None
    told: list[int] = []
    assert database.subscribe(reader.reads, reader.begin_ts, told.append)
    await database.commit(deleter)
    assert told == [database.newest_ts]


async def test_a_change_of_the_indexes_is_told_to_everybody(database: Database) -> None:
    told: list[int] = []
    before = database.newest_ts
    assert database.subscribe(*await read(database, between(2, 5)), told.append)
    await database.declare({"items": {"by_rank": ("rank", "name")}})
    (ts,) = told
    assert before < ts <= database.newest_ts


RANKS = st.integers(0, 6)


@dataclass(frozen=True)
class Query:
    """A range, or the document that is first in one: all that queries are made of."""

    low: int
    width: int
    order: Order
    at_most: int | None

    async def run(self, database: Database) -> tuple[bytes, ReadSet, int]:
        """The result, what was read for it, and when."""
        transaction = database.begin(is_read_only=True)
        index = index_of(database, "items", "by_rank")
        interval = between(self.low, self.low + self.width)
        rows = transaction.range(index, interval, self.order, self.at_most)
        result: Value = [await transaction.get(row.table_no, row.id) async for row in rows]
        return dumps(result), transaction.reads, transaction.begin_ts


QUERIES = st.builds(
    Query, RANKS, st.integers(0, 4), st.sampled_from(["asc", "desc"]), st.none() | st.integers(1, 3)
)
WRITES = st.lists(st.tuples(st.integers(0, 9), st.none() | RANKS), min_size=1, max_size=3)


class Watch:
    """A query that is run again whenever it is told of a commit."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.result = b""
        self.is_told = True
        self.runs = 0

    async def catch_up(self, database: Database) -> None:
        self.is_told = False
        self.runs += 1
        self.result, reads, ts = await self.query.run(database)
        database.subscribe(reads, ts, self.told)

    def told(self, ts: int) -> None:
        self.is_told = True


async def write(
    database: Database, ids: list[bytes], writes: Sequence[tuple[int, int | None]]
) -> None:
    """Documents by their number get a rank, or are deleted, or are made."""
    transaction = database.begin()
    table = database.catalog.table("items").number
    for number, rank in writes:
        if number >= len(ids):
            id = await transaction.insert(table, {"rank": float(rank or 0)})
            ids.append(decode_id(id)[1])
        elif rank is None:
            await transaction.delete(table, ids[number])
        else:
            await transaction.replace(table, ids[number], {"rank": float(rank)})
    await database.commit(transaction)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(QUERIES, min_size=1, max_size=6),
    st.lists(st.tuples(WRITES, st.booleans()), min_size=1, max_size=12),
)
def test_who_was_not_told_would_read_the_same_again(
    queries: list[Query], commits: list[tuple[list[tuple[int, int | None]], bool]]
) -> None:
    running = Running(SuspendingStore(MemoryStore()))
    database = running.database
    running.run(database.declare(TABLES))
    watches = [Watch(query) for query in queries]
    ids: list[bytes] = []
    for writes, catches_up in commits:
        running.run(write(database, ids, writes))
        for watch in watches:
            if watch.is_told and catches_up:
                running.run(watch.catch_up(database))
            if not watch.is_told:
                assert running.run(watch.query.run(database))[0] == watch.result
    running.close()


async def test_who_joins_others_is_told_as_they_are(database: Database) -> None:
    reads, ts = await read(database, between(2, 5))
    told: list[str] = []
    first = database.subscribe(reads, ts, lambda _: told.append("first"))
    await insert(database, 7)
    assert database.subscribe(reads, ts, lambda _: told.append("second"))
    assert first is not None
    first.release()
    await insert(database, 3)
    assert told == ["second"]


async def test_who_joins_while_others_are_told_is_told_at_once(database: Database) -> None:
    reads, ts = await read(database, between(2, 5))
    late: list[int] = []

    def join(_: int) -> None:
        assert database.subscribe(reads, ts, late.append) is None

    for _ in range(3):
        assert database.subscribe(reads, ts, join)
    await insert(database, 3)
    assert late == [database.newest_ts] * 3
