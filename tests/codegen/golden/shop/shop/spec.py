"""Everything that the shop offers."""

from __future__ import annotations

from confect_core import FunctionSpec, GroupSpec, Spec
from shop.admin.spec import admin
from shop.desk.spec import Desk
from shop.orders.spec import Orders

ping = FunctionSpec.public_query(returns=str)

spec = (
    Spec.make()
    .add(Orders)
    .add(admin)
    .add(Desk)
    .add(GroupSpec.make("unnamed").add_function("ping", ping))
)
