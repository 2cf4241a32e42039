"""Orders and what was ordered."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from confect_core import Id, Index, Table
from shop.tables.customers import Customer


class Order(Table, name="orders"):
    customer: Id[Customer]
    number: UUID
    total: Decimal
    parent: Id[Order] | None = None

    by_customer = Index("customer")


class Counter(Table):
    pass
