"""What clerks are offered: everything behind middleware."""

from __future__ import annotations

from confect_core import FunctionSpec, GroupSpec, Id
from shop.desk.middleware import Measured, NotSignedIn, OnDuty, SignedIn
from shop.orders.spec import ByOrder, NoSuchOrder
from shop.tables.orders import Order


class Desk(GroupSpec, behind=[Measured, SignedIn]):
    name = FunctionSpec.public_query(returns=str)
    orders = FunctionSpec.public_paginated_query(item=Order).behind(OnDuty)
    order = FunctionSpec.public_query(args=ByOrder, returns=Order, error=NoSuchOrder)
    open_ = FunctionSpec.public_mutation(returns=Id[Order], error=NotSignedIn).behind(OnDuty)
    close = FunctionSpec.internal_mutation(returns=None)
    call = FunctionSpec.public_action(args=ByOrder, returns=bool, error=NoSuchOrder)

    class Hours(GroupSpec):
        today = FunctionSpec.public_query(returns=str).behind(Measured)
