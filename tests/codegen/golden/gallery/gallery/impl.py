"""The logic of the gallery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from returns.result import Failure, Success

from confect_core import Id, NoArgs, Outcome, PaginationOptions, PaginationResult
from confect_server import ActionCtx, Ctx, Impl, Range, impl, layers, middleware
from gallery._generated import impls
from gallery._generated.db import MutationCtx, PiecesDocument, QueryCtx
from gallery.spec import (
    Account,
    ByPiece,
    Items,
    Lent,
    Listed,
    Named,
    NoSuchPiece,
    NotSignedIn,
    OnDay,
    Pieces,
    Ranked,
    SignedIn,
    Values,
    Visitor,
)
from gallery.tables import Artist, Film, Item, Painting
from gallery.values import Anything, Everything, Sent, Week, Weekday


@middleware(SignedIn).for_all
async def signed_in(ctx: Ctx) -> Outcome[Visitor, NotSignedIn]:
    identity = ctx.auth.identity()
    return Failure(NotSignedIn()) if identity is None else Success(Visitor(identity.subject))


@impl(Values.echo)
async def echo(ctx: QueryCtx, args: Sent) -> Everything:
    return args.value


@impl(Values.anything)
async def anything(ctx: QueryCtx, args: Anything) -> Any:
    return args.value


@impl(Values.week)
async def week(ctx: QueryCtx, args: NoArgs) -> Week:
    raise NotImplementedError


@impl(Values.first_day)
async def first_day(ctx: QueryCtx, args: OnDay) -> Weekday | None:
    raise NotImplementedError


@impl(Values.days)
async def days(ctx: QueryCtx, args: NoArgs) -> list[Weekday]:
    raise NotImplementedError


@impl(Values.pairs)
async def pairs(ctx: QueryCtx, args: NoArgs) -> tuple[Weekday, Weekday]:
    raise NotImplementedError


@impl(Values.counts)
async def counts(ctx: QueryCtx, args: NoArgs) -> dict[Weekday, list[Weekday]]:
    raise NotImplementedError


@impl(Pieces.get)
async def get(ctx: QueryCtx, args: ByPiece) -> Outcome[PiecesDocument, NoSuchPiece | Lent]:
    piece = await ctx.db.pieces.get(args.piece)
    if piece is None:
        return Failure(NoSuchPiece(piece=args.piece))
    return Failure(Lent(to="the museum")) if piece.title == "lent" else Success(piece)


@impl(Pieces.list_)
async def list_(ctx: QueryCtx, args: NoArgs) -> list[PiecesDocument]:
    return await ctx.db.pieces.query().collect()


@impl(Pieces.add_film)
async def add_film(ctx: MutationCtx, args: Named) -> Id[Painting | Film]:
    artist = await ctx.db.artists.insert(name="somebody")
    return await ctx.db.pieces.insert(
        kind="film", artist=artist, title=args.name, length=timedelta(hours=1)
    )


@impl(Pieces.clear)
async def clear(ctx: MutationCtx, args: NoArgs) -> None:
    async for piece in ctx.db.pieces.query():
        await ctx.db.pieces.delete(piece.id)


@impl(Pieces.Admin.remove)
async def remove_piece(ctx: MutationCtx, args: ByPiece) -> Outcome[None, NoSuchPiece]:
    if await ctx.db.pieces.get(args.piece) is None:
        return Failure(NoSuchPiece(piece=args.piece))
    await ctx.db.pieces.delete(args.piece)
    return Success(None)


@impl(Pieces.Admin.default)
async def default(ctx: QueryCtx[Visitor], args: NoArgs) -> str:
    return Visitor.of(ctx).subject


@impl(Items.page)
async def page(ctx: QueryCtx, args: Listed, options: PaginationOptions) -> PaginationResult[Item]:
    if args.up_to is None:
        return await ctx.db.items.by_rank().paginate(options)
    return await ctx.db.items.by_rank(rank=Range(lte=args.up_to)).paginate(options)


@impl(Items.list_)
async def list_items(ctx: QueryCtx, args: Listed) -> list[Item]:
    if args.up_to is None:
        return await ctx.db.items.by_rank().collect()
    return await ctx.db.items.by_rank(rank=Range(lte=args.up_to)).collect()


@impl(Items.add)
async def add(ctx: MutationCtx, args: Ranked) -> Id[Item]:
    return await ctx.db.items.insert(name=args.name, rank=args.rank)


@impl(Items.remove)
async def remove_item(ctx: MutationCtx, args: Named) -> bool:
    item = await ctx.db.items.by_name(name=args.name).first()
    if item is not None:
        await ctx.db.items.delete(item.id)
    return item is not None


@impl(Items.shout)
async def shout(ctx: ActionCtx, args: Named) -> str:
    return args.name.upper()


@impl(Items.artist)
async def artist(ctx: MutationCtx, args: Named) -> Id[Artist]:
    return await ctx.db.artists.insert(name=args.name)


@impl(Account.who)
async def who(ctx: QueryCtx, args: NoArgs) -> str | None:
    identity = ctx.auth.identity()
    return None if identity is None else identity.subject


app = (
    Impl(layers())
    .behind(signed_in)
    .provide(
        impls.values(
            echo=echo,
            anything=anything,
            week=week,
            first_day=first_day,
            days=days,
            pairs=pairs,
            counts=counts,
        ),
        impls.pieces(get=get, list=list_, add_film=add_film, clear=clear),
        impls.pieces_Admin(remove=remove_piece, default=default),
        impls.items(
            page=page,
            list=list_items,
            add=add,
            remove=remove_item,
            shout=shout,
            artist=artist,
        ),
        impls.account(who=who),
    )
)
