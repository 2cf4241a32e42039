"""Rooms as somebody has read them: what other groups ask of rooms as well."""

from __future__ import annotations

from chat._generated.db import MutationCtx, QueryCtx
from chat.access import CurrentUser
from chat.rooms.spec import MOST_UNREAD, NoSuchRoom
from chat.tables import Room
from confect_core import Id
from confect_server import Range


async def existing(ctx: QueryCtx[CurrentUser], room: Id[Room]) -> Room:
    """The room, which there is; else `NoSuchRoom`."""
    found = await ctx.db.rooms.get(room)
    if found is None:
        raise NoSuchRoom(room=room)
    return found


async def unread(ctx: QueryCtx[CurrentUser], room: Id[Room]) -> int:
    """How many messages of the room the caller has not read; no more than are worth a count."""
    user = CurrentUser.of(ctx).user.id
    mark = await ctx.db.read_marks.by_user(user=user, room=room).unique()
    later: Range[float] = Range(gt=mark.up_to if mark else 0.0)
    newer = ctx.db.messages.by_room(room=room, creation_time=later)
    return len(await newer.take(MOST_UNREAD + 1))


async def mark_read(ctx: MutationCtx[CurrentUser], room: Id[Room]) -> None:
    """Note that the caller has read the room up to its last message."""
    last = await ctx.db.messages.by_room(room=room).order("desc").first()
    if last is None:
        return
    user = CurrentUser.of(ctx).user.id
    mark = await ctx.db.read_marks.by_user(user=user, room=room).unique()
    if mark is None:
        await ctx.db.read_marks.insert(user=user, room=room, up_to=last.creation_time)
    elif mark.up_to < last.creation_time:
        await ctx.db.read_marks.patch(mark.id, up_to=last.creation_time)
