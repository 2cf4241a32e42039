"""Single values: what each Python type becomes on the wire, and what comes back."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from ipaddress import IPv4Address, IPv6Network
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    Field,
    HttpUrl,
    PlainSerializer,
    PlainValidator,
    PostgresDsn,
    SerializationInfo,
    StringConstraints,
)

from confect_core import Id, Int64, Table
from confect_core.values import BigInt, Value, encode_id
from confect_core.values.codec import Mismatch
from tests.core.codecs import codec, decoded, encoded, problem, same


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Plain(Enum):
    ONE = 1
    TWO = 2


class Shade(StrEnum):
    DARK = "dark"


class Access(IntFlag):
    READ = 1
    WRITE = 2


class Mixed(Enum):
    NONE = None
    HALF = 0.5
    YES = True
    NAME = "name"


class Note(Table, name="notes"):
    text: str


class Money:
    """A type of the user's own, which says itself how it travels."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    def __hash__(self) -> int:
        return hash(self.cents)


def money_of(value: object) -> Money:
    if isinstance(value, Money):
        return value
    if isinstance(value, float):
        return Money(round(value))
    raise ValueError("money is a number of cents")


Cash = Annotated[Money, PlainValidator(money_of), PlainSerializer(lambda money: money.cents)]

LEAVES: list[tuple[Any, object, Value]] = [
    (str, "text", "text"),
    (str, "", ""),
    (bool, True, True),
    (None, None, None),
    (bytes, b"\x00\xff", b"\x00\xff"),
    (float, 1.5, 1.5),
    (float, -0.0, -0.0),
    (float, math.inf, math.inf),
    (int, 3, 3.0),
    (int, 2**53 - 1, 9007199254740991.0),
    (int, 1 - 2**53, -9007199254740991.0),
    (Int64, 3, BigInt(3)),
    (Int64, 2**63 - 1, BigInt(2**63 - 1)),
    (Int64, -(2**63), BigInt(-(2**63))),
    (Literal["a", "b"], "b", "b"),
    (Literal[1, 2], 2, 2.0),
    (Literal[True], True, True),
    (Literal[None, b"x"], b"x", b"x"),
    (Literal[Color.RED], Color.RED, "red"),
    (Literal[Size.LARGE, "huge"], Size.LARGE, 2.0),
    (Color, Color.BLUE, "blue"),
    (Size, Size.LARGE, 2.0),
    (Plain, Plain.TWO, 2.0),
    (Shade, Shade.DARK, "dark"),
    (Access, Access.READ | Access.WRITE, 3.0),
    (Mixed, Mixed.NONE, None),
    (Mixed, Mixed.HALF, 0.5),
    (Mixed, Mixed.YES, True),
    (Mixed, Mixed.NAME, "name"),
    (datetime, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), 1767323045678.901),
    (AwareDatetime, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), -1000.0),
    (timedelta, timedelta(days=-1, microseconds=500), -86399999.5),
    (date, date(2026, 1, 2), "2026-01-02"),
    (time, time(3, 4, 5, 6), "03:04:05.000006"),
    (uuid.UUID, uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (Decimal, Decimal("1.50"), "1.50"),
    (Decimal, Decimal("1E+3"), "1E+3"),
    (AnyUrl, AnyUrl("http://a.example/b"), "http://a.example/b"),
    (HttpUrl, HttpUrl("http://a.example"), "http://a.example/"),
    (PostgresDsn, PostgresDsn("postgres://a:1,b:2/c"), "postgres://a:1,b:2/c"),
    (IPv4Address, IPv4Address("127.0.0.1"), "127.0.0.1"),
    (IPv6Network, IPv6Network("fe80::/64"), "fe80::/64"),
    (PurePosixPath, PurePosixPath("/a/b"), "/a/b"),
    (Cash, Money(250), 250.0),
]


@pytest.mark.parametrize(("annotation", "value", "wire"), LEAVES)
def test_each_type_has_one_wire_form_and_comes_back_from_it(
    annotation: Any, value: object, wire: Value
) -> None:
    assert same(encoded(annotation, value), wire)
    back = decoded(annotation, wire)
    assert back == value
    assert type(back) is type(value)


