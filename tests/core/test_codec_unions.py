"""Unions: a value travels as the first declared member that it is one of, and comes back so."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, TypeAlias

import pytest
from pydantic import BaseModel, Discriminator, Field, Tag
from typing_extensions import TypedDict

from confect_core import Int64
from confect_core.values import BigInt, Value
from confect_core.values.codec import Mismatch
from tests.core.codecs import codec, decoded, encoded, same


class Color(Enum):
    RED = "red"


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Square(BaseModel):
    kind: Literal["square"]
    side: int


class First(BaseModel):
    version: Literal[1]
    text: str


class Second(BaseModel):
    version: Literal[2]
    text: bytes


class Small(BaseModel):
    a: int


class Large(BaseModel):
    a: int
    b: str | None = None


class ByName(TypedDict):
    name: str


class ByNumber(TypedDict):
    number: int


@dataclass
class Pair:
    a: int
    b: int


AT = datetime(1970, 1, 1, tzinfo=UTC)
UUID = uuid.UUID(int=5)
Shape = Annotated[Circle | Square, Field(discriminator="kind")]
MaybeInt64: TypeAlias = Int64 | None
Versions = Annotated[First | Second, Field(discriminator="version")]

UNIONS: list[tuple[Any, object, Value]] = [
    (int | None, None, None),
    (int | str, 5, 5.0),
    (str | int, 5, 5.0),
    (bool | int, True, True),
    (int | bool, True, True),
    (int | bool, 1, 1.0),
    (int | float, 5.5, 5.5),
    (MaybeInt64, 5, BigInt(5)),
    (Int64 | str, "a", "a"),
    (str | Int64, 5, BigInt(5)),
    (list[Int64] | None, [5], [BigInt(5)]),
    (float | Int64, 2**60 + 1, BigInt(2**60 + 1)),
    (int | Int64, 2**60 + 1, BigInt(2**60 + 1)),
    (Int64 | float, 0.5, 0.5),
    (Literal["a"] | Int64, 5, BigInt(5)),
    (Literal["a"] | int, "a", "a"),
    (Literal[1] | str, 1, 1.0),
    (Color | Int64, 5, BigInt(5)),
    (Color | str, "blue", "blue"),
    (Color | str, Color.RED, "red"),
    (uuid.UUID | int, 5, 5.0),
    (uuid.UUID | Small, Small(a=1), {"a": 1.0}),
    (uuid.UUID | None, UUID, str(UUID)),
    (Decimal | bool, True, True),
    (Decimal | list[int], [1], [1.0]),
    (date | datetime, AT, 0.0),
    (datetime | date, date(2026, 1, 2), "2026-01-02"),
    (datetime | str, "now", "now"),
    (bytes | str, b"x", b"x"),
    (set[int] | str, "ab", "ab"),
    (str | set[str], {"b", "a"}, ["a", "b"]),
    (list[int] | list[str], ["a"], ["a"]),
    (dict[str, int] | list[int], [1], [1.0]),
    (Small | dict[str, str], {"q": "x"}, {"q": "x"}),
    (Small | Large, Large(a=1, b="x"), {"a": 1.0, "b": "x"}),
    (Circle | Square, Square(kind="square", side=2), {"kind": "square", "side": 2.0}),
    (Shape, Circle(kind="circle", radius=1), {"kind": "circle", "radius": 1.0}),
    (list[Shape], [Square(kind="square", side=2)], [{"kind": "square", "side": 2.0}]),
    (Versions, Second(version=2, text=b"x"), {"version": 2.0, "text": b"x"}),
    (ByName | ByNumber, {"number": 1}, {"number": 1.0}),
    (Pair | Small, Small(a=1), {"a": 1.0}),
    (Small | Pair, Pair(1, 2), {"a": 1.0, "b": 2.0}),
]


@pytest.mark.parametrize(("annotation", "value", "wire"), UNIONS)
def test_each_member_travels_as_itself(annotation: Any, value: object, wire: Value) -> None:
    assert same(encoded(annotation, value), wire)
    back = decoded(annotation, wire)
    assert back == value
    assert type(back) is type(value)


def test_a_list_keeps_its_order_where_a_set_would_be_taken_as_well() -> None:
    assert same(encoded(set[int] | list[int], [3, 1]), [3.0, 1.0])
    assert same(encoded(list[int] | set[int], {3, 1}), [1.0, 3.0])


def test_what_several_members_could_be_is_the_first_that_is_declared() -> None:
    assert decoded(Small | Large, {"a": 1.0}) == Small(a=1)
    assert decoded(Large | Small, {"a": 1.0}) == Large(a=1)
    assert decoded(str | uuid.UUID, str(UUID)) == str(UUID)
    assert decoded(uuid.UUID | str, str(UUID)) == UUID
    assert type(decoded(float | int, 5.0)) is float
    assert type(decoded(int | float, 5.0)) is int


@pytest.mark.parametrize(
    ("annotation", "wire"),
    [
        (int | str, True),
        (int | str, BigInt(1)),
        (Shape, {"kind": "circle", "side": 2.0}),
        (Shape, {"kind": "star"}),
        (Shape, {"radius": 1.0}),
        (Versions, {"version": 3.0, "text": "x"}),
        (Small | Large, {"a": 1.0, "c": 2.0}),
    ],
)
def test_what_no_member_takes_is_refused(annotation: Any, wire: Value) -> None:
    with pytest.raises(Mismatch):
        codec(annotation).decode(wire)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(int | str, 1.5), (Small | Large, Pair(1, 2)), (Shape, Small(a=1)), (uuid.UUID | int, "x")],
)
def test_encoding_a_stranger_is_refused(annotation: Any, value: object) -> None:
    with pytest.raises(Mismatch):
        codec(annotation).encode(value)


def test_a_function_may_tell_the_members_apart() -> None:
    def kind_of(value: Any) -> str:
        return "number" if "number" in value else "name"

    tagged = Annotated[
        Annotated[ByName, Tag("name")] | Annotated[ByNumber, Tag("number")], Discriminator(kind_of)
    ]
    assert same(encoded(tagged, {"number": 1}), {"number": 1.0})
    assert decoded(tagged, {"number": 1.0}) == {"number": 1}
    assert decoded(tagged, {"name": "Ada"}) == {"name": "Ada"}
