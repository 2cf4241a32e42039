"""The logic of presence.

A query is run again when what it has read was written, and not because time passes: one that
compared heartbeats with the clock would go on showing people who have left, for as long as nobody
else writes. So the end of a presence is a write, too. A mutation is scheduled with each presence,
which looks whether there were heartbeats meanwhile, and if so, when to look again. That is one
scheduled function for each person that is here, and no query runs unless somebody comes or goes.
"""

from __future__ import annotations

from datetime import timedelta

from chat._generated import impls, refs
from chat._generated.db import MutationCtx, QueryCtx
from chat.access import CurrentUser
from chat.presence.spec import Absence, OfPresence, OfTyping, Person, Presence
from chat.presence.typing import stop_typing
from chat.rooms.reading import existing
from chat.rooms.spec import InRoom, NoSuchRoom
from confect_core import NoArgs, Outcome, Success
from confect_server import impl

GONE_AFTER = timedelta(seconds=25)
"""Longer than two heartbeats of a client, one of which may be late or lost."""

TYPING_ENDS_AFTER = timedelta(seconds=5)

MOST_PEOPLE = 200
MOST_TYPING = 4


@impl(Presence.people)
async def people(ctx: QueryCtx[CurrentUser], args: NoArgs) -> list[Person]:
    here = {each.user for each in await ctx.db.presences.query().take(MOST_PEOPLE)}
    users = await ctx.db.users.query().take(MOST_PEOPLE)
    found = [Person(id=each.id, name=each.name, is_here=each.id in here) for each in users]
    return sorted(found, key=lambda person: (not person.is_here, person.name.lower()))


@impl(Presence.beat)
async def beat(ctx: MutationCtx[CurrentUser], args: NoArgs) -> None:
    user, at = CurrentUser.of(ctx).user.id, ctx.now().timestamp() * 1000
    heartbeat = await ctx.db.heartbeats.by_user(user=user).unique()
    if heartbeat is None:
        await ctx.db.heartbeats.insert(user=user, at=at)
    else:
        await ctx.db.heartbeats.patch(heartbeat.id, at=at)
    if await ctx.db.presences.by_user(user=user).unique() is None:
        presence = await ctx.db.presences.insert(user=user)
        end = refs.internal.absence.end_presence
        await ctx.scheduler.run_after(GONE_AFTER, end, presence=presence)


@impl(Presence.leave)
async def leave(ctx: MutationCtx[CurrentUser], args: NoArgs) -> None:
    presence = await ctx.db.presences.by_user(user=CurrentUser.of(ctx).user.id).unique()
    if presence is not None:
        await ctx.db.presences.delete(presence.id)


@impl(Presence.typing)
async def typing(ctx: QueryCtx[CurrentUser], args: InRoom) -> list[str]:
    me, names = CurrentUser.of(ctx).user.id, list[str]()
    for each in await ctx.db.typings.by_room(room=args.room).take(MOST_TYPING):
        user = await ctx.db.users.get(each.user)
        if user is not None and user.id != me:
            names.append(user.name)
    return names


@impl(Presence.type_)
async def type_(ctx: MutationCtx[CurrentUser], args: InRoom) -> Outcome[None, NoSuchRoom]:
    room, user = await existing(ctx, args.room), CurrentUser.of(ctx).user.id
    # a new document each time: what was scheduled for the last one finds it gone
    await stop_typing(ctx, room.id)
    typing = await ctx.db.typings.insert(room=room.id, user=user)
    end = refs.internal.absence.end_typing
    await ctx.scheduler.run_after(TYPING_ENDS_AFTER, end, typing=typing)
    return Success(None)


@impl(Absence.end_presence)
async def end_presence(ctx: MutationCtx, args: OfPresence) -> None:
    presence = await ctx.db.presences.get(args.presence)
    if presence is None:
        return
    heartbeat = await ctx.db.heartbeats.by_user(user=presence.user).unique()
    at = heartbeat.at if heartbeat else 0.0
    left = timedelta(milliseconds=at) + GONE_AFTER - timedelta(seconds=ctx.now().timestamp())
    if left > timedelta():
        end = refs.internal.absence.end_presence
        await ctx.scheduler.run_after(left, end, presence=presence.id)
    else:
        await ctx.db.presences.delete(presence.id)


@impl(Absence.end_typing)
async def end_typing(ctx: MutationCtx, args: OfTyping) -> None:
    if await ctx.db.typings.get(args.typing) is not None:
        await ctx.db.typings.delete(args.typing)


presence = impls.presence(people=people, beat=beat, leave=leave, typing=typing, type=type_)
absence = impls.absence(end_presence=end_presence, end_typing=end_typing)
