"""Cards that change their places: at every moment each of them lies in exactly one."""

from __future__ import annotations

from typing import Any

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Index,
    NoArgs,
    PaginationOptions,
    PaginationResult,
    Table,
    ref,
)
from confect_server import MutationCtx, QueryCtx, impl


class Card(Table, name="cards"):
    number: int
    place: int
    by_number = Index("number")
    by_place = Index("place")


class Place(Args):
    number: int
    place: int


class Cards(GroupSpec):
    put = FunctionSpec.public_mutation(args=Place, returns=None)
    row = FunctionSpec.public_query(returns=list[int])
    page = FunctionSpec.public_paginated_query(item=Card)


PUT = ref("cards:put", Cards.put)
ROW = ref("cards:row", Cards.row)
PAGE = ref("cards:page", Cards.page)


@impl(Cards.put)
async def put(ctx: MutationCtx, args: Place) -> None:
    before = await ctx.db.table(Card).by("by_number", number=args.number).unique()
    if before is not None:
        await ctx.db.delete(before.id)
    await ctx.db.table(Card).insert(number=args.number, place=args.place)


@impl(Cards.row)
async def row(ctx: QueryCtx, args: NoArgs) -> list[int]:
    return [card.number for card in await ctx.db.table(Card).by("by_place").collect()]


@impl(Cards.page)
async def page(ctx: QueryCtx, args: NoArgs, options: PaginationOptions) -> PaginationResult[Card]:
    return await ctx.db.table(Card).by("by_place").paginate(options)


FUNCTIONS: dict[str, Any] = {"put": put, "row": row, "page": page}
