"""The logic of orders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from returns.result import Failure

from confect_core import ABSENT, Id, NoArgs, Outcome, PaginationOptions, PaginationResult
from confect_server import ActionCtx, impl
from shop._generated import impls
from shop._generated.db import MutationCtx, QueryCtx
from shop.orders.spec import (
    ByEvent,
    ByOrder,
    CustomerIsNotAllowed,
    NoSuchOrder,
    OrderAlreadyShipped,
    Orders,
)
from shop.services import Mailer
from shop.tables.customers import Address, Customer
from shop.tables.events import AnyEvent, Cancelled, Event, Noted, Shipped
from shop.tables.orders import Order
from shop.values import Box, Report, Sku


@impl(Orders.list_)
async def list_(ctx: QueryCtx, args: NoArgs) -> list[Order]:
    return await ctx.db.orders.query().collect()


@impl(Orders.page)
async def page(
    ctx: QueryCtx, args: ByOrder, options: PaginationOptions
) -> Outcome[PaginationResult[Order], NoSuchOrder]:
    return Failure(NoSuchOrder(order=args.order))


@impl(Orders.place)
async def place(ctx: MutationCtx, args: ByOrder) -> Id[Order]:
    order = await ctx.db.orders.get(args.order)
    assert order is not None
    await ctx.db.orders.patch(order.id, parent=None)
    return await ctx.db.orders.insert(
        customer=order.customer, number=order.number, total=order.total
    )


@impl(Orders.pay)
async def pay(
    ctx: ActionCtx[Mailer], args: ByOrder
) -> Outcome[dict[str, int] | None, NoSuchOrder | OrderAlreadyShipped | CustomerIsNotAllowed]:
    return Failure(NoSuchOrder(order=args.order))


@impl(Orders.find)
async def find(ctx: QueryCtx, args: ByOrder) -> Box[Report.Line]:
    return Box(item=Report.Line(text="x"))


@impl(Orders.all_)
async def all_(
    ctx: QueryCtx, args: NoArgs, options: PaginationOptions
) -> PaginationResult[Address]:
    raise NotImplementedError


@impl(Orders.clear)
async def clear(ctx: MutationCtx, args: NoArgs) -> Outcome[None, OrderAlreadyShipped]:
    return Failure(OrderAlreadyShipped(at=1.0))


@impl(Orders.sync)
async def sync(ctx: ActionCtx, args: NoArgs) -> tuple[Sku, ...]:
    return ()


@impl(Orders.customer)
async def customer(ctx: QueryCtx, args: NoArgs) -> Customer | None:
    return await ctx.db.customer.by_city(address__city="Bern").first()


@impl(Orders.welcome)
async def welcome(ctx: MutationCtx, args: NoArgs) -> Id[Customer]:
    id = await ctx.db.customer.insert(
        name="Ada", address=Address(city="Bern"), joined=datetime(2020, 1, 1, tzinfo=UTC)
    )
    await ctx.db.customer.patch(id, nickname=None, points=7)
    return id


@impl(Orders.history)
async def history(ctx: QueryCtx, args: ByOrder) -> list[AnyEvent]:
    return await ctx.db.events.by_order(order=args.order).collect()


@impl(Orders.event)
async def event(ctx: QueryCtx, args: ByEvent) -> AnyEvent | None:
    return await ctx.db.events.get(args.event)


@impl(Orders.cancel)
async def cancel(ctx: MutationCtx, args: ByOrder) -> Id[Event]:
    events = ctx.db.events
    noted = await events.insert(kind="noted", order=args.order, reason=3)
    await events.patch(noted, reason=4, details={"source": "web"})
    shipped = await events.by_order(order=args.order, kind="shipped").first()
    if isinstance(shipped, Shipped):
        await events.delete(shipped.id)
    await events.replace(noted, kind="refused", order=args.order, reason="sold out")
    await ctx.db.notice.insert(channel="mail")
    clicks = ctx.db.undeclared_table("clicks")
    await clicks.patch(await clicks.insert({"button": "cancel", "at": 3}), {"at": ABSENT})
    return await ctx.db.insert(Cancelled(order=args.order, kind="cancelled"))


@impl(Orders.tell)
async def tell(ctx: QueryCtx, args: ByEvent) -> str:
    clicks = await ctx.db.undeclared_table("clicks").query().take(3)
    if clicks and clicks[0]["button"] == "cancel":
        return f"cancelled: {clicks[0]['_id']!r}"
    event = await ctx.db.events.get(args.event)
    match event:
        case Shipped():
            return event.shipment.kind
        case Cancelled():
            return event.reason or event.kind
        case Noted():
            return str(event.reason)
        case None:
            return ""
        case _:
            assert_never(event)


orders = impls.orders(
    list=list_,
    page=page,
    place=place,
    pay=pay,
    find=find,
    all=all_,
    clear=clear,
    sync=sync,
    customer=customer,
    welcome=welcome,
    history=history,
    event=event,
    cancel=cancel,
    tell=tell,
)
