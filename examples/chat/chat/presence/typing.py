"""Who writes: it ends when they send, or some seconds after the last key."""

from __future__ import annotations

from chat._generated.db import MutationCtx
from chat.access import CurrentUser
from chat.tables import Room
from confect_core import Id


async def stop_typing(ctx: MutationCtx[CurrentUser], room: Id[Room]) -> None:
    """Note that the caller writes no message any more."""
    user = CurrentUser.of(ctx).user.id
    for typing in await ctx.db.typings.by_room(room=room, user=user).collect():
        await ctx.db.typings.delete(typing.id)
