"""A plain action."""

from __future__ import annotations

from confect_server import ActionCtx


async def run(ctx: ActionCtx) -> str:
    return "done"
