"""What is stored."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Literal

from pydantic import BaseModel, Field

from confect_core import Id, Index, Table


class Style(Enum):
    """How something is painted."""

    MODERN = "modern"
    CLASSIC = "classic"


class Size(BaseModel):
    """How large something is."""

    width: float
    height: float
    unit: Literal["cm", "in"] = "cm"


class Artist(Table, name="artists"):
    """Somebody who has made pieces."""

    name: str
    """As it is written on labels.

    Not as the artist signs.
    """
    style: Style = Style.MODERN
    website: str | None = None


class Piece(Table, name="pieces", discriminator="kind"):
    artist: Id[Artist]
    title: str
    by_artist = Index("artist")


class Painting(Piece):
    """A piece on canvas."""

    kind: Literal["painting"] = "painting"
    size: Size


class Film(Piece):
    kind: Literal["film", "video"]
    length: timedelta = Field(description="How long it takes to see.")


class Item(Table, name="items"):
    """A row of the list that is paged through."""

    name: str
    rank: float
    by_rank = Index("rank")
    by_name = Index("name")
