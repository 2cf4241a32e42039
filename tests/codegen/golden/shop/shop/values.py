"""Types that several groups share."""

from __future__ import annotations

from typing import Annotated, Generic, NewType, TypeAlias, TypeVar

from pydantic import BaseModel, Field, PlainSerializer

Item = TypeVar("Item")

Sku = NewType("Sku", str)
Shouted: TypeAlias = Annotated[str, PlainSerializer(str.upper)]
Percent: TypeAlias = Annotated[float, Field(ge=0, le=100)]


class Box(BaseModel, Generic[Item]):
    item: Item


class Report:
    """A namespace of models."""

    class Line(BaseModel):
        text: str
