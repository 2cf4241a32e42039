"""The logic of the desk."""

from __future__ import annotations

from decimal import Decimal

from returns.result import Failure, Success

from confect_core import Id, NoArgs, Outcome, PaginationOptions, PaginationResult
from confect_server import (
    ActionCtx,
    Answer,
    Call,
    Ctx,
    Impl,
    Proceed,
    around,
    impl,
    middleware,
)
from shop._generated import impls
from shop._generated.db import MutationCtx, QueryCtx
from shop.desk.middleware import Clerk, Measured, NotOnDuty, NotSignedIn, OnDuty, Serving, SignedIn
from shop.desk.spec import Desk
from shop.orders.spec import ByOrder, NoSuchOrder
from shop.services import Mailer, Till, live
from shop.tables.orders import Order


@middleware(SignedIn).for_all
async def signed_in(ctx: Ctx) -> Outcome[Clerk, NotSignedIn]:
    return Success(Clerk("Ada"))


@middleware(OnDuty)
async def on_duty(ctx: QueryCtx[Clerk | Till]) -> Outcome[Serving, NotOnDuty]:
    customer = await ctx.db.customer.query().first()
    if customer is None or Till.of(ctx).total() < 0:
        return Failure(NotOnDuty(clerk=Clerk.of(ctx).name))
    return Success(Serving(customer.id))


@around(Measured).for_all
async def measured(ctx: Ctx, call: Call, proceed: Proceed) -> Answer:
    return await proceed()


@impl(Desk.name)
async def name(ctx: QueryCtx[Clerk], args: NoArgs) -> str:
    return Clerk.of(ctx).name


@impl(Desk.orders)
async def orders(
    ctx: QueryCtx, args: NoArgs, options: PaginationOptions
) -> PaginationResult[Order]:
    return await ctx.db.orders.query().paginate(options)


@impl(Desk.order)
async def order(ctx: QueryCtx, args: ByOrder) -> Outcome[Order, NoSuchOrder]:
    return Failure(NoSuchOrder(order=args.order))


@impl(Desk.open_)
async def open_(
    ctx: MutationCtx[Clerk | Serving | Till], args: NoArgs
) -> Outcome[Id[Order], NotSignedIn]:
    customer, total = Serving.of(ctx).customer, Decimal(Till.of(ctx).total())
    return Success(await ctx.db.orders.insert(customer=customer, number=ctx.uuid(), total=total))


@impl(Desk.close)
async def close(ctx: MutationCtx, args: NoArgs) -> None: ...


@impl(Desk.call)
async def call(ctx: ActionCtx[Mailer | Clerk], args: ByOrder) -> Outcome[bool, NoSuchOrder]:
    await Mailer.of(ctx).send(Clerk.of(ctx).name)
    return Success(True)


@impl(Desk.Hours.today)
async def today(ctx: QueryCtx, args: NoArgs) -> str:
    return "9 to 5"


desk = impls.desk(name=name, orders=orders, order=order, open=open_, close=close, call=call)
hours = impls.desk_Hours(today=today)
staffed = Impl(live).behind(measured).behind(signed_in).behind(on_duty).provide(desk, hours)
