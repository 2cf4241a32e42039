"""Documents by their ids: inserting, reading, changing and deleting them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from confect_core import ABSENT, Id
from confect_core.values import MalformedId, encode_id
from confect_server.db import UNCHANGED, DatabaseWriter
from confect_server.errors import NoSuchDocument, UnknownTable, WrongTable
from tests.server.db.opened import Address, Post, Undeclared, User, opened


async def new_user(db: DatabaseWriter, name: str = "Ada", age: int = 36) -> Id[User]:
    return await db.table(User).insert(name=name, age=age)


async def test_an_inserted_document_has_an_id_and_a_time() -> None:
    async with opened() as world:
        async with world.writing() as db:
            id = await db.table(User).insert(name="Ada", age=36, home=Address(city="London"))
            seen = await db.get(id)
        user = await world.db.get(id)
        assert user is not None
        assert (user.id, user.name, user.age) == (id, "Ada", 36)
        assert user.home == Address(city="London")
        assert user.creation_time > 1_767_225_600_000
        assert user == seen


async def test_documents_are_created_in_order() -> None:
    async with opened() as world:
        async with world.writing() as db:
            ids = [await new_user(db, str(number)) for number in range(5)]
        users = await world.db.table(User).query().collect()
        assert [user.id for user in users] == ids
        times = [user.creation_time for user in users]
        assert times == sorted(set(times))


async def test_what_is_not_there_is_none() -> None:
    async with opened() as world:
        async with world.writing() as db:
            id = await new_user(db)
            await db.delete(id)
            assert await db.get(id) is None
        assert await world.db.get(id) is None
        assert await world.db.table(User).get(id) is None


async def test_nothing_is_seen_before_the_commit() -> None:
    async with opened() as world, world.writing() as db:
        id = await new_user(db)
        assert await world.db.get(id) is None


async def test_a_change_leaves_the_rest_as_it_was() -> None:
    async with opened() as world:
        async with world.writing() as db:
            id = await db.table(User).insert(name="Ada", age=36, nickname="A", score=1.5)
        before = await world.db.get(id)
        async with world.writing() as db:
            await db.table(User).change(id, {"age": 37, "name": UNCHANGED})
        after = await world.db.get(id)
        assert before is not None
        assert after == before.model_copy(update={"age": 37})


async def test_an_optional_field_is_removed_by_its_default() -> None:
    async with opened() as world:
        async with world.writing() as db:
            id = await db.table(User).insert(name="Ada", age=36, nickname="A", score=None)
            await db.table(User).change(id, {"nickname": None, "score": ABSENT})
        user = await world.db.get(id)
        assert user is not None
        assert (user.nickname, user.score) == (None, ABSENT)
        async with world.writing() as db:
            await db.table(User).change(id, {"score": None})
        user = await world.db.get(id)
        assert user is not None
        assert user.score is None


async def test_a_replaced_document_keeps_its_id_and_its_time_only() -> None:
    async with opened() as world:
        async with world.writing() as db:
            id = await db.table(User).insert(name="Ada", age=36, nickname="A")
        before = await world.db.get(id)
        async with world.writing() as db:
            await db.table(User).replace(id, name="Bea", age=3)
        after = await world.db.get(id)
        assert before is not None
        assert after is not None
        assert (after.name, after.age, after.nickname) == ("Bea", 3, None)
        assert (after.id, after.creation_time) == (before.id, before.creation_time)


async def test_a_document_that_does_not_fit_is_refused() -> None:
    async with opened() as world, world.writing() as db:
        id = await new_user(db)
        users: Any = db.table(User)
        with pytest.raises(ValidationError):
            await users.insert(name="Ada")
        with pytest.raises(ValidationError):
            await users.insert(name="Ada", age="old")
        with pytest.raises(ValidationError):
            await users.insert(name="Ada", age=3, size=3)
        with pytest.raises(ValidationError):
            await users.change(id, {"age": "old"})
        with pytest.raises(ValidationError):
            await users.change(id, {"size": 3})
        with pytest.raises(ValidationError):
            await users.replace(id, name="Ada")
        assert len(await users.query().collect()) == 1


async def test_a_write_to_what_is_not_there_is_refused() -> None:
    async with opened() as world, world.writing() as db:
        id = await new_user(db)
        await db.table(User).delete(id)
        with pytest.raises(NoSuchDocument, match=f"cannot patch {id}"):
            await db.table(User).change(id, {"age": 3})
        with pytest.raises(NoSuchDocument, match=f"cannot replace {id}"):
            await db.table(User).replace(id, name="Ada", age=3)
        with pytest.raises(NoSuchDocument, match=f"cannot delete {id}"):
            await db.table(User).delete(id)
        with pytest.raises(NoSuchDocument, match=f"cannot delete {id}"):
            await db.delete(id)


async def test_an_id_of_another_table_is_refused() -> None:
    async with opened() as world, world.writing() as db:
        user: Any = await new_user(db)
        posts = db.table(Post)
        with pytest.raises(WrongTable, match="is of table 'users', not of 'posts'"):
            await posts.get(user)
        with pytest.raises(WrongTable):
            await posts.change(user, {"text": "hi"})
        with pytest.raises(WrongTable):
            await posts.replace(user, text="hi")
        with pytest.raises(WrongTable):
            await posts.delete(user)
        assert await db.get(user) is not None


async def test_an_id_of_no_table_is_refused() -> None:
    async with opened() as world, world.writing() as db:
        stranger: Any = encode_id(20_000, bytes(16))
        system: Any = encode_id(513, bytes(16))
        malformed: Any = "no id"
        for id, error in [
            (stranger, UnknownTable),
            (system, UnknownTable),
            (malformed, MalformedId),
        ]:
            with pytest.raises(error):
                await db.get(id)
            with pytest.raises(error):
                await db.table(User).get(id)
            with pytest.raises(error):
                await db.delete(id)


async def test_a_table_that_is_not_declared_is_refused() -> None:
    async with opened() as world, world.writing() as db:
        with pytest.raises(UnknownTable, match="'undeclared' is of no declared table"):
            db.table(Undeclared)
        with pytest.raises(UnknownTable):
            world.db.table(Undeclared)


async def test_text_is_normalized_to_an_id_of_the_table_or_to_none() -> None:
    async with opened() as world:
        async with world.writing() as db:
            user = await new_user(db)
        users, posts = world.db.table(User), world.db.table(Post)
        assert users.normalize_id(user) == user
        assert posts.normalize_id(user) is None
        assert users.normalize_id("no id") is None
        assert users.normalize_id(encode_id(20_000, bytes(16))) is None


async def test_the_declared_tables_are_documents_too() -> None:
    async with opened() as world:
        tables = await world.db.system.tables.collect()
        assert {table.name for table in tables} == {"users", "posts"}
        numbers = {table.name: table.number for table in tables}
        assert numbers == {name: each.number for name, each in world.tables.by_name.items()}
        assert (await world.db.system.tables.order("desc").first()) == tables[-1]


async def test_a_reader_has_no_way_to_write() -> None:
    async with opened() as world:
        for reader in (world.db, world.db.table(User), world.db.system):
            for name in ("insert", "patch", "change", "replace", "delete"):
                assert not hasattr(reader, name)


async def test_documents_refer_to_each_other() -> None:
    async with opened() as world:
        async with world.writing() as db:
            user = await new_user(db)
            post = await db.table(Post).insert(text="hi", author=user)
            await db.table(Post).insert(text="nobody's")
        read = await world.db.get(post)
        assert read is not None
        assert read.author == user
        by_ada = await world.db.table(Post).by("by_author", author=user).collect()
        assert by_ada == [read]
