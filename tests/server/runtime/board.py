"""A board of posts in rooms: an application that counts how often its queries run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
from returns.result import Failure, Success

from confect_core import Args, FunctionSpec, GroupSpec, Index, Outcome, Table, TaggedError
from confect_server import (
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    impl,
    layers,
)


class Post(Table, name="posts"):
    room: str
    text: str
    by_room = Index("room")


class Runs:
    """How often the query of each room ran, and a gate that its runs wait at while it is shut."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.gate = anyio.Event()
        self.gate.set()

    def shut(self) -> None:
        self.gate = anyio.Event()


class InRoom(Args):
    room: str


class NewPost(Args):
    room: str
    text: str


class NoSuchRoom(TaggedError):
    room: str


class Posts(GroupSpec):
    list_ = FunctionSpec.public_query(args=InRoom, returns=list[str], error=NoSuchRoom)
    hidden = FunctionSpec.internal_query(args=InRoom, returns=list[str])
    post = FunctionSpec.public_mutation(args=NewPost, returns=None)


async def texts_in(ctx: QueryCtx[Any], room: str) -> list[str]:
    posts = ctx.db.table(Post).by("by_room", room=room)
    return [post.text async for post in posts]


def board(runs: Runs, *, greeting: str = "") -> Impl[Any]:
    """The application; a version of it may put a greeting before the posts of each room."""

    @impl(Posts.list_)
    async def list_(ctx: QueryCtx, args: InRoom) -> Outcome[list[str], NoSuchRoom]:
        runs.count[args.room] += 1
        await runs.gate.wait()
        texts = await texts_in(ctx, args.room)
        if args.room == "nowhere":
            return Failure(NoSuchRoom(room=args.room))
        return Success([greeting, *texts] if greeting else texts)

    @impl(Posts.hidden)
    async def hidden(ctx: QueryCtx, args: InRoom) -> list[str]:
        return await texts_in(ctx, args.room)

    @impl(Posts.post)
    async def post(ctx: MutationCtx, args: NewPost) -> None:
        await ctx.db.table(Post).insert(room=args.room, text=args.text)

    functions: dict[str, Any] = {"list": list_, "hidden": hidden, "post": post}
    return Impl(layers()).provide(GroupImpl("posts", Posts, functions, {}, DataModel((Post,))))
