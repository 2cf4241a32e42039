"""A value of every type that can travel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, HttpUrl, PlainSerializer, RootModel, WrapSerializer
from typing_extensions import NotRequired, TypedDict

from confect_core import (
    ABSENT,
    Absent,
    Args,
    Id,
    Int64,
    NoArgs,
    PaginationOptions,
    QueryHandle,
    StoredFile,
)
from gallery.tables import Artist, Piece, Size, Style

T = TypeVar("T")


def shout(text: str) -> str:
    return text.upper()


class Rating(IntEnum):
    POOR = 1
    GOOD = 2


class Remark(BaseModel):
    """What somebody says, and what others say to it."""

    text: str
    replies: list[Remark] = []


class Folder(BaseModel):
    """Holds itself by way of another model, and so has a default in all of it."""

    name: str
    shelf: Shelf | None = None


class Shelf(BaseModel):
    folders: dict[str, Folder]


class Tags(RootModel[list[str]]):
    """Some words."""


@dataclass
class Point:
    x: float
    y: float = 0.0


class Labels(TypedDict):
    color: str
    shade: NotRequired[str]


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: str


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"
    amount: Int64


class Box(BaseModel, Generic[T]):
    item: T


class Doc(BaseModel):
    """Named as something that the generated file has already."""

    type: str


Weekday: TypeAlias = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]


class Week(BaseModel):
    """What is written on more than one line."""

    first_day_of_the_week_in_this_country: Weekday
    open_on: list[Weekday]
    opening_and_closing: tuple[Weekday, Weekday, int]
    hours: dict[str, dict[Weekday, list[tuple[int, int]]]] | None
    a_field_with_quite_a_long_name_indeed: dict[str, list[Weekday | None]]


Payment: TypeAlias = Annotated[Card | Cash, Field(discriminator="kind")]
Shouted: TypeAlias = Annotated[str, PlainSerializer(shout)]
Counted: TypeAlias = Annotated[list[int], WrapSerializer(lambda items, handler: handler(items))]


class Everything(BaseModel):
    """A field of every type."""

    text: str
    flag: bool
    nothing: None
    number: float
    whole: int
    big: Int64
    data: bytes
    anything: Any
    artist: Id[Artist]
    piece: Id[Piece] | None
    file: Id[StoredFile] | None
    style: Style
    rating: Rating
    constant: Literal["it's", 'a "b"', 1, -2, True, None]
    at: datetime
    """When it was."""
    took: timedelta
    day: date
    clock: time
    key: UUID
    price: Decimal
    link: HttpUrl
    address: IPv4Address
    shouted: Shouted
    numbers: list[float]
    pair: tuple[int, str]
    many: tuple[str, ...]
    distinct: set[int]
    styles: frozenset[Style]
    sizes: dict[str, Size]
    by_style: dict[Literal["modern", "classic"], int]
    size: Size
    point: Point
    labels: Labels
    tags: Tags
    remark: Remark
    folder: Folder
    payment: Payment
    payments: list[Payment]
    either: str | float | None
    box: Box[Size]
    doc: Doc
    page: PaginationOptions
    handle: QueryHandle[NoArgs, str]
    counted: Counted
    optional: str | None = None
    absent: str | None | Absent = ABSENT
    defaulted: int = 3
    made: list[int] = Field(default_factory=lambda: [1])


class Anything(Args):
    value: Any


class Sent(Args):
    value: Everything
    """What comes back."""
    times: int = 1
