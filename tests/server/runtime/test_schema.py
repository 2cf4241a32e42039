"""A version takes over once what is stored fits its models, and no other version writes then."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from pydantic import Field

from confect_core import Args, FunctionSpec, GroupSpec, Id, Index, NoArgs, Table
from confect_core.values import Value
from confect_server import DataModel, GroupImpl, Impl, MutationCtx, QueryCtx, impl, layers
from confect_server.db import Cursors, Paging
from confect_server.db.system import SystemReader
from confect_server.errors import SchemaRefusesDocument
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.settings import Settings, Sharing
from confect_server.store import MemoryStore


def version(*tables: type[Table]) -> Impl[Any]:
    """An application that has tables and no function."""

    class Nothing(GroupSpec):
        pass

    provided = layers()
    return Impl(provided).provide(GroupImpl("nothing", Nothing, {}, {}, DataModel(tables)))


def first() -> type[Table]:
    class Note(Table, name="notes"):
        text: str

    return Note


def with_optional() -> type[Table]:
    class Note(Table, name="notes"):
        text: str
        author: str | None = None

    return Note


def with_required() -> type[Table]:
    class Note(Table, name="notes"):
        text: str
        author: str
        by_author = Index("author")

    return Note


def without_text() -> type[Table]:
    class Note(Table, name="notes"):
        author: str | None = None

    return Note


async def insert(backend: Backend, **fields: Value) -> str:
    database = backend.database
    transaction = database.begin()
    id = await transaction.insert(database.catalog.table("notes").number, fields)
    await database.commit(transaction)
    return id


async def test_a_field_with_a_default_may_be_added() -> None:
    async with Backend.open(version(first()), MemoryStore()) as backend:
        await insert(backend, text="a")
        await backend.replace(version(with_optional()))
        assert "author" in backend.executor.application.tables.by_name["notes"].model.model_fields


@pytest.mark.parametrize(
    ("model", "problem"),
    [(with_required, "missing the required field `author`"), (without_text, "extra field `text`")],
)
async def test_a_reload_that_refuses_a_document_names_it_and_changes_nothing(
    model: Any, problem: str
) -> None:
    store = MemoryStore()
    async with Backend.open(version(first()), store) as backend:
        id = await insert(backend, text="a")
        application, head = backend.executor.application, await store.head()
        with pytest.raises(SchemaRefusesDocument, match=problem) as refused:
            await backend.replace(version(model()))
        assert id in refused.value.message
        assert "'notes'" in refused.value.message
        assert await store.head() == head
        assert backend.executor.application is application


async def test_a_start_that_refuses_a_document_fails() -> None:
    store = MemoryStore()
    async with Backend.open(version(first()), store) as backend:
        id = await insert(backend, text="a")
    with pytest.raises(SchemaRefusesDocument, match=id):
        async with Backend.open(version(with_required()), store):
            pass
    async with Backend.open(version(first()), store) as backend:
        assert list(backend.database.catalog.table("notes").indexes) == ["by_creation_time"]


async def test_a_table_declared_again_is_checked() -> None:
    async with Backend.open(version(first()), MemoryStore()) as backend:
        await insert(backend, text="a")
        await backend.replace(version())
        with pytest.raises(SchemaRefusesDocument):
            await backend.replace(version(with_required()))
        await backend.replace(version(with_optional()))


async def test_an_id_has_to_be_of_the_table_that_the_new_model_names() -> None:
    class Author(Table, name="authors"):
        name: str

    class Reader(Table, name="readers"):
        name: str

    def notes(of: Any) -> type[Table]:
        class Note(Table, name="notes"):
            by: Id[of]  # pyright: ignore[reportInvalidTypeForm]  # which one is chosen here

        return Note

    async with Backend.open(version(Author, Reader, notes(Author)), MemoryStore()) as backend:
        tables = backend.executor.application.tables.by_name
        transaction = backend.database.begin()
        author = await transaction.insert(tables["authors"].number, {"name": "Ada"})
        await transaction.insert(tables["notes"].number, {"by": author})
        await backend.database.commit(transaction)
        with pytest.raises(SchemaRefusesDocument, match="found one of table authors"):
            await backend.replace(version(Author, Reader, notes(Reader)))


class Named(Args):
    name: str


def words(*, longest: int, is_indexed: bool = False) -> Impl[Any]:
    """A version of an application whose words may be so long."""

    class Word(Table, name="words"):
        text: str = Field(max_length=longest)
        if is_indexed:
            by_text = Index("text")

    class Words(GroupSpec):
        add = FunctionSpec.public_mutation(args=Named, returns=None)
        all_ = FunctionSpec.public_query(returns=list[str])

    @impl(Words.add)
    async def add(ctx: MutationCtx, args: Named) -> None:
        await ctx.db.table(Word).insert(text=args.name)

    @impl(Words.all_)
    async def all_(ctx: QueryCtx, args: NoArgs) -> list[str]:
        index = "by_text" if is_indexed else "by_creation_time"
        return [word.text async for word in ctx.db.table(Word).by(index)]

    functions = {"add": add, "all": all_}
    return Impl(layers()).provide(GroupImpl("words", Words, functions, {}, DataModel((Word,))))


async def add(backend: Backend, name: str) -> Succeeded | Failed:
    return (await backend.executor.run_mutation("words:add", {"name": name}, CLIENT)).outcome


async def answer(backend: Backend) -> bytes:
    outcome = (await backend.queries.run("words:all", {}, CLIENT)).outcome
    assert isinstance(outcome, Succeeded), outcome
    return outcome.value


async def test_a_tightened_constraint_is_checked_and_a_loosened_one_is_not_in_the_way() -> None:
    async with Backend.open(words(longest=5), MemoryStore()) as backend:
        await add(backend, "12345")
        with pytest.raises(SchemaRefusesDocument):
            await backend.replace(words(longest=4))
        await backend.replace(words(longest=6))
        await add(backend, "123456")
        assert await answer(backend) == b'["12345","123456"]'


async def test_a_version_that_another_process_has_left_behind_writes_nothing_more() -> None:
    store = MemoryStore()
    settings = Settings(sharing=Sharing(poll_s=None))
    async with Backend.open(words(longest=9), store, settings=settings) as old:
        await add(old, "z")
        async with Backend.open(words(longest=5, is_indexed=True), store, settings=settings) as new:
            refused = await add(old, "too long")
            assert isinstance(refused, Failed)
            assert "OtherSchema" in refused.message
            assert isinstance(await add(new, "a"), Succeeded)
            await old.database.refresh()
            assert await answer(old) == b'["z","a"]'
            assert await answer(new) == b'["a","z"]'


async def test_a_reload_answers_what_is_asked_meanwhile() -> None:
    async with Backend.open(words(longest=9), MemoryStore()) as backend:
        for number in range(30):
            await add(backend, f"{number:02}")
        told: list[int] = []
        subscribed = await backend.queries.run("words:all", {}, CLIENT)
        backend.database.subscribe(subscribed.reads, subscribed.ts, told.append)

        async def ask() -> None:
            for number in range(30, 60):
                assert isinstance(await add(backend, f"{number:02}"), Succeeded)
                assert b'"00"' in await answer(backend)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            tasks.start_soon(backend.replace, words(longest=9, is_indexed=True))
        assert len(told) == 1
        expected = ",".join(f'"{number:02}"' for number in range(60))
        assert await answer(backend) == f"[{expected}]".encode()


async def test_what_is_being_changed_can_be_read_as_system_tables() -> None:
    async with Backend.open(words(longest=9, is_indexed=True), MemoryStore()) as backend:
        transaction = backend.database.begin(is_read_only=True)
        system = SystemReader(transaction, Paging(Cursors(backend.database.incarnation)))
        (table,) = await system.tables.collect()
        assert (table.name, table.shape) == ("words", backend.database.catalog.table("words").shape)
        indexes = await system.indexes.collect()
        assert [(index.name, index.table, index.state) for index in indexes] == [
            ("by_creation_time", table.number, "ready"),
            ("by_text", table.number, "ready"),
        ]
        assert await system.backfills.collect() == []
