"""A shelf of books: an application with pages, declared errors and a mutation that fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from returns.result import Failure, Success

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Id,
    Index,
    NoArgs,
    Outcome,
    PaginationOptions,
    PaginationResult,
    Spec,
    Table,
    TaggedError,
    ref,
)
from confect_server import (
    DataModel,
    FunctionImpl,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    layers,
)
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving


class Book(Table, name="books"):
    title: str
    by_title = Index("title")


class ByTitle(Args):
    title: str


class NotThere(TaggedError):
    title: str


class Books(GroupSpec):
    titles = FunctionSpec.public_query(returns=list[str])
    count = FunctionSpec.public_query(returns=int)
    find = FunctionSpec.public_query(args=ByTitle, returns=str, error=NotThere)
    starting = FunctionSpec.public_query(args=ByTitle, returns=list[str])
    page = FunctionSpec.public_paginated_query(item=Book)
    sure_page = FunctionSpec.public_paginated_query(item=Book, error=NotThere)
    broken = FunctionSpec.public_query(returns=None)
    add = FunctionSpec.public_mutation(args=ByTitle, returns=Id[Book])
    remove = FunctionSpec.public_mutation(args=ByTitle, returns=None, error=NotThere)
    break_ = FunctionSpec.public_mutation(args=ByTitle, returns=None)


class Refs:
    titles: Final = ref("books:titles", Books.titles)
    count: Final = ref("books:count", Books.count)
    find: Final = ref("books:find", Books.find)
    starting: Final = ref("books:starting", Books.starting)
    page: Final = ref("books:page", Books.page)
    sure_page: Final = ref("books:sure_page", Books.sure_page)
    broken: Final = ref("books:broken", Books.broken)
    add: Final = ref("books:add", Books.add)
    remove: Final = ref("books:remove", Books.remove)
    break_: Final = ref("books:break_", Books.break_)


async def _titles(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [book.title for book in await ctx.db.table(Book).by("by_title").collect()]


async def _count(ctx: QueryCtx, args: NoArgs) -> int:
    return len(await ctx.db.table(Book).query().collect())


async def _find(ctx: QueryCtx, args: ByTitle) -> Outcome[str, NotThere]:
    titles = await _titles(ctx, NoArgs())
    return Success(args.title) if args.title in titles else Failure(NotThere(title=args.title))


async def _starting(ctx: QueryCtx, args: ByTitle) -> list[str]:
    return [title for title in await _titles(ctx, NoArgs()) if title.startswith(args.title)]


async def _page(ctx: QueryCtx, args: NoArgs, options: PaginationOptions) -> PaginationResult[Book]:
    return await ctx.db.table(Book).by("by_title").paginate(options)


async def _sure_page(
    ctx: QueryCtx, args: NoArgs, options: PaginationOptions
) -> Outcome[PaginationResult[Book], NotThere]:
    page = await _page(ctx, args, options)
    return Success(page) if page.page else Failure(NotThere(title="any"))


async def _add(ctx: MutationCtx, args: ByTitle) -> Id[Book]:
    return await ctx.db.table(Book).insert(title=args.title)


async def _remove(ctx: MutationCtx, args: ByTitle) -> Outcome[None, NotThere]:
    for book in await ctx.db.table(Book).by("by_title").collect():
        if book.title == args.title:
            await ctx.db.delete(book.id)
            return Success(None)
    return Failure(NotThere(title=args.title))


async def _broken(ctx: QueryCtx, args: NoArgs) -> None:
    raise RuntimeError("of the shelf")


async def _break(ctx: MutationCtx, args: ByTitle) -> None:
    raise RuntimeError(args.title)


def application() -> Impl[Any]:
    """The books and what can be done with them."""
    books = GroupImpl.make(Books).provide(
        FunctionImpl.make(Books.titles, _titles),
        FunctionImpl.make(Books.count, _count),
        FunctionImpl.make(Books.find, _find),
        FunctionImpl.make(Books.starting, _starting),
        FunctionImpl.make(Books.page, _page),
        FunctionImpl.make(Books.sure_page, _sure_page),
        FunctionImpl.make(Books.broken, _broken),
        FunctionImpl.make(Books.add, _add),
        FunctionImpl.make(Books.remove, _remove),
        FunctionImpl.make(Books.break_, _break),
    )
    spec = Spec.make().add(Books)
    return Impl.make(spec, layers(), DataModel((Book,))).provide(books).finalize()


@asynccontextmanager
async def a_shelf(port: int = 0) -> AsyncGenerator[str]:
    """The URL of a server with an empty shelf, on any port unless one is named."""
    async with Backend.open(application(), MemoryStore()) as backend:
        app = ConfectAsgi(backend, AdminKey("secret"))
        async with serving(app, "127.0.0.1", port) as port:
            yield f"http://127.0.0.1:{port}"
