"""What `schema_diff` says of one version of an application on the database of another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field, model_serializer

from confect_core import Id, Index, Table
from confect_server.db import DataModel
from confect_server.db.schema_diff import (
    FieldChange,
    IndexChange,
    SchemaDiff,
    StoredIndex,
    StoredTable,
    TableDiff,
    fields_of,
    schema_diff,
    stored_tables,
)
from tests.server.db.opened import opened
from tests.server.db.test_description import DIFFERENT, Address, Colour, Tree, made, of


def named_check(text: str) -> str:
    return text


class Room(Table, name="rooms"):
    title: str


class Note(Table, name="notes"):
    text: str
    room: Id[Room]
    by_room = Index("room")
    by_text = Index("text")


class LaterNote(Table, name="notes"):
    text: Annotated[str, Field(max_length=10)]
    author: str | None = None
    by_text = Index("text", "author")
    by_author = Index("author")


class MoreOfNote(Note, name="notes"):
    likes: int = 0


class Message(Table, name="messages", discriminator="kind"):
    room: Id[Room]


class Text(Message):
    kind: Literal["text"] = "text"
    body: str


class LaterMessage(Table, name="messages", discriminator="kind"):
    room: Id[Room]


class LaterText(LaterMessage):
    kind: Literal["text"] = "text"
    body: str
    bold: bool


class Image(LaterMessage):
    kind: Literal["image"] = "image"
    url: str


def stored(table: type[Table], documents: int = 0) -> dict[str, StoredTable]:
    """The table as a database has it after it was declared."""
    return {
        name: StoredTable(
            None if each.shape is None else each.shape.text,
            tuple(StoredIndex(index, fields) for index, fields in each.indexes.items()),
            documents,
        )
        for name, each in DataModel((table,)).declared.items()
    }


def diff(before: dict[str, StoredTable], *tables: type[Table]) -> Sequence[TableDiff]:
    return schema_diff(before, DataModel(tables).declared).tables


def only(before: dict[str, StoredTable], *tables: type[Table]) -> TableDiff:
    (found,) = diff(before, *tables)
    return found


def test_what_is_as_it_is_declared_does_not_change() -> None:
    assert diff({**stored(Note, 3), **stored(Room)}, Note, Room) == ()


def test_a_new_table_comes_with_its_fields_and_indexes() -> None:
    found = only({}, Note)

    assert (found.sign, found.documents, found.is_validated, found.is_filled) == (
        "+",
        0,
        False,
        False,
    )
    assert found.fields == (
        FieldChange("+", "room", None, "id of rooms"),
        FieldChange("+", "text", None, "string"),
    )
    assert found.indexes == (
        IndexChange("+", "by_room", None, ("room",)),
        IndexChange("+", "by_text", None, ("text",)),
    )


def test_a_table_that_is_no_longer_declared_is_named_with_its_documents() -> None:
    assert only(stored(Note, 3)) == TableDiff("-", "notes", 3)


def test_a_table_that_was_never_declared_is_no_change() -> None:
    assert diff({"drafts": StoredTable(None, (), 3)}) == ()


def test_a_table_is_declared_that_functions_made_before() -> None:
    found = only({"notes": StoredTable(None, (), 3)}, Note)

    assert found.sign == "~"
    assert found.is_validated
    assert [each.name for each in found.fields] == ["room", "text"]


def test_fields_and_indexes_that_change_are_told_with_what_they_were() -> None:
    found = only(stored(Note, 3), LaterNote)

    assert found.fields == (
        FieldChange("+", "author", None, "string | null, optional"),
        FieldChange("-", "room", "id of rooms", None),
        FieldChange("~", "text", "string", "string (max_length 10)"),
    )
    assert found.indexes == (
        IndexChange("+", "by_author", None, ("author",)),
        IndexChange("-", "by_room", ("room",), None),
        IndexChange("~", "by_text", ("text",), ("text", "author")),
    )
    assert found.is_validated


def test_variants_are_told_apart() -> None:
    found = only(stored(Message, 3), LaterMessage)

    assert [(each.variant, each.sign, each.name) for each in found.fields] == [
        ("image", "+", "kind"),
        ("image", "+", "room"),
        ("image", "+", "url"),
        ("text", "+", "bold"),
    ]


def test_documents_are_validated_only_if_one_may_not_fit() -> None:
    assert only(stored(Note, 3), LaterNote).is_validated
    assert not only(stored(Note, 0), LaterNote).is_validated
    assert not only(stored(Note, 3), MoreOfNote).is_validated


def test_what_has_to_be_done_is_counted() -> None:
    found = schema_diff({**stored(Note, 3), **stored(Message, 4)}, DataModel((LaterNote,)).declared)

    assert found.documents_to_validate == 3
    assert found.indexes_to_fill == 2
    assert SchemaDiff(()).documents_to_validate == SchemaDiff(()).indexes_to_fill == 0


def test_a_validator_with_other_code_is_a_change_of_its_field() -> None:
    def version(limit: int) -> type[Table]:
        def check(text: str) -> str:
            assert len(text) < limit
            return text

        class Checked(Table, name="notes"):
            text: Annotated[str, AfterValidator(check)]

        return Checked

    (changed,) = only(stored(version(3), 1), version(4)).fields

    assert changed.sign == "~"
    assert changed.was == changed.now


def test_a_half_filled_index_is_to_be_filled_or_to_be_removed() -> None:
    table = stored(Note, 3)["notes"]
    half_filled = StoredTable(
        table.shape,
        (
            StoredIndex("by_room", ("room",), is_ready=False),
            StoredIndex("by_text", ("text",)),
            StoredIndex("by_text", ("text", "room"), is_ready=False),
        ),
        3,
    )

    assert only({"notes": half_filled}, Note).indexes == (
        IndexChange("+", "by_room", None, ("room",)),
        IndexChange("-", "by_text", ("text", "room"), None),
    )


def test_the_diff_is_json() -> None:
    found = schema_diff(stored(Note, 3), DataModel((LaterNote,)).declared).as_json()

    assert json.loads(json.dumps(found)) == found | {
        "tables": json.loads(json.dumps(found["tables"]))
    }
    assert found["documents_to_validate"] == 3


def test_the_fields_of_a_description_can_be_read() -> None:
    (described,) = stored(LaterMessage).values()

    assert fields_of(described.shape or "")["image"] == {
        "kind": '"image", optional',
        "room": "id of rooms",
        "url": "string",
    }


@pytest.mark.parametrize(
    "annotation", [*DIFFERENT, made(**{f"f{each}": str for each in range(4000)})]
)
def test_every_type_can_be_read(annotation: object) -> None:
    fields = fields_of(of(annotation))[None]

    assert all(text and "#" not in text for text in fields.values())


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (list[str | None], "array of (string | null)"),
        (dict[str, list[Colour]], 'record of array of "blue" | "red"'),
        (tuple[str, float], "tuple of (string, float64)"),
        (Address, "{city: string, street?: string | null}"),
        (Tree, "{children?: array of the same again, value: string}"),
        (Annotated[int, Field(ge=3)], "integer (ge 3)"),
        (
            Annotated[str, AfterValidator(named_check)],
            f"string (checked by {__name__}.named_check)",
        ),
    ],
)
def test_types_are_written_as_people_read_them(annotation: object, text: str) -> None:
    assert fields_of(of(annotation))[None]["held"] == text


def test_a_table_that_writes_itself_is_told_as_a_whole() -> None:
    class Sealed(Table, name="notes"):
        text: str

        @model_serializer
        def sealed(self) -> dict[str, str]:
            return {"text": self.text}

    fields = only(stored(Room, 1) | stored(MoreOfNote, 1), Sealed, Room).fields

    assert [(each.sign, each.name) for each in fields] == [
        ("+", "(all of it)"),
        ("-", "likes"),
        ("-", "room"),
        ("-", "text"),
    ]


async def test_a_database_tells_what_it_has() -> None:
    async with opened(DataModel((Note, Room))) as there:
        found = stored_tables(there.database.catalog, {"notes": 3, "rooms": 0})

    assert found == {**stored(Note, 3), **stored(Room)}
