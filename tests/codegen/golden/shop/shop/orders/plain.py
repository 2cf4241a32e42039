"""Plain functions of every kind; some call others."""

from __future__ import annotations

from typing import Literal

from confect_core import Id, Int64, PaginationOptions, PaginationResult
from confect_server import ActionCtx, plain
from shop._generated import refs
from shop._generated.db import MutationCtx, QueryCtx
from shop.services import Mailer, Till
from shop.tables.customers import Customer
from shop.values import Box, Percent, Shouted


async def query(
    ctx: QueryCtx[Till],
    text: str,
    kind: Literal["big", "small"] = "big",
    *,
    limit: Int64 = 20,
    discount: Percent = 0.0,
    loud: Shouted = "",
) -> list[Box[str]]:
    return [Box(item=f"{text} {kind} {limit} {discount} {loud}")]


async def page(
    ctx: QueryCtx, options: PaginationOptions, customer: Id[Customer] | None = None
) -> PaginationResult[Customer]:
    return PaginationResult(
        page=[], is_done=True, continue_cursor="", split_cursor=None, page_status=None
    )


async def mutation(ctx: MutationCtx, amounts: dict[str, float]) -> None:
    return None


@plain.action
async def action(ctx: ActionCtx[Mailer | Till], order: bytes) -> bool:
    (answer,) = await ctx.run_query(refs.public.orders.plain_query, "hello", limit=3, loud="hey")
    return answer.item == "hello big 3 0.0 HEY"


@plain.internal_action
async def export(ctx: ActionCtx) -> int:
    return 1
