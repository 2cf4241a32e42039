"""A schema changes at once, after everything that is stored was checked and indexed meanwhile."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest

from confect_core.values import Interval, Value, decode_id, encode_id
from confect_server.engine import (
    Backfill,
    Catalog,
    Conflict,
    Database,
    DeclaredShape,
    DeclaredTable,
    NoSuchIndex,
    PausePoint,
    write_log,
)
from confect_server.engine import schema_change as module
from confect_server.engine.errors import SnapshotBeforeSchema
from confect_server.engine.index import Document
from confect_server.store import Store
from tests.server.engine.pausing import Pausing
from tests.server.stores import index_of, opened

Indexes = Mapping[str, tuple[str, ...]]

BY_RANK: Indexes = {"by_rank": ("rank",)}
BOTH: Indexes = {**BY_RANK, "by_name": ("name",)}

POINTS = [point for point in PausePoint if point.name.startswith(("INDEX_", "SCHEMA_"))]


class Misfit(Exception):
    """A document that does not fit."""


@dataclass
class Shape:
    """A shape that wants documents to have some fields, and knows which ones it has seen."""

    wanted: tuple[str, ...] = ()
    seen: list[str] = field(default_factory=list[str])

    def check(self, document: Document, catalog: Catalog) -> None:
        self.seen.append(str(document["_id"]))
        for name in self.wanted:
            if name not in document:
                raise Misfit(document["_id"])

    def declared(self, follows: Callable[[str], bool] = lambda _: False) -> DeclaredShape:
        return DeclaredShape(f"wants {' '.join(self.wanted)}", self.check, follows)

    def table(self, indexes: Indexes = BY_RANK) -> DeclaredTable:
        return DeclaredTable(indexes, self.declared())


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEP", 4)
    monkeypatch.setattr(module, "_MOST_ALONE", 3)


@pytest.fixture
def pausing() -> Pausing:
    return Pausing()


@pytest.fixture
async def database(store: Store, pausing: Pausing) -> AsyncGenerator[Database]:
    async with opened(store, pauses=pausing) as database:
        await database.declare({"items": BY_RANK})
        yield database


async def insert(database: Database, **fields: Value) -> bytes:
    while True:
        transaction = database.begin()
        id = await transaction.insert(database.catalog.table("items").number, fields)
        try:
            await database.commit(transaction)
        except Conflict:
            continue
        return decode_id(id)[1]


async def fill(database: Database, count: int) -> list[bytes]:
    return [
        await insert(database, rank=float(number), name=f"{number:02}") for number in range(count)
    ]


async def names_by(database: Database, index: str) -> list[Value]:
    reader = database.begin(is_read_only=True)
    found = reader.range(index_of(database, "items", index), Interval.all())
    return [each.document["name"] async for each in found]


async def assert_agrees(database: Database, index: str = "by_name") -> None:
    """The index holds exactly the documents of the table, each under its present key."""
    everything = await names_by(database, "by_creation_time")
    assert await names_by(database, index) == sorted(map(str, everything))


@asynccontextmanager
async def held(
    database: Database, pausing: Pausing, point: PausePoint, tables: dict[str, DeclaredTable]
) -> AsyncGenerator[None]:
    """The declaration is held at a point for as long as the context lasts, and then ends."""
    hold = pausing.hold(point)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.declare, tables)
        await hold.wait_reached()
        yield
        hold.release()


async def test_a_document_that_does_not_fit_ends_the_change_before_anything_is_written(
    database: Database, store: Store
) -> None:
    ids = await fill(database, 9)
    head, catalog = await store.head(), database.catalog
    with pytest.raises(Misfit):
        await database.declare({"items": Shape(("name", "more")).table(BOTH)})
    assert await store.head() == head
    assert database.catalog is catalog
    shape = Shape(("name",))
    await database.declare({"items": shape.table(BOTH)})
    assert len(shape.seen) == len(ids)
    await assert_agrees(database)


async def test_every_document_is_checked_once_and_not_again_for_the_same_shape(
    database: Database,
) -> None:
    await fill(database, 10)
    shape = Shape()
    await database.declare({"items": shape.table()})
    assert len(shape.seen) == len(set(shape.seen)) == 10
    await database.declare({"items": shape.table()})
    await database.declare({"items": shape.table(BOTH)})
    assert len(shape.seen) == 10
    assert database.catalog.table("items").shape == shape.declared().text


async def test_nothing_is_checked_for_a_shape_that_what_fitted_fits(database: Database) -> None:
    await fill(database, 5)
    narrow, wide = Shape(("name",)), Shape(("absent",))
    await database.declare({"items": narrow.table()})
    followed: list[str] = []

    def follows(text: str) -> bool:
        followed.append(text)
        return True

    await database.declare({"items": DeclaredTable(BY_RANK, wide.declared(follows))})
    assert wide.seen == []
    assert set(followed) == {narrow.declared().text}
    assert database.catalog.table("items").shape == wide.declared().text


async def test_a_table_that_was_not_declared_for_a_while_is_checked_again(
    database: Database,
) -> None:
    await fill(database, 3)
    shape = Shape(("name",))
    await database.declare({"items": shape.table()})
    await database.declare({})
    assert database.catalog.table("items").shape is None
    await insert(database, rank=1.0)
    with pytest.raises(Misfit):
        await database.declare({"items": shape.table()})


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_what_is_written_while_a_schema_changes_is_checked_and_indexed(
    point: PausePoint, database: Database, pausing: Pausing
) -> None:
    ids = await fill(database, 9)
    table = database.catalog.table("items").number
    shape = Shape(("name",))
    hold = pausing.hold(point)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.declare, {"items": shape.table(BOTH)})
        await hold.wait_reached()
        if point is not PausePoint.SCHEMA_WRITTEN:  # then nobody else commits
            for id, name in ((ids[0], "zz"), (ids[8], "aa")):
                transaction = database.begin()
                await transaction.replace(table, id, {"rank": 0.0, "name": name})
                await database.commit(transaction)
            transaction = database.begin()
            await transaction.delete(table, ids[4])
            await database.commit(transaction)
            for name in "qrstuv":
                await insert(database, rank=1.0, name=name)
        hold.release()
    await assert_agrees(database)
    assert len(await names_by(database, "by_rank")) == len(await names_by(database, "by_name"))


@pytest.mark.parametrize("point", POINTS[:-1], ids=lambda point: point.name)
async def test_a_misfit_that_comes_while_a_schema_changes_is_found(
    point: PausePoint, database: Database, pausing: Pausing
) -> None:
    await fill(database, 9)
    before = database.catalog.table("items")
    with pytest.raises(ExceptionGroup) as failed:
        async with held(database, pausing, point, {"items": Shape(("name",)).table(BOTH)}):
            await insert(database, rank=1.0)
    assert failed.group_contains(Misfit)
    assert database.catalog.table("items") == before
    assert database.catalog.indexes_of(before.number) == tuple(before.indexes.values())
    await insert(database, rank=2.0)


async def test_a_change_that_takes_longer_than_the_log_goes_back_comes_to_an_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_log, "MAX_ENTRIES", 20)
    monkeypatch.setattr(write_log, "_FORGOTTEN_AT_ONCE", 1)
    stored = await fill(database, 200)
    shape, is_over = Shape(("name",)), anyio.Event()
    written: list[bytes] = []

    async def write() -> None:
        while not is_over.is_set():
            written.append(await insert(database, rank=0.0, name="more"))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await database.declare({"items": shape.table(BOTH)})
            is_over.set()
    assert len(written) > 40
    number = database.catalog.table("items").number
    assert {encode_id(number, id) for id in stored} <= set(shape.seen)
    await assert_agrees(database)


async def test_a_misfit_of_another_process_is_found(
    database: Database, pausing: Pausing, store: Store
) -> None:
    await fill(database, 9)
    async with opened(store, seed=1) as other:
        for point in (PausePoint.SCHEMA_CHECKED, PausePoint.INDEX_STEPPED):
            id = b""
            with pytest.raises(ExceptionGroup) as failed:
                async with held(database, pausing, point, {"items": Shape(("name",)).table(BOTH)}):
                    id = await insert(other, rank=1.0)
            assert failed.group_contains(Misfit)
            await other.refresh()
            transaction = other.begin()
            await transaction.delete(other.catalog.table("items").number, id)
            await other.commit(transaction)


async def test_writes_that_began_before_a_schema_was_in_force_conflict(
    database: Database,
) -> None:
    late = database.begin()
    await late.insert(database.catalog.table("items").number, {"rank": 1.0})
    await database.declare({"items": Shape(("name",)).table()})
    with pytest.raises(Conflict):
        await database.commit(late)


async def test_an_index_is_not_read_before_it_is_complete(
    database: Database, pausing: Pausing
) -> None:
    await fill(database, 9)
    async with held(database, pausing, PausePoint.INDEX_STEPPED, {"items": DeclaredTable(BOTH)}):
        assert set(database.catalog.table("items").indexes) == {"by_creation_time", "by_rank"}
        table = database.catalog.table("items").number
        (half_filled,) = [
            index for index in database.catalog.indexes_of(table) if not index.is_ready
        ]
        with pytest.raises(NoSuchIndex):
            database.begin().range(half_filled, Interval.all())
    await assert_agrees(database)


async def test_a_snapshot_from_before_a_schema_is_not_read_by_its_indexes(
    database: Database,
) -> None:
    await fill(database, 3)
    before = database.newest_ts
    await database.declare({"items": DeclaredTable(BOTH)})
    with pytest.raises(SnapshotBeforeSchema):
        database.begin(before)
    assert await names_by(database, "by_name") == ["00", "01", "02"]


async def test_progress_is_told(database: Database) -> None:
    await fill(database, 9)
    told: list[Backfill] = []
    await database.declare({"items": BOTH}, told.append)
    assert told == [Backfill("items", "by_name", done, 9) for done in (4, 8, 9)]


async def interrupted(
    database: Database, pausing: Pausing, tables: dict[str, DeclaredTable]
) -> None:
    """A declaration that ends, as the process of its database would, after a step."""
    hold = pausing.hold(PausePoint.INDEX_STEPPED)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.declare, tables)
        await hold.wait_reached()
        tasks.cancel_scope.cancel()


async def test_filling_goes_on_where_it_was_interrupted(
    database: Database, pausing: Pausing, store: Store
) -> None:
    await fill(database, 9)
    await interrupted(database, pausing, {"items": DeclaredTable(BOTH)})
    await insert(database, rank=0.5, name="meanwhile")
    async with opened(store, seed=1) as again:
        told: list[Backfill] = []
        await again.declare({"items": BOTH}, told.append)
        assert [each.done for each in told] == [8, 10]
        await assert_agrees(again)


async def test_an_index_that_nobody_wants_any_more_is_not_filled_to_the_end(
    database: Database, pausing: Pausing
) -> None:
    await fill(database, 9)
    await interrupted(database, pausing, {"items": DeclaredTable(BOTH)})
    await database.declare({"items": BY_RANK})
    table = database.catalog.table("items")
    assert database.catalog.indexes_of(table.number) == tuple(table.indexes.values())
    await database.declare({"items": BOTH})
    await assert_agrees(database)


async def test_two_processes_may_declare_the_same_at_once(database: Database, store: Store) -> None:
    await fill(database, 30)
    shape = Shape(("name",))
    async with opened(store, seed=1) as other:
        async with anyio.create_task_group() as tasks:
            for each in (database, other):
                tasks.start_soon(each.declare, {"items": shape.table(BOTH), "more": shape.table()})
        await database.refresh()
        await other.refresh()
        assert database.catalog.tables == other.catalog.tables
        assert {table.name for table in database.catalog.tables} == {"items", "more"}
        await assert_agrees(database)
        await assert_agrees(other)


async def test_two_processes_that_declare_different_things_end_with_one_of_them(
    database: Database, store: Store
) -> None:
    await fill(database, 30)
    texts = ("name",), ("rank",)
    async with opened(store, seed=1) as other:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(database.declare, {"items": Shape(texts[0]).table(BOTH)})
            tasks.start_soon(other.declare, {"items": Shape(texts[1]).table()})
        await database.refresh()
        await other.refresh()
        assert database.catalog.tables == other.catalog.tables
        assert database.catalog.table("items").shape in [
            Shape(each).declared().text for each in texts
        ]
        for index in database.catalog.table("items").indexes:
            assert len(await names_by(database, index)) == 30


@pytest.mark.parametrize("seed", range(6))
async def test_writers_never_wait_for_an_index_and_end_in_it(database: Database, seed: int) -> None:
    chooser = random.Random(seed)
    ids = await fill(database, 20)
    table = database.catalog.table("items").number
    is_declared = anyio.Event()

    async def write() -> None:
        for number in range(15):
            transaction = database.begin()
            change = chooser.randrange(3)
            if change == 0 or not ids:
                await transaction.insert(table, {"rank": 1.0, "name": f"new {number:02}"})
            elif change == 1:
                name = f"changed {chooser.randrange(100):02}"
                await transaction.replace(table, chooser.choice(ids), {"rank": 2.0, "name": name})
            else:
                await transaction.delete(table, chooser.choice(ids))
            try:
                await database.commit(transaction)
            except Conflict:
                continue
            for _ in range(chooser.randrange(4)):
                await anyio.lowlevel.checkpoint()

    async def declare() -> None:
        await database.declare({"items": Shape(("name",)).table(BOTH)})
        is_declared.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(declare)
        for _ in range(3):
            tasks.start_soon(write)
    assert is_declared.is_set()
    await assert_agrees(database)