def test_nan_travels_as_itself() -> None:
    assert math.isnan(decoded(float, encoded(float, math.nan)))


@pytest.mark.parametrize(
    ("annotation", "wire"),
    [
        (str, 3.0),
        (str, b"x"),
        (bytes, "x"),
        (bool, 1.0),
        (None, False),
        (float, "1.5"),
        (float, True),
        (float, BigInt(1)),
        (int, "3"),
        (int, True),
        (int, 3.5),
        (int, math.nan),
        (int, math.inf),
        (int, 2.0**53),
        (int, BigInt(3)),
        (Int64, 3.0),
        (Int64, "3"),
        (Literal["a"], "b"),
        (Literal[1], True),
        (Literal[1], BigInt(1)),
        (Literal[1], [1.0]),
        (Literal[True], 1.0),
        (Literal[Color.RED], "blue"),
        (Color, "green"),
        (Size, True),
        (Size, 1.5),
        (Plain, True),
        (datetime, "2026-01-02T00:00:00Z"),
        (datetime, math.nan),
        (datetime, math.inf),
        (datetime, 1e300),
        (timedelta, "PT1S"),
        (timedelta, math.inf),
        (date, 0.0),
        (time, 0.0),
        (uuid.UUID, b"\x00" * 16),
        (uuid.UUID, "no uuid"),
        (Decimal, 1.5),
        (Decimal, "one"),
        (AnyUrl, "no url"),
        (IPv4Address, "300.0.0.1"),
        (Cash, "250"),
        (Id[Note], "no id"),
        (Id[Note], 3.0),
    ],
)
def test_nothing_is_taken_for_something_else(annotation: Any, wire: Value) -> None:
    with pytest.raises(Mismatch) as refused:
        codec(annotation).decode(wire)
    assert refused.value.what == "value"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, b"x"),
        (str, 3),
        (bytes, "x"),
        (bytes, bytearray(b"x")),
        (bool, 1),
        (float, "1.5"),
        (float, True),
        (int, 2**53),
        (int, -(2**53)),
        (int, 1.0),
        (int, True),
        (int, "3"),
        (Int64, 2**63),
        (Int64, -(2**63) - 1),
        (Int64, 1.0),
        (Int64, True),
        (Literal["a"], "b"),
        (Color, "red"),
        (Color, Shade.DARK),
        (Size, 1),
        (datetime, datetime(2026, 1, 2)),
        (datetime, 0.0),
        (timedelta, 5),
        (date, "2026-01-02"),
        (date, datetime(2026, 1, 2, tzinfo=UTC)),
        (uuid.UUID, "00000000-0000-0000-0000-000000000005"),
        (Decimal, 1.5),
        (Cash, 250),
        (Id[Note], "no id"),
    ],
)
def test_encoding_is_strict(annotation: Any, value: object) -> None:
    with pytest.raises(Mismatch):
        codec(annotation).encode(value)


def test_subclasses_travel_as_what_they_are_declared_to_be() -> None:
    class Text(str):
        __slots__ = ()

    class Number(float):
        __slots__ = ()

    assert encoded(str, Text("x")) == "x"
    assert encoded(str, Shade.DARK) == "dark"
    assert encoded(float, Number(1.5)) == 1.5
    assert same(encoded(int, Size.LARGE), 2.0)
    assert same(encoded(int, BigInt(3)), 3.0)
    assert same(
        encoded(Any, {Text("k"): [Text("x"), Number(2.5), Shade.DARK]}), {"k": ["x", 2.5, "dark"]}
    )


def test_an_int_is_welcome_where_a_float_is_declared() -> None:
    assert same(encoded(float, 3), 3.0)


def test_an_instant_of_any_zone_comes_back_in_utc() -> None:
    there = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=3)))
    back = decoded(datetime, encoded(datetime, there))
    assert back == there
    assert back.utcoffset() == timedelta(0)


def test_a_naive_instant_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(Mismatch, match=r"has no time zone; use datetime\.now\(UTC\)"):
        codec(datetime).encode(datetime(2026, 1, 2))


