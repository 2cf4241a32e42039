"""However transactions interleave, it is as if they had run one after the other."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_core.values import Interval, Value, decode_id, dumps, key_of
from confect_server.engine import Conflict, Database, Transaction
from tests.server.stores import index_of


def between(low: float, high: float) -> Interval:
    return Interval(key_of((low,)), key_of((high,)))


@dataclass
class Items:
    """The table that these tests write, through one transaction."""

    database: Database
    transaction: Transaction

    @classmethod
    def begin(cls, database: Database) -> Items:
        return cls(database, database.begin())

    @property
    def table(self) -> int:
        return self.database.catalog.table("items").number

    async def insert(self, rank: float) -> bytes:
        return decode_id(await self.transaction.insert(self.table, {"rank": rank}))[1]

    async def rank(self, id: bytes) -> float | None:
        document = await self.transaction.get(self.table, id)
        if document is None:
            return None
        assert isinstance(document["rank"], float)
        return document["rank"]

    async def move(self, id: bytes, rank: float) -> None:
        assert await self.transaction.replace(self.table, id, {"rank": rank})

    async def delete(self, id: bytes) -> None:
        assert await self.transaction.delete(self.table, id)

    async def ranks(self, interval: Interval, at_most: int | None = None) -> list[Value]:
        index = index_of(self.database, "items", "by_rank")
        found = self.transaction.range(index, interval, "asc", at_most)
        return [each.document["rank"] async for each in found]

    async def commit(self) -> int:
        return await self.database.commit(self.transaction)


async def filled(database: Database, *ranks: float) -> list[bytes]:
    items = Items.begin(database)
    ids = [await items.insert(rank) for rank in ranks]
    await items.commit()
    return ids


async def retried(database: Database, attempt: Callable[[Items], Awaitable[None]]) -> int:
    """How often an attempt ran until it was committed."""
    for count in range(1, 1000):
        items = Items.begin(database)
        await attempt(items)
        try:
            await items.commit()
        except Conflict:
            continue
        return count
    raise AssertionError("an attempt never succeeded")


async def test_no_increment_is_lost(database: Database) -> None:
    (counter,) = await filled(database, 0.0)
    attempts = 0

    async def increment(items: Items) -> None:
        rank = await items.rank(counter)
        await checkpoint()
        assert rank is not None
        await items.move(counter, rank + 1)
        await checkpoint()

    async def increment_often() -> None:
        nonlocal attempts
        for _ in range(10):
            took = await retried(database, increment)
            attempts += took

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(increment_often)
    assert await Items.begin(database).rank(counter) == 80.0
    assert attempts > 80  # there were conflicts to survive


async def test_transfers_keep_the_sum_for_every_reader(database: Database) -> None:
    accounts = await filled(database, *[100.0] * 5)
    chooser = random.Random(3)

    async def transfer(items: Items) -> None:
        giver, taker = chooser.sample(accounts, 2)
        given, taken = await items.rank(giver), await items.rank(taker)
        assert given is not None
        assert taken is not None
        await checkpoint()
        await items.move(giver, given - 1)
        await checkpoint()
        await items.move(taker, taken + 1)

    async def transfer_often() -> None:
        for _ in range(15):
            await retried(database, transfer)

    async def watch() -> None:
        for _ in range(100):
            items = Items.begin(database)
            ranks: list[float] = []
            for account in accounts:
                rank = await items.rank(account)
                assert rank is not None
                ranks.append(rank)
                await checkpoint()
            assert sum(ranks) == 500.0

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        for _ in range(6):
            tasks.start_soon(transfer_often)


async def outcomes(*several: Items) -> list[bool]:
    """Which of these transactions are committed when all try at once."""
    committed = [False] * len(several)

    async def commit(at: int, items: Items) -> None:
        try:
            await items.commit()
        except Conflict:
            return
        committed[at] = True

    async with anyio.create_task_group() as tasks:
        for at, items in enumerate(several):
            tasks.start_soon(commit, at, items)
    return committed


async def test_of_two_that_read_what_the_other_writes_one_has_to_run_again(
    database: Database,
) -> None:
    ids = await filled(database, 1.0, 1.0)  # two doctors on call, and one of them has to stay
    one, other = Items.begin(database), Items.begin(database)
    for items, id in ((one, ids[0]), (other, ids[1])):
        assert await items.ranks(between(1, 2)) == [1.0, 1.0]
        await items.move(id, 0.0)
    assert await outcomes(one, other) == [True, False]
    assert await Items.begin(database).ranks(between(1, 2)) == [1.0]


async def test_writes_of_different_documents_do_not_conflict(database: Database) -> None:
    ids = await filled(database, *range(8))
    several: list[Items] = []
    for id in ids:
        items = Items.begin(database)
        rank = await items.rank(id)
        assert rank is not None
        await items.move(id, rank + 100)
        await items.insert(50.0)
        several.append(items)
    assert await outcomes(*several) == [True] * 8


@dataclass
class Race:
    """A range is read; then another transaction commits; does the reader's commit conflict?"""

    write: Callable[[Items, list[bytes]], Awaitable[object]]
    conflicts: bool
    at_most: int | None = None
    ranks: tuple[float, ...] = (1.0, 2.0, 3.0, 7.0)
    read: Interval = field(default_factory=lambda: between(2, 5))


