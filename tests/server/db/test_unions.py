"""Tables with variants: documents of several classes, told apart by their discriminator."""

from __future__ import annotations

from typing import Any, cast

import pytest
from pydantic import ValidationError

from confect_core import ABSENT, COMMIT_TS, Id
from confect_core.table_errors import VariantIsNoTable
from confect_core.values.codec import Codec, Mismatch
from confect_server import Expr, field_of
from confect_server.db import DatabaseWriter, DataModel, Range
from confect_server.errors import NoField, UnknownVariant
from tests.server.db.opened import Opened, opened
from tests.server.db.unions import (
    AnyMessage,
    ImageMessage,
    JoinMessage,
    Message,
    Room,
    TextMessage,
)

MODEL = DataModel((Room, Message))


async def new_room(db: DatabaseWriter, title: str = "hall") -> Id[Room]:
    return await db.table(Room).insert(title=title)


async def one_of_each(world: Opened) -> list[Id[Message]]:
    async with world.writing() as db:
        room = await new_room(db)
        messages: Any = db.table(Message)
        return [
            await messages.insert(kind="text", room=room, body="hi", size=2),
            await messages.insert(kind="image", room=room, url="a.png", size=7.5),
            await messages.insert(kind="drawing", room=room, url="b.png"),
            await messages.insert(kind="join", room=room),
        ]


async def all_messages(world: Opened) -> list[AnyMessage]:
    return cast("list[AnyMessage]", await world.db.table(Message).query().collect())


def summary(message: AnyMessage) -> str:
    match message:
        case TextMessage(body=body):
            return body
        case ImageMessage(kind="image", url=url):
            return f"![{url}]"
        case ImageMessage(url=url):
            return f"~{url}~"
        case JoinMessage():
            return "joined"


async def test_a_document_is_read_as_the_variant_that_it_was_written_as() -> None:
    async with opened(MODEL) as world:
        ids = await one_of_each(world)
        found = await all_messages(world)
        assert [summary(message) for message in found] == ["hi", "![a.png]", "~b.png~", "joined"]
        assert [message.id for message in found] == ids
        assert [await world.db.get(id) for id in ids] == found
        assert [await world.db.table(Message).get(id) for id in ids] == found


async def test_documents_are_inserted_as_they_were_made() -> None:
    async with opened(MODEL) as world:
        async with world.writing() as db:
            room = await new_room(db)
            text = await db.insert(TextMessage(room=room, body="hi"))
            assert await db.get(text) == TextMessage(room=room, body="hi").model_copy(
                update={"id": text, "creation_time": (await all_of(db))[0].creation_time}
            )
            await db.insert(ImageMessage(room=room, kind="image", url="a.png"))
            await db.insert(Room(title="cellar"))
        assert [summary(message) for message in await all_messages(world)] == ["hi", "![a.png]"]
        assert len(await world.db.table(Room).query().collect()) == 2


async def all_of(db: DatabaseWriter) -> list[Message]:
    return await db.table(Message).query().collect()


async def test_a_document_of_no_variant_is_refused() -> None:
    async with opened(MODEL) as world, world.writing() as db:
        room = await new_room(db)
        messages: Any = db.table(Message)
        with pytest.raises(UnknownVariant, match="no variant of 'messages' has kind='video'"):
            await messages.insert(kind="video", room=room)
        with pytest.raises(UnknownVariant, match="kind=None"):
            await messages.insert(room=room, body="hi")
        with pytest.raises(UnknownVariant, match=r"kind=\['text'\]"):
            await messages.insert(kind=["text"], room=room, body="hi")
        with pytest.raises(ValidationError):
            await messages.insert(kind="text", room=room, url="a.png")
        with pytest.raises(Mismatch):
            await db.insert(Message(room=room))
        assert await messages.query().collect() == []


async def test_a_patch_stays_within_its_variant() -> None:
    async with opened(MODEL) as world:
        text, image, *_ = await one_of_each(world)
        async with world.writing() as db:
            messages = db.table(Message)
            await messages.change(text, {"body": "ho", "likes": 3})
            await messages.change(image, {"size": ABSENT})
            with pytest.raises(ValidationError):
                await messages.change(text, {"url": "c.png"})
        found = await all_messages(world)
        assert [summary(message) for message in found[:2]] == ["ho", "![a.png]"]
        assert [message.likes for message in found[:2]] == [3, 0]
        assert isinstance(found[1], ImageMessage)
        assert found[1].size is ABSENT


async def test_a_document_is_replaced_by_another_variant() -> None:
    async with opened(MODEL) as world:
        text, *_ = await one_of_each(world)
        before = await world.db.get(text)
        assert before is not None
        async with world.writing() as db:
            messages: Any = db.table(Message)
            await messages.replace(text, kind="image", room=before.room, url="c.png")
        after = await world.db.get(text)
        assert isinstance(after, ImageMessage)
        assert (after.id, after.creation_time) == (before.id, before.creation_time)


