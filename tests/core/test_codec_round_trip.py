"""Whatever a model holds, it is the same after a journey through its wire form and JSON."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from confect_core import ABSENT, Absent, Int64
from confect_core.values import dumps, loads
from confect_core.values.codec import Codec
from tests.core.codecs import assert_canonical, codec


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: set[str]


class Extent(TypedDict):
    width: float
    height: float


@dataclass
class Point:
    x: int
    y: Int64


class Everything(BaseModel):
    text: str
    flag: bool
    number: float
    whole: int
    big: Int64
    data: bytes
    at: datetime
    span: timedelta
    day: date
    hour: time
    unique: uuid.UUID
    price: Decimal
    address: IPv4Address
    color: Color
    level: Level
    choice: Literal["a", 1, True]
    items: list[int]
    pairs: dict[str, tuple[int, str]]
    members: frozenset[Int64]
    days: set[date]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    mixed: list[Int64 | float | str | bytes | None]
    extent: Extent
    point: Point
    nullable: int | None
    optional: int | None = None
    absent: str | Absent | None = ABSENT
    inner: Everything | None = None


wholes = st.integers(1 - 2**53, 2**53 - 1)
int64s = st.integers(-(2**63), 2**63 - 1)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = st.text(st.characters(min_codepoint=97, max_codepoint=122), max_size=4)
floats = st.floats(allow_nan=False)
# a float64 of milliseconds tells microseconds apart for some 140 years around 1970
instants = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
spans = st.timedeltas(timedelta(days=-50_000), timedelta(days=50_000))


def everything(inner: st.SearchStrategy[Everything | None]) -> st.SearchStrategy[Everything]:
    return st.builds(
        Everything,
        text=text,
        flag=st.booleans(),
        number=floats,
        whole=wholes,
        big=int64s,
        data=st.binary(max_size=8),
        at=instants,
        span=spans,
        day=st.dates(),
        hour=st.times(),
        unique=st.uuids(),
        price=st.decimals(allow_nan=False, allow_infinity=False),
        address=st.ip_addresses(v=4),
        color=st.sampled_from(Color),
        level=st.sampled_from(Level),
        choice=st.sampled_from(["a", 1, True]),
        items=st.lists(wholes, max_size=3),
        pairs=st.dictionaries(names, st.tuples(wholes, text), max_size=3),
        members=st.frozensets(int64s, max_size=3),
        days=st.sets(st.dates(), max_size=3),
        pet=st.one_of(
            st.builds(Cat, kind=st.just("cat"), lives=wholes),
            st.builds(Dog, kind=st.just("dog"), tricks=st.sets(text, max_size=3)),
        ),
        mixed=st.lists(st.one_of(int64s, floats, text, st.binary(max_size=4), st.none())),
        extent=st.fixed_dictionaries({"width": floats, "height": floats}),
        point=st.builds(Point, wholes, int64s),
        nullable=st.one_of(st.none(), wholes),
        optional=st.one_of(st.none(), wholes),
        absent=st.one_of(st.just(ABSENT), st.none(), text),
        inner=inner,
    )


@settings(max_examples=200)
@given(everything(st.one_of(st.none(), everything(st.none()))))
def test_a_model_of_every_type_comes_back_as_it_was(value: Everything) -> None:
    wire = codec(Everything).encode(value)
    assert_canonical(wire)
    assert codec(Everything).decode(wire) == value
    assert codec(Everything).decode(loads(dumps(wire))) == value
    stored = Codec(Everything, what="stored", is_stored=True)
    assert stored.decode(loads(dumps(stored.encode(value)))) == value


@given(st.lists(st.one_of(int64s, floats), max_size=4))
def test_the_types_of_union_members_come_back_too(value: list[int | float]) -> None:
    back = codec(list[Int64 | float]).decode(codec(list[Int64 | float]).encode(value))
    assert [type(each) for each in back] == [type(each) for each in value]


@given(st.sets(st.one_of(floats, text), max_size=5))
def test_equal_sets_travel_equal(members: set[Any]) -> None:
    shuffled: set[Any] = set()
    for member in sorted(members, key=repr, reverse=True):
        shuffled.add(member)
    annotation = set[float | str]
    assert dumps(codec(annotation).encode(members)) == dumps(codec(annotation).encode(shuffled))


@given(st.floats())
def test_every_float_comes_back(number: float) -> None:
    back = codec(float).decode(loads(dumps(codec(float).encode(number))))
    assert math.isnan(back) if math.isnan(number) else repr(back) == repr(number)