RACES = {
    "insert inside": Race(lambda items, _: items.insert(4.0), True),
    "insert into an empty range": Race(lambda items, _: items.insert(4.0), True, ranks=(7.0,)),
    "insert at the start": Race(lambda items, _: items.insert(2.0), True),
    "insert at the end, which is outside": Race(lambda items, _: items.insert(5.0), False),
    "insert outside": Race(lambda items, _: items.insert(9.0), False),
    "delete inside": Race(lambda items, ids: items.delete(ids[1]), True),
    "delete outside": Race(lambda items, ids: items.delete(ids[3]), False),
    "move out": Race(lambda items, ids: items.move(ids[1], 9.0), True),
    "move in": Race(lambda items, ids: items.move(ids[3], 4.0), True),
    "move within": Race(lambda items, ids: items.move(ids[1], 4.0), True),
    "move outside": Race(lambda items, ids: items.move(ids[3], 9.0), False),
    "insert behind the last one taken": Race(lambda items, _: items.insert(2.5), False, at_most=1),
    "insert before the last one taken": Race(lambda items, _: items.insert(2.5), True, at_most=2),
    "delete the last one taken": Race(lambda items, ids: items.delete(ids[2]), True, at_most=2),
    "delete behind the last one taken": Race(lambda i, ids: i.delete(ids[2]), False, at_most=1),
}


@pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())
@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one after the other"])
async def test_a_range_conflicts_with_what_would_have_changed_it(
    database: Database, race: Race, at_once: bool
) -> None:
    ids = await filled(database, *race.ranks)
    reader, writer = Items.begin(database), Items.begin(database)
    await reader.ranks(race.read, race.at_most)
    await reader.insert(1000.0)
    await race.write(writer, ids)
    if at_once:
        assert await outcomes(writer, reader) == [True, not race.conflicts]
    else:
        assert await outcomes(writer) == [True]
        assert await outcomes(reader) == [not race.conflicts]


async def test_a_document_that_was_not_there_conflicts_once_it_is(database: Database) -> None:
    (id,) = await filled(database, 1.0)
    deleter = Items.begin(database)
    await deleter.delete(id)
    early = Items.begin(database)
    assert await early.rank(id) == 1.0
    await early.insert(2.0)
    await deleter.commit()
    with pytest.raises(Conflict):
        await early.commit()


@dataclass
class Run:
    """What one transaction saw and did, and at which place in the order that was."""

    at: tuple[int, int] = (0, 0)
    steps: list[tuple[str, bytes | Interval, object]] = field(
        default_factory=list[tuple[str, bytes | Interval, object]]
    )


async def one_run(database: Database, chooser: random.Random, ids: list[bytes]) -> Run:
    """A transaction of a few random steps; a conflict leaves nothing."""
    items, run = Items.begin(database), Run()
    for _ in range(chooser.randint(1, 5)):
        await checkpoint()
        id, rank = chooser.choice(ids), float(chooser.randint(0, 9))
        step = chooser.choice(["get", "range", "range", "insert", "move", "delete"])
        if step == "range":
            interval = between(rank, rank + chooser.randint(0, 4))
            run.steps.append((step, interval, await items.ranks(interval)))
        elif step == "insert":
            run.steps.append((step, await items.insert(rank), rank))
        else:
            run.steps.append(("get", id, await items.rank(id)))
            if step != "get" and run.steps[-1][2] is not None:
                await (items.delete(id) if step == "delete" else items.move(id, rank))
                run.steps.append((step, id, rank))
    ts = await items.commit()
    # what wrote nothing saw everything until its snapshot
    run.at = (ts, 1) if ts == items.transaction.begin_ts else (ts, 0)
    return run


@pytest.mark.parametrize("seed", range(4))
async def test_every_history_is_one_of_transactions_in_the_order_of_their_timestamps(
    database: Database, seed: int
) -> None:
    chooser = random.Random(seed)
    runs: list[Run] = []
    ids = await filled(database, *range(6))
    conflicts = 0

    async def work() -> None:
        nonlocal conflicts
        for _ in range(15):
            try:
                runs.append(await one_run(database, chooser, ids))
            except Conflict:
                conflicts += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(work)
    assert conflicts > 0
    state: dict[bytes, float] = {id: float(rank) for rank, id in enumerate(ids)}
    for run in sorted(runs, key=lambda run: run.at):
        for step, place, value in run.steps:
            replay(state, step, place, value)


def replay(state: dict[bytes, float], step: str, place: bytes | Interval, value: object) -> None:
    if isinstance(place, Interval):
        inside = sorted(rank for rank in state.values() if place.contains(key_of((rank,))))
        assert value == inside
    elif step == "get":
        assert state.get(place) == value
    elif step == "delete":
        del state[place]
    else:
        assert isinstance(value, float)
        state[place] = value


async def test_a_transaction_is_committed_once(database: Database) -> None:
    items = Items.begin(database)
    id = await items.insert(1.0)
    await items.commit()
    with pytest.raises(Conflict):
        await items.commit()
    assert dumps(await Items.begin(database).rank(id)) == b"1.0"
