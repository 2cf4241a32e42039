"""Customers and where they live."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Literal

from pydantic import BaseModel, Field

from confect_core import ABSENT, Absent, Index, Int64, Table


class Tier(Enum):
    FREE = "free"
    PAID = "paid"


class Address(BaseModel):
    city: str
    street: str | None = None


class Customer(Table):
    name: str = Field(min_length=1)
    address: Address
    billing: Address | None = None
    tier: Tier = Tier.FREE
    nickname: str | None | Absent = ABSENT
    points: Int64 = 0
    avatar: bytes = b""
    language: Literal["en", "de"] = "en"
    greeting: str = 'say "hello"'
    tags: list[str] = Field(default_factory=list)
    joined: datetime

    by_city = Index("address.city", "name")
    by_billing_city = Index("billing.city")
    by_tier = Index("tier", "language", "nickname")
    newest = Index("joined")
