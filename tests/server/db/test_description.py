"""Descriptions: the same text for the same meaning, another one for another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AnyUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    WrapValidator,
    create_model,
    field_validator,
    model_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from confect_core import Absent, CommitTs, Id, Index, Int64, Table
from confect_core.tables import definition_of
from confect_core.values.absent import ABSENT
from confect_server.db.description import describe


class Room(Table, name="rooms"):
    title: str


class Person(Table, name="persons"):
    name: str


class Address(BaseModel):
    city: str
    street: str | None = None


class AddressAgain(BaseModel):
    """Says the same in another order."""

    _cache: int = PrivateAttr(default=0)
    street: str | None = Field(default=None, description="where the bell is")
    city: str


class Strict(BaseModel):
    model_config = ConfigDict(str_max_length=10)
    city: str
    street: str | None = None


class Checked(BaseModel):
    city: str
    street: str | None = None

    @field_validator("city")
    @classmethod
    def has_a_name(cls, city: str) -> str:
        assert city
        return city


class WhollyChecked(BaseModel):
    city: str
    street: str | None = None

    @model_validator(mode="after")
    def has_a_name(self) -> WhollyChecked:
        assert self.city
        return self


class AfterInit(BaseModel):
    city: str
    street: str | None = None

    def model_post_init(self, context: object) -> None:
        assert self.city


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass
class CheckedPoint:
    x: float
    y: float = 0.0

    def __post_init__(self) -> None:
        assert self.x


class Size(TypedDict):
    width: float
    height: NotRequired[float]


class WholeSize(TypedDict):
    width: float
    height: float


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Tree(BaseModel):
    value: str
    children: list[Tree] = Field(default_factory=list["Tree"])


class AlikeTree(BaseModel):
    children: list[AlikeTree] = []
    value: str


class OtherTree(BaseModel):
    value: float
    children: list[OtherTree] = []


class Even(BaseModel):
    value: str
    odd: Odd | None = None


class Odd(BaseModel):
    value: str
    even: Even | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


def below(limit: int) -> AfterValidator:
    def check(value: int) -> int:
        assert value < limit
        return value

    return AfterValidator(check)


def at_most(value: int, limit: int) -> int:
    assert value <= limit
    return value


def stripped(value: object) -> object:
    return value


def around(value: Any, inner: Any) -> object:
    return inner(value)


class AtMost:
    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __call__(self, value: int) -> int:
        assert value <= self.limit
        return value


Json = TypeAliasType("Json", "str | list[Json] | dict[str, Json] | None")
OtherJson = TypeAliasType("OtherJson", "dict[str, OtherJson] | list[OtherJson] | str | None")
Texts = TypeAliasType("Texts", "str | list[Texts] | None")
Nested = TypeAliasType("Nested", "Annotated[str | float, 'said'] | None")

DIFFERENT: list[Any] = [
    None,
    bool,
    int,
    float,
    str,
    bytes,
    Any,
    Int64,
    Id[Room],
    Id[Person],
    UUID,
    Decimal,
    date,
    datetime,
    timedelta,
    AnyUrl,
    Path,
    Colour,
    Literal["red"],
    Literal[1],
    Literal["1"],
    Literal[True],
    Literal[b"1"],
    str | None,
    str | float,
    str | float | None,
    list[str],
    list[Any],
    list[list[str]],
    set[str],
    tuple[str, str],
    tuple[str, float],
    tuple[str, ...],
    dict[str, str],
    dict[str, float],
    dict[Annotated[str, Field(max_length=3)], str],
    Address,
    Strict,
    Checked,
    WhollyChecked,
    AfterInit,
    Point,
    CheckedPoint,
    Size,
    WholeSize,
    Room,
    Tree,
    OtherTree,
    Even,
    Odd | None,
    Cat | Dog,
    Annotated[Cat | Dog, Field(discriminator="kind")],
    Json,
    Texts,
    Annotated[str, Field(max_length=3)],
    Annotated[str, Field(max_length=4)],
    Annotated[str, Field(min_length=3)],
    Annotated[str, Field(pattern="a+")],
    Annotated[int, Field(ge=3)],
    Annotated[int, Field(gt=3)],
    Annotated[float, Field(ge=3)],
    Annotated[float, Field(allow_inf_nan=False)],
    Annotated[Int64, Field(ge=3)],
    Annotated[Decimal, Field(max_digits=3)],
    Annotated[datetime, Field(ge=datetime.fromisoformat("2020-01-01T00:00:00Z"))],
    Annotated[list[str], Field(max_length=3)],
    Annotated[str | None, Field(max_length=3)],
    Annotated[int, below(3)],
    Annotated[int, below(4)],
    Annotated[int, AfterValidator(partial(at_most, limit=3))],
    Annotated[int, AfterValidator(partial(at_most, limit=4))],
    Annotated[int, AfterValidator(AtMost(3))],
    Annotated[int, AfterValidator(AtMost(4))],
    Annotated[int, BeforeValidator(stripped)],
    Annotated[int, AfterValidator(stripped)],
    Annotated[int, WrapValidator(around)],
    Annotated[str, Field(max_length=3), AfterValidator(str.strip)],
    Annotated[str, PlainSerializer(str.upper)],
    Annotated[list[int], PlainSerializer(list[int])],
]

SAME: list[tuple[Any, Any]] = [
    (str | None, None | str),
    (str | float | None, float | None | str),
    (Nested, str | float | None),
    (Colour, Literal["blue", "red"]),
    (Literal["a", None], Literal["a"] | None),
    (Literal["a", "b"], Literal["b"] | Literal["a"]),
    (Address, AddressAgain),
    (Point, create_model("Position", x=(float, ...), y=(float, 5.0))),
    (Size, create_model("Extent", width=(float, ...), height=(float, 1.0))),
    (Tree, AlikeTree),
    (list[Tree], list[AlikeTree]),
    (Tree | OtherTree, OtherTree | AlikeTree),
    (Json, OtherJson),
    (set[str], frozenset[str]),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        Annotated[Dog | Cat, Field(discriminator="kind")],
    ),
    (
        Annotated[str, Field(max_length=3, min_length=1)],
        Annotated[str, Field(min_length=1), Field(max_length=3)],
    ),
    (Annotated[int, below(3)], Annotated[int, below(3)]),
    (Int64, CommitTs),
    (Annotated[str, Field(title="a", description="b", examples=["c"])], str),
]


def made(**types: Any) -> Any:
    """A model with these fields, in this order."""
    fields: dict[str, Any] = {name: (each, ...) for name, each in types.items()}
    return create_model("Made", **fields)


def table_with(annotation: Any, default: Any = ...) -> type[Table]:
    """A table whose documents hold this in a field."""

    class Holder(Table, name="holders"):
        __annotations__ = {"held": annotation, "also": str}
        held = default if default is not ... else Field()

    return Holder


def of(annotation: Any, default: Any = ...) -> str:
    return describe(table_with(annotation, default))


def test_what_accepts_other_documents_is_described_otherwise() -> None:
    described = [of(each) for each in DIFFERENT]

    seen: dict[str, Any] = {}
    for annotation, text in zip(DIFFERENT, described, strict=True):
        assert text not in seen, f"{annotation} is described as {seen[text]}"
        seen[text] = annotation


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_accepts_the_same_documents_is_described_alike(one: Any, other: Any) -> None:
    assert of(one) == of(other)


@given(st.permutations(["a", "b", "c", "d"]), st.permutations([str, float, Address, Tree]))
def test_the_order_of_declarations_does_not_matter(names: list[str], choices: list[Any]) -> None:
    first, second, third, fourth = choices
    types: dict[str, Any] = {"a": str, "b": int, "c": list[Tree], "d": first | second}
    shuffled = made(**{name: types[name] for name in names})
    sorted_ = made(**{name: types[name] for name in sorted(names)})

    assert of(shuffled | third | fourth) == of(fourth | third | sorted_)
    assert of(first | second | third | fourth) == of(str | float | Address | Tree)


def test_a_field_that_may_be_left_out_is_described_otherwise_whatever_its_default() -> None:
    assert of(str) != of(str, "a") == of(str, "b")
    assert of(str | None) != of(str | None, None)
    assert of(str | Absent, ABSENT) == of(str, "a")
    assert of(Address | None, None) == of(AddressAgain | None, None)


def test_a_default_that_is_validated_counts() -> None:
    assert of(str, Field(default="a", validate_default=True)) != of(
        str, Field(default="b", validate_default=True)
    )


def test_names_and_indexes_of_a_table_are_no_part_of_it() -> None:
    class Note(Table, name="notes"):
        text: str

    class Memo(Table, name="memos"):
        """Another one."""

        by_text = Index("text")
        text: str

    assert describe(Note) == describe(Memo)


def test_a_table_with_variants_is_told_apart_by_its_tags() -> None:
    class Message(Table, name="messages", discriminator="kind"):
        room: Id[Room]

    class Text(Message):
        kind: Literal["text"] = "text"
        body: str

    class Image(Message):
        kind: Literal["image", "video"] = "image"
        url: str

    described = json.loads(describe(Message))

    assert definition_of(Message).documents == (Text, Image)
    assert described["kind"] == "tagged"
    assert [each["tag"] for each in described["of"]] == ["image", "text", "video"]
    assert described["of"][1]["shape"]["fields"]["room"] == {"kind": "id", "table": "rooms"}


def test_the_text_is_compact_and_readable() -> None:
    assert describe(Room) == (
        '{"fields":{"title":{"kind":"string"}},"is_document":true,"kind":"object"}'
    )


def test_what_is_too_long_to_be_kept_is_told_apart_all_the_same() -> None:
    wide: dict[str, Any] = {f"field_{number}": str for number in range(4000)}
    wider = {**wide, "more": str}

    assert len(of(made(**wide))) < 1000
    assert of(made(**wide)) == of(made(**wide)) != of(made(**wider))


def test_a_change_inside_of_a_validator_is_seen() -> None:
    def with_limit(limit: int) -> str:
        names: dict[str, Any] = {"__name__": "app.checks"}
        exec(f"LIMIT = {limit}\ndef check(value):\n    assert value < LIMIT\n", names)
        return of(Annotated[int, AfterValidator(names["check"])])

    assert with_limit(3) == with_limit(3)
    assert with_limit(3) != with_limit(4)


def test_every_process_makes_the_same_text() -> None:
    script = (
        "from tests.server.db import test_description as d\n"
        "print([d.of(each) for each in d.DIFFERENT])"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(made) == 1
