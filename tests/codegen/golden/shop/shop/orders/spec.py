"""What orders offer: every constructor once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confect_core import Args, FunctionSpec, GroupSpec, Id, Int64, TaggedError
from shop.tables.customers import Address, Customer, Tier
from shop.tables.events import AnyEvent, Event
from shop.tables.orders import Order
from shop.values import Box, Percent, Report, Sku

if TYPE_CHECKING:
    from . import plain
    from .plain import export as _export


class ByOrder(Args):
    order: Id[Order]
    discount: Percent = 0.0


class ByEvent(Args):
    event: Id[Event]


class NoSuchOrder(TaggedError):
    order: Id[Order]


class OrderAlreadyShipped(TaggedError):
    at: float


class CustomerIsNotAllowed(TaggedError):
    tier: Tier


class Orders(GroupSpec):
    list_ = FunctionSpec.public_query(returns=list[Order])
    page = FunctionSpec.public_paginated_query(args=ByOrder, item=Order, error=NoSuchOrder)
    place = FunctionSpec.public_mutation(args=ByOrder, returns=Id[Order])
    pay = FunctionSpec.public_action(
        args=ByOrder,
        returns=dict[str, Int64] | None,
        error=NoSuchOrder | OrderAlreadyShipped | CustomerIsNotAllowed,
    )
    find = FunctionSpec.internal_query(args=ByOrder, returns=Box[Report.Line])
    all_ = FunctionSpec.internal_paginated_query(item=Address)
    clear = FunctionSpec.internal_mutation(returns=None, error=OrderAlreadyShipped)
    sync = FunctionSpec.internal_action(returns=tuple[Sku, ...])

    plain_query = FunctionSpec.plain_public_query(lambda: plain.query)
    plain_page = FunctionSpec.plain_public_paginated_query(lambda: plain.page)
    plain_mutation = FunctionSpec.plain_public_mutation(lambda: plain.mutation)
    plain_action = FunctionSpec.plain_public_action(lambda: plain.action)
    hidden_query = FunctionSpec.plain_internal_query(lambda: plain.query)
    hidden_page = FunctionSpec.plain_internal_paginated_query(lambda: plain.page)
    hidden_mutation = FunctionSpec.plain_internal_mutation(lambda: plain.mutation)
    hidden_action = FunctionSpec.plain_internal_action(lambda: _export)
    customer = FunctionSpec.public_query(returns=Customer | None)
    welcome = FunctionSpec.public_mutation(returns=Id[Customer])
    history = FunctionSpec.public_query(args=ByOrder, returns=list[AnyEvent])
    event = FunctionSpec.public_query(args=ByEvent, returns=AnyEvent | None)
    cancel = FunctionSpec.public_mutation(args=ByOrder, returns=Id[Event])
    tell = FunctionSpec.public_query(args=ByEvent, returns=str)