def test_an_int_that_a_number_cannot_carry_is_refused_with_the_type_that_can() -> None:
    with pytest.raises(Mismatch, match="Int64"):
        codec(int).encode(2**53)


def test_any_takes_what_has_a_wire_form() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    value = {"a": [1, 1.5, True, None, b"x"], "b": (Color.RED, Size.LARGE), "c": {3, 1}, "d": at}
    assert same(
        encoded(Any, value),
        {
            "a": [1.0, 1.5, True, None, b"x"],
            "b": ["red", 2.0],
            "c": [1.0, 3.0],
            "d": at.timestamp() * 1000,
        },
    )
    assert same(encoded(Any, timedelta(seconds=1)), 1000.0)
    assert same(encoded(Any, BigInt(1)), BigInt(1))
    assert same(encoded(object, date(2026, 1, 2)), "2026-01-02")
    assert decoded(Any, {"a": [BigInt(1)]}) == {"a": [BigInt(1)]}


@pytest.mark.parametrize("value", [{1: 2}, 2**53, object(), datetime(2026, 1, 2)])
def test_any_refuses_what_has_none(value: Any) -> None:
    with pytest.raises(Mismatch):
        codec(Any).encode(value)


@pytest.mark.parametrize(
    ("annotation", "bad", "bad_wire", "good", "good_wire"),
    [
        (Annotated[str, Field(max_length=3)], "four", "four", "abc", "abc"),
        (Annotated[int, Field(ge=18)], 17, 17.0, 18, 18.0),
        (Annotated[Int64, Field(ge=2**60)], 1, BigInt(1), 2**60, BigInt(2**60)),
        (Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")], "a", "a", "A", "A"),
    ],
)
def test_constraints_hold_in_both_directions(
    annotation: Any, bad: object, bad_wire: Value, good: object, good_wire: Value
) -> None:
    with pytest.raises(Mismatch):
        codec(annotation).encode(bad)
    with pytest.raises(Mismatch):
        codec(annotation).decode(bad_wire)
    assert same(encoded(annotation, good), good_wire)
    assert decoded(annotation, good_wire) == good


def test_validators_run_on_what_was_decoded() -> None:
    def even(value: int) -> int:
        if value % 2:
            raise ValueError(f"{value} is odd")
        return value

    assert decoded(Annotated[int, AfterValidator(even)], 4.0) == 4
    assert "3 is odd" in problem(Annotated[int, AfterValidator(even)], 3.0)


def test_a_serializer_for_json_alone_is_one_for_the_wire() -> None:
    hexadecimal = Annotated[int, PlainSerializer(hex, when_used="json")]
    assert encoded(hexadecimal, 255) == "0xff"
    unless_none = Annotated[int | None, PlainSerializer(hex, when_used="json-unless-none")]
    assert encoded(unless_none, 255) == "0xff"
    assert encoded(unless_none, None) is None


def test_a_serializer_of_a_text_is_asked() -> None:
    def checked(text: str) -> str:
        return text

    loud = PlainSerializer(str.upper)
    assert encoded(Annotated[str, loud], "ab") == "AB"
    assert encoded(Annotated[str, AfterValidator(checked), loud], "ab") == "AB"
    assert encoded(Annotated[str, loud, AfterValidator(checked)], "ab") == "AB"


def test_a_serializer_never_leaks_what_is_no_value() -> None:
    pair = Annotated[int, PlainSerializer(lambda value: (value, {"twice": 2 * value}))]
    assert same(encoded(pair, 2), [2.0, {"twice": 4.0}])


def test_ids_are_the_strings_that_they_are() -> None:
    text = encode_id(10_001, bytes(16))
    assert encoded(Id[Note], text) == text
    assert type(Id[Note](text)) is str
    assert decoded(Id[Note], text) == text


def test_a_serializer_is_told_that_it_writes_json() -> None:
    def told(value: int, info: SerializationInfo) -> list[object]:
        return [value, info.mode, info.mode_is_json(), info.by_alias]

    assert same(encoded(Annotated[int, PlainSerializer(told)], 2), [2.0, "json", True, True])
