"""Fields that become the timestamp of the commit that writes them."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import anyio
import pytest
from pydantic import BaseModel

from confect_core import COMMIT_TS, CommitTs, Index, Table
from confect_core.values import BigInt, Value, dumps
from confect_core.values.codec import Codec
from confect_core.values.commit_ts import PENDING_COMMIT_TS
from confect_core.values.errors import UnsettledCommitTs
from confect_server import Range, field_of
from confect_server.db import DataModel, OpenTables
from confect_server.engine import Database
from tests.server.db.opened import Clock, Opened
from tests.server.stores import STORE_KINDS, StoreKind, new_store


class Edit(BaseModel):
    by: str
    at: CommitTs = COMMIT_TS


class Entry(Table, name="entries"):
    text: str
    at: CommitTs = COMMIT_TS
    edits: tuple[Edit, ...] = ()
    checked_at: CommitTs | None = None
    by_at = Index("at")


MODEL = DataModel((Entry,))


@asynccontextmanager
async def entries(kind: StoreKind, folder: Path) -> AsyncGenerator[Opened]:
    store = new_store(kind, folder)
    async with Database.open(store, Clock(), random.Random(0).randbytes) as database:
        await database.declare(MODEL.declared)
        yield Opened(database, OpenTables.of(MODEL.tables, database.catalog))


@pytest.fixture(params=STORE_KINDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Opened]:
    async with entries(cast("StoreKind", request.param), tmp_path) as opened:
        yield opened


async def test_the_field_becomes_the_timestamp_of_the_commit(world: Opened) -> None:
    async with world.writing() as db:
        id = await db.table(Entry).insert(text="a", edits=(Edit(by="ada"), Edit(by="bob", at=5)))
    entry = await world.db.table(Entry).get(id)
    assert entry is not None
    assert entry.at == world.database.newest_ts
    assert [edit.at for edit in entry.edits] == [entry.at, 5]
    assert entry.checked_at is None


async def test_what_is_left_alone_stays_and_what_is_written_anew_moves_on(world: Opened) -> None:
    async with world.writing() as db:
        id = await db.table(Entry).insert(text="a")
    made_at = world.database.newest_ts
    async with world.writing() as db:
        await db.table(Entry).change(id, {"text": "b", "checked_at": COMMIT_TS})
    entry = await world.db.table(Entry).get(id)
    assert entry is not None
    assert (entry.at, entry.checked_at) == (made_at, world.database.newest_ts)
    async with world.writing() as db:
        await db.table(Entry).change(id, {"at": COMMIT_TS})
    assert [each.id for each in await world.db.table(Entry).by("by_at", at=made_at).collect()] == []
    moved = world.db.table(Entry).by("by_at", at=world.database.newest_ts)
    assert [each.id for each in await moved.collect()] == [id]


async def test_before_the_commit_it_is_after_everything(world: Opened) -> None:
    async with world.writing() as db:
        await db.table(Entry).insert(text="a")
    async with world.writing() as db:
        table = db.table(Entry)
        id = await table.insert(text="b")
        found = await table.by("by_at").collect()
        assert [entry.text for entry in found] == ["a", "b"]
        assert found[1].at == COMMIT_TS
        newer = table.query().filter(field_of(Entry, lambda entry: entry.at) > found[0].at)
        assert [entry.text for entry in await newer.collect()] == ["b"]
        await table.change(id, {"text": "c"})  # it still waits
        await table.delete(await table.insert(text="gone"))
    assert [each.text for each in await world.db.table(Entry).by("by_at").collect()] == ["a", "c"]


async def test_timestamps_are_in_the_order_of_the_commits(world: Opened) -> None:
    stamps: dict[str, int] = {}

    async def insert(text: str) -> None:
        transaction = world.database.begin()
        table = world.tables.by_name["entries"]
        fields = cast("dict[str, Value]", table.codec.encode(Entry(text=text)))
        fields = {name: value for name, value in fields.items() if not name.startswith("_")}
        await transaction.insert(table.number, fields)
        stamps[text] = await world.database.commit(transaction)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(insert, str(number))
    found = await world.db.table(Entry).by("by_at").collect()
    assert [entry.text for entry in found] == sorted(stamps, key=lambda text: stamps[text])
    assert {entry.text: entry.at for entry in found} == stamps
    later = world.db.table(Entry).by("by_at", at=Range(gt=found[9].at))
    assert await later.collect() == found[10:]


async def test_who_reads_the_newest_is_told_of_what_is_stamped(world: Opened) -> None:
    async with world.writing() as db:
        await db.table(Entry).insert(text="a")
    transaction = world.database.begin(is_read_only=True)
    index = world.tables.by_name["entries"].indexes["by_at"].definition
    query = world.db.table(Entry).by("by_at", at=Range(gt=world.database.newest_ts))
    assert [each async for each in transaction.range(index, query._interval)] == []
    told: list[int] = []
    world.database.subscribe(transaction.reads, transaction.begin_ts, told.append)
    async with world.writing() as db:
        await db.table(Entry).insert(text="b")
    assert told == [world.database.newest_ts]


async def test_it_is_no_bound_of_an_index_and_no_constant_of_a_filter(world: Opened) -> None:
    with pytest.raises(UnsettledCommitTs):
        world.db.table(Entry).by("by_at", at=COMMIT_TS)
    with pytest.raises(UnsettledCommitTs):
        _ = field_of(Entry, lambda entry: entry.at) < COMMIT_TS


def test_it_is_no_argument_and_no_result() -> None:
    travelling = Codec(Edit, what="returns")
    assert travelling.encode(Edit(by="ada", at=5)) == {"by": "ada", "at": BigInt(5)}
    assert travelling.decode({"by": "ada", "at": BigInt(5)}) == Edit(by="ada", at=5)
    with pytest.raises(UnsettledCommitTs, match="still to be made"):
        travelling.encode(Edit(by="ada"))
    with pytest.raises(UnsettledCommitTs):
        travelling.decode({"by": "ada", "at": BigInt(COMMIT_TS)})
    with pytest.raises(UnsettledCommitTs):
        dumps({"at": PENDING_COMMIT_TS})