async def test_an_index_finds_what_only_some_variants_have() -> None:
    async with opened(MODEL) as world:
        await one_of_each(world)
        messages = world.db.table(Message)

        async def found(index: str, **bounds: object) -> list[str]:
            documents: Any = await messages.by(index, **bounds).collect()
            return [summary(document) for document in documents]

        assert await found("by_url") == ["hi", "joined", "![a.png]", "~b.png~"]
        assert await found("by_url", url=ABSENT) == ["hi", "joined"]
        assert await found("by_url", url="a.png") == ["![a.png]"]
        assert await found("by_url", url=Range(gt=ABSENT)) == ["![a.png]", "~b.png~"]
        assert await found("by_size", size=ABSENT) == ["~b.png~", "joined"]
        assert await found("by_size", size=Range(gte=2, lt=8.0)) == ["hi", "![a.png]"]
        assert await found("by_kind", kind="drawing") == ["~b.png~"]
        with pytest.raises(Mismatch):
            await found("by_kind", kind="video")


async def test_a_variant_is_no_table() -> None:
    async with opened(MODEL) as world:
        with pytest.raises(VariantIsNoTable, match="TextMessage is a variant of table 'messages'"):
            world.db.table(TextMessage)
        (mistake,) = DataModel((Room, TextMessage)).mistakes()
        assert isinstance(mistake, VariantIsNoTable)


async def test_an_id_of_a_variant_is_one_of_its_table() -> None:
    async with opened(MODEL) as world:
        text, *_ = await one_of_each(world)
        (room,) = await world.db.table(Room).query().collect()
        for annotation in (Id[Message], Id[TextMessage], Id[TextMessage | ImageMessage]):
            codec: Codec[Any] = Codec(cast("Any", annotation), what="id")
            assert codec.decode(text, world.tables) == text
            with pytest.raises(Mismatch, match="Expected an id of table messages"):
                codec.decode(room.id, world.tables)
        either: Codec[Any] = Codec(cast("Any", Id[Message | Room]), what="id")
        assert either.decode(room.id, world.tables) == room.id


@pytest.mark.parametrize("annotation", [Message, AnyMessage])
async def test_documents_travel_as_the_variants_that_they_are(annotation: Any) -> None:
    async with opened(MODEL) as world:
        await one_of_each(world)
        one: Codec[Any] = Codec(annotation, what="value")
        inside: Any = dict.__class_getitem__((str, annotation))
        several: Codec[Any] = Codec(inside, what="value")
        for message in await all_messages(world):
            assert one.decode(one.encode(message)) == message
            assert several.decode(several.encode({"it": message})) == {"it": message}
        with pytest.raises(Mismatch):
            one.decode({"kind": "video"})


async def test_documents_are_filtered_by_a_field_that_all_variants_share() -> None:
    async with opened(MODEL) as world:
        text, *_ = await one_of_each(world)
        async with world.writing() as db:
            await db.table(Message).change(text, {"likes": 3})
            other = await new_room(db, "cellar")
            await db.insert(JoinMessage(room=other, likes=5))
        likes = field_of(Message, lambda message: message.likes)
        room = field_of(Message, lambda message: message.room)
        everything = world.db.table(Message).query()
        assert [each.likes for each in await everything.filter(likes > 0).collect()] == [3, 5]
        assert [each.likes for each in await everything.filter(room == other).collect()] == [5]
        pinned = everything.filter(field_of(Message, lambda message: message.id) == text)
        assert [each.id for each in await pinned.collect()] == [text]


async def test_documents_are_filtered_by_a_field_of_one_variant() -> None:
    async with opened(MODEL) as world:
        await one_of_each(world)
        everything = world.db.table(Message).query()
        body = field_of(TextMessage, lambda message: message.body)
        size = field_of(ImageMessage, lambda message: message.size)
        kind = field_of(ImageMessage, lambda message: message.kind)

        async def found(condition: Expr[bool]) -> list[str]:
            messages = cast("list[AnyMessage]", await everything.filter(condition).collect())
            return [summary(message) for message in messages]

        assert await found(body == "hi") == ["hi"]
        assert await found(size > 0) == ["hi", "![a.png]"]
        assert await found((kind == "image") & (size > 3)) == ["![a.png]"]
        # what the other variants lack comes before every value, as in an index
        assert await found(body < "z") == ["hi", "![a.png]", "~b.png~", "joined"]
        with pytest.raises(NoField):
            field_of(Message, lambda message: cast("TextMessage", message).body)


async def test_fields_of_all_variants_and_of_one_become_the_timestamp_of_the_commit() -> None:
    async with opened(MODEL) as world:
        async with world.writing() as db:
            room = await new_room(db)
            await db.insert(TextMessage(room=room, body="hi"))
            await db.insert(JoinMessage(room=room))
        first = world.database.newest_ts
        text, join = await all_messages(world)
        assert (text.sent_at, join.sent_at) == (first, first)
        assert isinstance(join, JoinMessage)
        assert join.at == first
        async with world.writing() as db:
            await db.table(Message).change(join.id, {"at": COMMIT_TS})
            waiting = await db.table(Message).get(join.id)
            assert isinstance(waiting, JoinMessage)
            assert (waiting.sent_at, waiting.at) == (first, COMMIT_TS)
        same = await world.db.table(Message).by("by_sent_at", sent_at=first).collect()
        assert [each.id for each in same] == [text.id, join.id]
        at = field_of(JoinMessage, lambda message: message.at)
        (moved,) = await world.db.table(Message).query().filter(at > first).collect()
        assert moved.id == join.id
