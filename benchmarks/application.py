"""The application that is measured: orders with eight fields and two indexes, counters, notices."""

from __future__ import annotations

from typing import Any

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Id,
    Index,
    NoArgs,
    PaginationOptions,
    PaginationResult,
    Table,
)
from confect_server import (
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    Range,
    impl,
    layers,
)

ORDERS_OF_A_CUSTOMER = 10


class Order(Table, name="orders"):
    number: int
    customer: str
    item: str
    quantity: int
    price: float
    is_paid: bool
    city: str
    note: str
    by_customer = Index("customer")
    by_number = Index("number")


class Counter(Table, name="counters"):
    count: int


class Notice(Table, name="notices"):
    text: str


class Place(Args):
    number: int
    customer: str
    item: str
    quantity: int
    price: float
    is_paid: bool
    city: str
    note: str


class Stock(Args):
    first: int
    count: int
    customers: int


class OfCustomer(Args):
    customer: str


class Several(Args):
    first: int
    count: int


class Numbered(Args):
    number: int


class ById(Args):
    order: Id[Order]


class Increment(Args):
    counter: Id[Counter]


class Pin(Args):
    text: str


class Change(Args):
    notice: Id[Notice]
    text: str


class Read(Args):
    notice: Id[Notice]
    reader: int


class Orders(GroupSpec):
    place = FunctionSpec.public_mutation(args=Place, returns=Id[Order])
    stock = FunctionSpec.public_mutation(args=Stock, returns=None)
    of_customer = FunctionSpec.public_query(args=OfCustomer, returns=list[Order])
    several = FunctionSpec.public_query(args=Several, returns=list[Order])
    numbered = FunctionSpec.public_query(args=Numbered, returns=Order | None)
    find = FunctionSpec.public_query(args=ById, returns=Order | None)
    page = FunctionSpec.public_paginated_query(item=Order)


class Counters(GroupSpec):
    begin = FunctionSpec.public_mutation(returns=Id[Counter])
    increment = FunctionSpec.public_mutation(args=Increment, returns=int)


class Notices(GroupSpec):
    pin = FunctionSpec.public_mutation(args=Pin, returns=Id[Notice])
    change = FunctionSpec.public_mutation(args=Change, returns=None)
    read = FunctionSpec.public_query(args=Read, returns=str)


@impl(Orders.place)
async def place(ctx: MutationCtx, args: Place) -> Id[Order]:
    return await ctx.db.table(Order).insert(
        number=args.number,
        customer=args.customer,
        item=args.item,
        quantity=args.quantity,
        price=args.price,
        is_paid=args.is_paid,
        city=args.city,
        note=args.note,
    )


@impl(Orders.stock)
async def stock(ctx: MutationCtx, args: Stock) -> None:
    orders = ctx.db.table(Order)
    for number in range(args.first, args.first + args.count):
        await orders.insert(**order(number, args.customers))


@impl(Orders.of_customer)
async def of_customer(ctx: QueryCtx, args: OfCustomer) -> list[Order]:
    query = ctx.db.table(Order).by("by_customer", customer=args.customer)
    return await query.take(ORDERS_OF_A_CUSTOMER)


@impl(Orders.several)
async def several(ctx: QueryCtx, args: Several) -> list[Order]:
    query = ctx.db.table(Order).by("by_number", number=Range(gte=args.first))
    return await query.take(args.count)


@impl(Orders.numbered)
async def numbered(ctx: QueryCtx, args: Numbered) -> Order | None:
    return await ctx.db.table(Order).by("by_number", number=args.number).first()


@impl(Orders.find)
async def find(ctx: QueryCtx, args: ById) -> Order | None:
    return await ctx.db.get(args.order)


@impl(Orders.page)
async def page(ctx: QueryCtx, args: NoArgs, options: PaginationOptions) -> PaginationResult[Order]:
    return await ctx.db.table(Order).query().paginate(options)


@impl(Counters.begin)
async def begin(ctx: MutationCtx, args: NoArgs) -> Id[Counter]:
    return await ctx.db.table(Counter).insert(count=0)


@impl(Counters.increment)
async def increment(ctx: MutationCtx, args: Increment) -> int:
    counters = ctx.db.table(Counter)
    counter = await counters.get(args.counter)
    assert counter is not None, "the counter that is incremented was begun"
    await counters.change(args.counter, {"count": counter.count + 1})
    return counter.count + 1


@impl(Notices.pin)
async def pin(ctx: MutationCtx, args: Pin) -> Id[Notice]:
    return await ctx.db.table(Notice).insert(text=args.text)


@impl(Notices.change)
async def change(ctx: MutationCtx, args: Change) -> None:
    await ctx.db.table(Notice).change(args.notice, {"text": args.text})


@impl(Notices.read)
async def read(ctx: QueryCtx, args: Read) -> str:
    notice = await ctx.db.get(args.notice)
    assert notice is not None, "the notice that is read was pinned"
    return f"reader {args.reader}: {notice.text}"


def customer(number: int) -> str:
    """The name of a customer."""
    return f"customer-{number:07}"


def order(number: int, customers: int) -> dict[str, Any]:
    """The fields of an order, 200 bytes of JSON; the customers come in turn."""
    return {
        "number": number,
        "customer": customer(number % customers),
        "item": f"item {number % 997:03} of the catalogue",
        "quantity": 1 + number % 9,
        "price": 0.5 + number % 100,
        "is_paid": number % 2 == 0,
        "city": "Amsterdam",
        "note": "to be left with the neighbours if nobody is at home",
    }


def application() -> Impl[Any]:
    """The application, as generated code would make it."""
    model = DataModel((Order, Counter, Notice))
    orders: dict[str, Any] = {
        "place": place,
        "stock": stock,
        "of_customer": of_customer,
        "several": several,
        "numbered": numbered,
        "find": find,
        "page": page,
    }
    counters: dict[str, Any] = {"begin": begin, "increment": increment}
    notices: dict[str, Any] = {"pin": pin, "change": change, "read": read}
    return (
        Impl(layers())
        .provide(GroupImpl("orders", Orders, orders, {}, model))
        .provide(GroupImpl("counters", Counters, counters, {}, model))
        .provide(GroupImpl("notices", Notices, notices, {}, model))
    )
