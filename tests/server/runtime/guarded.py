"""An application behind middleware, for tests of how calls pass it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from returns.result import Failure, Success

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Index,
    Middleware,
    NoArgs,
    Outcome,
    PaginationOptions,
    PaginationResult,
    Provided,
    Table,
    TaggedError,
    ref,
    ref_behind,
)
from confect_server import (
    ActionCtx,
    Answer,
    Call,
    Ctx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    Proceed,
    QueryCtx,
    Service,
    around,
    impl,
    layers,
    middleware,
)
from confect_server.runtime import Backend


class Member(Table, name="members"):
    name: str
    visits: int = 0
    by_name = Index("name")


class Unknown(TaggedError):
    name: str


class Full(TaggedError):
    at: int


class Hidden(TaggedError):
    why: str


@dataclass(frozen=True)
class Who(Provided):
    name: str


@dataclass(frozen=True)
class Place(Provided):
    number: int


class Journal(Service):
    """What is noted down while calls run, and who they are from."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.who = "Ada"
        self.misbehave: Callable[[Proceed], Awaitable[Any]] | None = None


class Noted(Middleware):
    """Notes each call down; it fails with nothing and provides nothing."""


class Known(Middleware[Unknown, Who]):
    """Only for members."""


class Seated(Middleware[Full, Place, Who]):
    """Only for as many as there are seats."""


class ByText(Args):
    text: str


class Club(GroupSpec, behind=[Noted, Known]):
    hello = FunctionSpec.public_query(args=ByText, returns=str)
    page = FunctionSpec.public_paginated_query(args=ByText, item=str)
    seat = FunctionSpec.public_query(returns=int, error=Hidden).behind(Seated)
    join = FunctionSpec.public_mutation(args=ByText, returns=int, error=Hidden)
    leave = FunctionSpec.public_mutation(args=ByText, returns=None)
    visit = FunctionSpec.public_mutation(args=ByText, returns=list[str])
    act = FunctionSpec.public_action(args=ByText, returns=str)


class Open(GroupSpec):
    free = FunctionSpec.public_query(returns=str)
    ask = FunctionSpec.public_query(args=ByText, returns=str)


class Refs:
    hello: Final = ref_behind("club:hello", Club.hello, Unknown)
    join: Final = ref_behind("club:join", Club.join, Unknown)
    free: Final = ref("open:free", Open.free)


@around(Noted).for_all
async def noted(ctx: Ctx[Journal], call: Call, proceed: Proceed) -> Answer:
    journal = Journal.of(ctx)
    visibility = "public" if call.is_public else "internal"
    journal.lines.append(f"> {visibility} {call.kind} {call.path} {call.args}")
    if journal.misbehave is not None:
        answer: Answer = await journal.misbehave(proceed)
        return answer
    answer = await proceed()
    journal.lines.append(f"< {answer.failure or answer.result}")
    return answer


@middleware(Known)
async def known(ctx: QueryCtx[Journal]) -> Outcome[Who, Unknown]:
    name = Journal.of(ctx).who
    if name == "nobody":
        raise Unknown(name=name)
    member = await ctx.db.table(Member).by("by_name", name=name).first()
    return Success(Who(member.name)) if member else Failure(Unknown(name=name))


@middleware(Known).for_actions
async def known_to_act(ctx: ActionCtx[Journal]) -> Who:
    return Who(f"acting {Journal.of(ctx).who}")


@around(Seated)
async def seated(
    ctx: QueryCtx[Who | Journal], call: Call, proceed: Proceed[Place]
) -> Answer | Failure[Full]:
    taken = await ctx.db.table(Member).count()
    if taken > 2:
        return Failure(Full(at=taken))
    return await proceed(Place(taken + len(Who.of(ctx).name)))


@impl(Club.hello)
async def hello(ctx: QueryCtx[Who | Journal], args: ByText) -> str:
    Journal.of(ctx).lines.append("hello")
    if args.text == "crash":
        raise RuntimeError(args.text)
    return f"{args.text} {Who.of(ctx).name}"


@impl(Club.page)
async def page(
    ctx: QueryCtx[Who], args: ByText, options: PaginationOptions
) -> PaginationResult[str]:
    found = [Who.of(ctx).name] * options.num_items
    return PaginationResult(
        page=found, is_done=True, continue_cursor="", split_cursor=None, page_status=None
    )


@impl(Club.seat)
async def seat(ctx: QueryCtx[Place | Who], args: NoArgs) -> Outcome[int, Hidden]:
    return Success(Place.of(ctx).number)


@impl(Club.join)
async def join(ctx: MutationCtx[Who], args: ByText) -> Outcome[int, Hidden]:
    await ctx.db.table(Member).insert(name=args.text)
    if args.text == "raise":
        raise Hidden(why=args.text)
    if args.text == "fail":
        return Failure(Hidden(why=args.text))
    return Success(await ctx.db.table(Member).count())


@impl(Club.leave)
async def leave(ctx: MutationCtx, args: ByText) -> None:
    raise Hidden(why="its spec does not say so")


@impl(Club.visit)
async def visit(ctx: MutationCtx[Journal], args: ByText) -> list[str]:
    heard = [str(await ctx.run_query(Refs.hello, text="again"))]
    Journal.of(ctx).who = args.text
    heard.append(str(await ctx.run_query(Refs.hello, text="again")))
    heard.append(str(await ctx.run_mutation(Refs.join, text="never")))
    return heard


@impl(Club.act)
async def act(ctx: ActionCtx[Who], args: ByText) -> str:
    heard = await ctx.run_query(Refs.hello, text=args.text)
    return f"{Who.of(ctx).name} {heard}"


@impl(Open.free)
async def free(ctx: QueryCtx, args: NoArgs) -> str:
    return "free"


@impl(Open.ask)
async def ask(ctx: Any, args: ByText) -> str:
    # without its annotation, which would keep the application from starting
    return Who.of(ctx).name


def club() -> GroupImpl[Any]:
    functions: dict[str, Any] = {
        "hello": hello,
        "page": page,
        "seat": seat,
        "join": join,
        "leave": leave,
        "visit": visit,
        "act": act,
    }
    return GroupImpl("club", Club, functions, data_model=DataModel((Member,)))


def without_middleware(journal: Journal) -> Impl[Any]:
    """The application before it implements any middleware."""

    async def open_journal() -> AsyncIterator[Journal]:
        yield journal

    functions: dict[str, Any] = {"free": free, "ask": ask}
    opened: GroupImpl[Any] = GroupImpl("open", Open, functions)
    application: Impl[Any] = Impl(layers().add(Journal, open_journal))
    return application.provide(club(), opened)


def guarded(journal: Journal) -> Impl[Any]:
    """The application."""
    application = without_middleware(journal)
    return application.behind(noted).behind(known).behind(known_to_act).behind(seated)


async def found(backend: Backend) -> None:
    """Put the first member into the club, who may let others join."""
    access = backend.executor.application.tables.of_model(Member)
    first = access.encode(Member(name="Ada"))
    await backend.executor.runner.transactions.write(
        lambda transaction: transaction.insert(access.number, first)
    )
