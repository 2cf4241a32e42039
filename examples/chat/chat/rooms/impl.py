"""The logic of rooms."""

from __future__ import annotations

from chat._generated import impls
from chat._generated.db import MutationCtx, QueryCtx
from chat.access import CurrentUser
from chat.rooms.reading import existing, mark_read, unread
from chat.rooms.spec import (
    Create,
    InRoom,
    LastMessage,
    NameTaken,
    NoSuchRoom,
    RoomOverview,
    Rooms,
)
from chat.tables import Room
from confect_core import Failure, Id, NoArgs, Outcome, Success
from confect_server import impl

MOST_ROOMS = 100


@impl(Rooms.list_)
async def list_(ctx: QueryCtx[CurrentUser], args: NoArgs) -> list[RoomOverview]:
    # what was said last is read from the messages: kept in the room, it would make everybody
    # who writes into that room at the same time write the same document
    return [
        RoomOverview(
            id=room.id,
            name=room.name,
            unread=await unread(ctx, room.id),
            last=await _last(ctx, room.id),
        )
        for room in await ctx.db.rooms.by_name().take(MOST_ROOMS)
    ]


@impl(Rooms.create)
async def create(ctx: MutationCtx[CurrentUser], args: Create) -> Outcome[Id[Room], NameTaken]:
    if await ctx.db.rooms.by_name(name=args.name).first() is not None:
        return Failure(NameTaken(name=args.name))
    creator = CurrentUser.of(ctx).user.id
    return Success(await ctx.db.rooms.insert(name=args.name, created_by=creator))


@impl(Rooms.read)
async def read(ctx: MutationCtx[CurrentUser], args: InRoom) -> Outcome[None, NoSuchRoom]:
    await mark_read(ctx, (await existing(ctx, args.room)).id)
    return Success(None)


async def _last(ctx: QueryCtx[CurrentUser], room: Id[Room]) -> LastMessage | None:
    message = await ctx.db.messages.by_room(room=room).order("desc").first()
    if message is None:
        return None
    author = await ctx.db.users.get(message.author)
    return LastMessage(
        author=author.name if author else "",
        text=message.text or "a picture",
        at=message.creation_time,
    )


rooms = impls.rooms(list=list_, create=create, read=read)
