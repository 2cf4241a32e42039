"""Tables that no class declares: made by their first document, read and written as dictionaries."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from pydantic import BaseModel

from confect_core import ABSENT, COMMIT_TS, CommitTs, PaginationOptions
from confect_core.spec.errors import BadName
from confect_core.values import BigInt, Value, encode_id
from confect_core.values.codec import Mismatch
from confect_server import Expr, field_of
from confect_server.db import (
    Cursors,
    DataModel,
    OpenTables,
    Paging,
    UndeclaredDocument,
    UndeclaredTablesReader,
    UndeclaredTablesWriter,
)
from confect_server.engine import Conflict, Database, Transaction
from confect_server.errors import DeclaredTable, NoSuchDocument, WrongTable
from confect_server.settings import Memory, Settings, Sharing
from confect_server.store import SqliteStore, Store
from tests.server.db.opened import User
from tests.server.db.opened import opened as opened_with_declared_only
from tests.server.stores import STORE_KINDS, StoreKind, new_store
from tests.server.stores import opened as opened_database

MODEL = DataModel((User,), UndeclaredTablesReader, UndeclaredTablesWriter)


@dataclass
class Opened:
    """A database whose tables may be undeclared."""

    database: Database

    @property
    def db(self) -> UndeclaredTablesReader:
        """The newest snapshot."""
        transaction = self.database.begin(is_read_only=True)
        return UndeclaredTablesReader(transaction, self.tables, self.paging)

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[UndeclaredTablesWriter]:
        """A transaction, which commits in the end."""
        transaction = self.database.begin()
        yield self.writer(transaction)
        await self.database.commit(transaction)

    def writer(self, transaction: Transaction) -> UndeclaredTablesWriter:
        """What a mutation is given."""
        return UndeclaredTablesWriter(transaction, self.tables, self.paging)

    @property
    def tables(self) -> OpenTables:
        """The tables that are declared."""
        return OpenTables.of(MODEL.tables, self.database.catalog)

    @property
    def paging(self) -> Paging:
        """What a run of a function knows of pages."""
        return Paging(Cursors(self.database.incarnation))

    async def names(self) -> list[str]:
        """The tables that there are; those of one moment are in no order."""
        return sorted([table.name async for table in self.db.system.tables])


@asynccontextmanager
async def opened(store: Store, seed: int = 0) -> AsyncGenerator[Opened]:
    async with opened_database(store, seed=seed) as database:
        await database.declare(MODEL.declared)
        yield Opened(database)


@pytest.fixture(params=STORE_KINDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Opened]:
    kind: StoreKind = request.param
    async with opened(new_store(kind, tmp_path)) as world:
        yield world


def fields_of(documents: Sequence[UndeclaredDocument]) -> list[dict[str, Value]]:
    return [
        {name: value for name, value in document.items() if not name.startswith("_")}
        for document in documents
    ]


async def test_the_first_document_makes_the_table(world: Opened) -> None:
    assert await world.db.undeclared_table("events").query().collect() == []
    async with world.writing() as db:
        events = db.undeclared_table("events")
        first = await events.insert({"kind": "click", "at": 3, "tags": ["a"], "size": BigInt(7)})
        assert await events.get(first) is not None
        assert len(await events.query().collect()) == 1
        await events.insert({"kind": "key"})
    assert await world.names() == ["events", "users"]
    events_after = world.db.undeclared_table("events")
    found = await events_after.query().collect()
    assert fields_of(found) == [
        {"kind": "click", "at": 3.0, "tags": ["a"], "size": BigInt(7)},
        {"kind": "key"},
    ]
    assert found[0]["_id"] == first
    assert isinstance(found[0]["_creationTime"], float)
    assert await events_after.get(first) == found[0]


async def test_documents_are_changed_and_deleted(world: Opened) -> None:
    async with world.writing() as db:
        events = db.undeclared_table("events")
        kept, gone = await events.insert({"a": 1, "b": 2}), await events.insert({})
    before = await world.db.undeclared_table("events").get(kept)
    async with world.writing() as db:
        events = db.undeclared_table("events")
        await events.patch(kept, {"a": ABSENT, "c": None})
        await events.delete(gone)
    after = await world.db.undeclared_table("events").get(kept)
    assert before is not None
    assert after is not None
    assert {**before, "a": 0, "c": 0}.keys() - {"a"} == after.keys()
    assert (after["b"], after["c"], after["_id"]) == (2.0, None, kept)
    async with world.writing() as db:
        await db.undeclared_table("events").replace(kept, {**before, "d": True})
    (replaced,) = await world.db.undeclared_table("events").query().collect()
    assert replaced == {**before, "d": True}


async def test_a_table_is_gone_with_the_transaction_that_was_to_make_it(world: Opened) -> None:
    transaction = world.database.begin()
    await world.writer(transaction).undeclared_table("events").insert({"a": 1})
    assert await world.names() == ["users"]
    async with world.writing() as db:
        await db.undeclared_table("others").insert({"a": 1})
    assert await world.names() == ["others", "users"]
    with pytest.raises(Conflict):
        await world.database.commit(transaction)
    assert await world.names() == ["others", "users"]


async def test_of_two_that_make_the_same_table_one_loses(world: Opened) -> None:
    async def attempt(transaction: Transaction, name: str) -> None:
        await world.writer(transaction).undeclared_table("events").insert({"by": name})

    one, other = world.database.begin(), world.database.begin()
    await attempt(one, "one")
    await attempt(other, "other")
    await world.database.commit(one)
    with pytest.raises(Conflict):
        await world.database.commit(other)
    again = world.database.begin()
    await attempt(again, "other")
    await world.database.commit(again)
    assert await world.names() == ["events", "users"]
    found = await world.db.undeclared_table("events").query().collect()
    assert sorted(str(document["by"]) for document in found) == ["one", "other"]


async def test_who_read_a_table_before_it_was_there_is_told(world: Opened) -> None:
    told: list[int] = []
    transaction = world.database.begin(is_read_only=True)
    db = UndeclaredTablesReader(transaction, world.tables, world.paging)
    assert await db.undeclared_table("events").query().first() is None
    world.database.subscribe(transaction.reads, transaction.begin_ts, told.append)
    async with world.writing() as writer:
        await writer.undeclared_table("events").insert({})
    assert len(told) == 1


async def test_documents_are_read_in_pages(world: Opened) -> None:
    options = PaginationOptions(num_items=2)
    empty = await world.db.undeclared_table("events").query().paginate(options)
    assert (empty.page, empty.is_done) == ([], True)
    async with world.writing() as db:
        for number in range(3):
            await db.undeclared_table("events").insert({"number": number})
    first = await world.db.undeclared_table("events").query().paginate(options)
    assert fields_of(first.page) == [{"number": 0.0}, {"number": 1.0}]
    following = PaginationOptions(num_items=2, cursor=first.continue_cursor)
    second = await world.db.undeclared_table("events").query().paginate(following)
    assert fields_of(second.page) == [{"number": 2.0}]
    assert second.is_done


async def test_another_process_knows_the_table(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    async with opened(SqliteStore(path)) as one, opened(SqliteStore(path), seed=1) as other:
        async with one.writing() as db:
            id = await db.undeclared_table("events").insert({"by": "one"})
        await other.database.refresh()
        assert await other.db.undeclared_table("events").get(id) is not None
        async with other.writing() as db:
            await db.undeclared_table("events").insert({"by": "other"})
        await one.database.refresh()
        found = await one.db.undeclared_table("events").query().collect()
        assert sorted(str(document["by"]) for document in found) == ["one", "other"]
    async with opened(SqliteStore(path)) as again:
        assert len(await again.db.undeclared_table("events").query().collect()) == 2


async def test_what_is_declared_later_keeps_its_documents(world: Opened) -> None:
    async with world.writing() as db:
        await db.undeclared_table("posts").insert({"text": "hi"})
    number = world.database.catalog.table("posts").number
    await world.database.declare({"users": {}, "posts": {"by_text": ("text",)}})
    assert world.database.catalog.table("posts").number == number


async def test_ids_of_other_tables_are_refused(world: Opened) -> None:
    async with world.writing() as db:
        user: str = await db.table(User).insert(name="Ada", age=1)
        event = await db.undeclared_table("events").insert({})
        other = await db.undeclared_table("others").insert({})
        events = db.undeclared_table("events")
        assert events.normalize_id(event) == event
        for id in (user, other, "no id"):
            assert events.normalize_id(id) is None
        for id, table in ((user, "'users'"), (other, "'number "), (encode_id(9, bytes(16)), "9'")):
            with pytest.raises(WrongTable, match=table):
                await events.get(id)
            with pytest.raises(WrongTable):
                await events.delete(id)
        with pytest.raises(WrongTable):
            await db.undeclared_table("nothing").get(event)
        await events.delete(event)
        for refused in (events.patch(event, {}), events.replace(event, {}), events.delete(event)):
            with pytest.raises(NoSuchDocument):
                await refused


async def test_names_that_are_taken_or_cannot_be_are_refused(world: Opened) -> None:
    with pytest.raises(DeclaredTable, match="'users' is a declared table"):
        world.db.undeclared_table("users")
    for name in ("_tables", "a-b", ""):
        with pytest.raises(BadName):
            world.db.undeclared_table(name)


async def test_what_cannot_be_stored_is_refused_and_makes_no_table(world: Opened) -> None:
    async with world.writing() as db:
        for wrong in ({"at": object()}, {1: 2}):
            with pytest.raises(Mismatch):
                await db.undeclared_table("events").insert(cast("Any", wrong))
    assert await world.names() == ["users"]


async def test_undeclared_tables_are_there_for_those_only_who_ask() -> None:
    async with opened_with_declared_only() as world, world.writing() as db:
        assert not hasattr(world.db, "undeclared_table")
        assert not hasattr(db, "undeclared_table")
    async with opened(new_store("memory", Path())) as other:
        assert not hasattr(other.db.undeclared_table("events"), "insert")


async def test_a_part_that_is_undone_takes_the_table_that_it_made_with_it(world: Opened) -> None:
    transaction = world.database.begin()

    async def fail() -> None:
        async with transaction.nested() as part:
            await world.writer(part).undeclared_table("events").insert({"by": "part"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await world.writer(transaction).undeclared_table("events").insert({"by": "whole"})
    await world.database.commit(transaction)
    assert await world.names() == ["events", "users"]
    found = await world.db.undeclared_table("events").query().collect()
    assert fields_of(found) == [{"by": "whole"}]


async def test_documents_are_counted_without_being_read(world: Opened) -> None:
    assert await world.db.undeclared_table("events").count() == 0
    async with world.writing() as db:
        events = db.undeclared_table("events")
        assert await events.count() == 0
        gone = await events.insert({})
        for _ in range(2):
            await events.insert({})
        assert await events.count() == 3
    async with world.writing() as db:
        await db.undeclared_table("events").delete(gone)
    assert await world.db.undeclared_table("events").count() == 2


async def test_who_counts_a_table_before_it_is_there_is_told(world: Opened) -> None:
    told: list[int] = []
    transaction = world.database.begin(is_read_only=True)
    db = UndeclaredTablesReader(transaction, world.tables, world.paging)
    assert await db.undeclared_table("events").count() == 0
    world.database.subscribe(transaction.reads, transaction.begin_ts, told.append)
    async with world.writing() as writer:
        await writer.undeclared_table("events").insert({})
    assert len(told) == 1


async def test_a_field_becomes_the_timestamp_of_the_commit(world: Opened) -> None:
    async with world.writing() as db:
        events = db.undeclared_table("events")
        id = await events.insert({"at": COMMIT_TS, "edits": [{"at": COMMIT_TS}], "big": BigInt(5)})
        await events.patch(id, {"kind": "click"})  # it still waits
    made_at = BigInt(world.database.newest_ts)
    found = await world.db.undeclared_table("events").query().collect()
    assert fields_of(found) == [
        {"at": made_at, "edits": [{"at": made_at}], "big": BigInt(5), "kind": "click"}
    ]
    async with world.writing() as db:
        await db.undeclared_table("events").patch(id, {"at": COMMIT_TS})
    moved = await world.db.undeclared_table("events").get(id)
    assert moved is not None
    assert moved["at"] == BigInt(world.database.newest_ts) != made_at
    assert moved["edits"] == [{"at": made_at}]


class Event(BaseModel):
    """What a program expects of the documents of a table that nobody declared."""

    kind: str
    size: int | None = None
    at: CommitTs = COMMIT_TS


async def test_documents_are_filtered_by_expressions_over_what_is_expected(world: Opened) -> None:
    kind, size = (
        field_of(Event, lambda event: event.kind),
        field_of(Event, lambda event: event.size),
    )
    async with world.writing() as db:
        events = db.undeclared_table("events")
        await events.insert({"kind": "click", "size": 3, "at": COMMIT_TS})
        await events.insert({"kind": "click", "at": COMMIT_TS})
    first = world.database.newest_ts
    async with world.writing() as db:
        await db.undeclared_table("events").insert({"size": 3, "at": COMMIT_TS})

    async def sizes(condition: Expr[bool]) -> list[Value | None]:
        found = world.db.undeclared_table("events").query().filter(condition)
        return [document.get("size") for document in await found.collect()]

    assert await sizes(kind == "click") == [3.0, None]
    assert await sizes(size == 3) == [3.0, 3.0]
    assert await sizes((kind == "click") & (size == None)) == [None]  # noqa: E711
    assert await sizes(field_of(Event, lambda event: event.at) > first) == [3.0]


async def test_first_documents_that_wait_for_the_same_part_make_one_table(world: Opened) -> None:
    transaction = world.database.begin()
    whole = world.writer(transaction).undeclared_table("events")

    async def insert_in_a_part() -> None:
        async with transaction.nested() as part:
            await anyio.lowlevel.checkpoint()
            await world.writer(part).undeclared_table("others").insert({})
            await anyio.lowlevel.checkpoint()

    async def insert(number: int) -> None:
        await whole.insert({"number": number})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(insert_in_a_part)
        for number in range(3):
            tasks.start_soon(insert, number)
    await world.database.commit(transaction)
    assert await world.names() == ["events", "others", "users"]
    assert await world.db.undeclared_table("events").count() == 3


async def test_a_table_is_made_once_whoever_waits_for_a_part_meanwhile(world: Opened) -> None:
    transaction = world.database.begin()
    has_begun, may_end = anyio.Event(), anyio.Event()

    async def insert(by: str) -> None:
        await world.writer(transaction).undeclared_table("events").insert({"by": by})

    async def insert_in_a_part() -> None:
        async with transaction.nested() as part:
            has_begun.set()
            await may_end.wait()
            await world.writer(part).undeclared_table("events").insert({"by": "part"})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(insert_in_a_part)
        await has_begun.wait()
        tasks.start_soon(insert, "one")
        tasks.start_soon(insert, "other")
        await anyio.wait_all_tasks_blocked()
        may_end.set()
    await world.database.commit(transaction)
    assert await world.names() == ["events", "users"]
    found = await world.db.undeclared_table("events").query().collect()
    assert sorted(str(each["by"]) for each in found) == ["one", "other", "part"]


async def test_patches_of_one_document_at_once_are_all_there(tmp_path: Path) -> None:
    """The store suspends, and nothing in front of it knows the document."""
    settings = Settings(memory=Memory(document_cache_bytes=0), sharing=Sharing(poll_s=None))
    store = new_store("suspending", tmp_path)
    async with opened_database(store, settings=settings) as database:
        await database.declare(MODEL.declared)
        world = Opened(database)
        async with world.writing() as db:
            user = await db.table(User).insert(name="ann", age=1)
            event = await db.undeclared_table("events").insert({"a": 0.0, "b": 0.0})
        async with world.writing() as db, anyio.create_task_group() as tasks:
            for change in ({"name": "bob"}, {"age": 2}):
                tasks.start_soon(db.table(User).change, user, change)
            for fields in ({"a": 1.0}, {"b": 1.0}):
                tasks.start_soon(db.undeclared_table("events").patch, event, fields)
        changed = await world.db.get(user)
        assert changed is not None
        assert (changed.name, changed.age) == ("bob", 2)
        found = await world.db.undeclared_table("events").query().collect()
        assert fields_of(found) == [{"a": 1.0, "b": 1.0}]
