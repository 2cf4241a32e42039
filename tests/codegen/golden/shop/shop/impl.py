"""The shop."""

from __future__ import annotations

from confect_core import NoArgs
from confect_server import impl
from shop._generated import impls
from shop._generated.db import QueryCtx
from shop.admin.impl import admin, jobs, roles, users
from shop.desk.impl import staffed
from shop.orders.impl import orders
from shop.spec import ping


@impl(ping)
async def do_ping(ctx: QueryCtx, args: NoArgs) -> str:
    return "pong"


app = staffed.provide(orders, admin, users, roles, jobs, impls.unnamed(ping=do_ping))
