"""The logic of messages."""

from __future__ import annotations

from datetime import timedelta

from chat._generated import impls
from chat._generated.db import MutationCtx, QueryCtx
from chat.access import CurrentUser
from chat.messages.spec import (
    EmptyMessage,
    Messages,
    NoSuchUpload,
    NotAPicture,
    Send,
    ShownMessage,
    Uploads,
)
from chat.presence.typing import stop_typing
from chat.rooms.reading import existing, mark_read
from chat.rooms.spec import InRoom, NoSuchRoom
from chat.tables import Message
from confect_core import (
    Failure,
    Id,
    NoArgs,
    Outcome,
    PaginationOptions,
    PaginationResult,
    StoredFile,
    Success,
)
from confect_server import impl

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)

SHOWN_AS_PICTURES = frozenset(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"])


@impl(Messages.page)
async def page(
    ctx: QueryCtx[CurrentUser], args: InRoom, options: PaginationOptions
) -> Outcome[PaginationResult[ShownMessage], NoSuchRoom]:
    room = await existing(ctx, args.room)
    found = await ctx.db.messages.by_room(room=room.id).order("desc").paginate(options)
    return Success(
        PaginationResult[ShownMessage](
            page=[await _shown(ctx, each) for each in found.page],
            is_done=found.is_done,
            continue_cursor=found.continue_cursor,
            split_cursor=found.split_cursor,
            page_status=found.page_status,
        )
    )


@impl(Messages.send)
async def send(
    ctx: MutationCtx[CurrentUser], args: Send
) -> Outcome[Id[Message], NoSuchRoom | EmptyMessage | NoSuchUpload | NotAPicture]:
    room = await existing(ctx, args.room)
    text = args.text.strip()
    if not text and args.picture is None:
        return Failure(EmptyMessage())
    if args.picture is not None:
        await _check_picture(ctx, args.picture)
    message = await ctx.db.messages.insert(
        room=room.id,
        author=CurrentUser.of(ctx).user.id,
        text=text,
        key=args.key,
        picture=args.picture,
    )
    await mark_read(ctx, room.id)
    await stop_typing(ctx, room.id)
    return Success(message)


@impl(Messages.upload_url)
async def upload_url(ctx: MutationCtx[CurrentUser], args: NoArgs) -> str:
    return await ctx.storage.upload_url()


@impl(Uploads.forget)
async def forget(ctx: MutationCtx, args: NoArgs) -> None:
    """Delete files of which no message has come in a day; those of before a week were looked at."""
    now = timedelta(seconds=ctx.now().timestamp())
    async for file in ctx.db.system.storage.order("desc"):
        age = now - timedelta(milliseconds=file.creation_time)
        if age > WEEK:
            break
        if age > DAY and await ctx.db.messages.by_picture(picture=file.id).first() is None:
            await ctx.storage.delete(file.id)


async def _shown(ctx: QueryCtx[CurrentUser], message: Message) -> ShownMessage:
    author = await ctx.db.users.get(message.author)
    return ShownMessage(
        id=message.id,
        key=message.key,
        at=message.creation_time,
        author=message.author,
        author_name=author.name if author else "",
        text=message.text,
        picture=None if message.picture is None else await ctx.storage.url(message.picture),
    )


async def _check_picture(ctx: MutationCtx[CurrentUser], picture: Id[StoredFile]) -> None:
    # a file that another message has may be of somebody else, who has not shown it to the caller
    is_taken = await ctx.db.messages.by_picture(picture=picture).first() is not None
    file = await ctx.storage.metadata(picture)
    if is_taken or file is None:
        raise NoSuchUpload(picture=picture)
    if file.content_type not in SHOWN_AS_PICTURES:
        raise NotAPicture(content_type=file.content_type)


messages = impls.messages(page=page, send=send, upload_url=upload_url)
uploads = impls.uploads(forget=forget)
