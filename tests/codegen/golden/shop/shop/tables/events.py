"""What happens to orders, and how it is told: tables with variants."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from confect_core import Id, Index, Table
from shop.tables.customers import Address
from shop.tables.orders import Order


class Parcel(BaseModel):
    kind: Literal["parcel"] = "parcel"
    weight: float
    to: Address


class Download(BaseModel):
    kind: Literal["download"] = "download"
    url: str


class Event(Table, name="events", discriminator="kind"):
    order: Id[Order]
    details: dict[str, Any] = Field(default_factory=dict)

    by_order = Index("order", "kind")
    by_city = Index("shipment.to.city")
    by_reason = Index("reason")
    by_source = Index("details.source", "labels.color")


class Shipped(Event):
    kind: Literal["shipped"] = "shipped"
    shipment: Annotated[Parcel | Download, Field(discriminator="kind")]
    labels: dict[str, str] | None = None


class Cancelled(Event):
    kind: Literal["cancelled", "refused"]
    reason: str | None = None
    follows: Id[Shipped] | None = None


class Noted(Event):
    kind: Literal["noted"] = "noted"
    reason: int
    follows: Id[Shipped | Cancelled] | None = None


AnyEvent: TypeAlias = Shipped | Cancelled | Noted


class Notice(Table, discriminator="channel"):
    by_channel = Index("channel")


class Mail(Notice):
    channel: Literal["mail"] = "mail"
    subject: str = "Hello"
