"""A bank: an application with one function of every sort, for tests of how functions are run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import anyio
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
    Signature,
    Table,
    TaggedError,
    ref,
)
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    Layers,
    MutationCtx,
    QueryCtx,
    Service,
    impl,
    layers,
)


class Account(Table, name="accounts"):
    name: str
    balance: int
    by_name = Index("name")


class Branch(Table, name="branches"):
    city: str


class Journal(Service):
    """What handlers note down while they run, rolled back or not."""

    def __init__(self) -> None:
        self.lines: list[str] = []


class Meeting(Service):
    """Lets two runs of handlers wait for each other; later ones pass."""

    def __init__(self) -> None:
        self._arrived = 0
        self._has_begun = anyio.Event()
        self._is_complete = anyio.Event()

    async def wait_first(self) -> None:
        """Return once somebody waits."""
        await self._has_begun.wait()

    async def meet(self) -> None:
        """Wait for the other one."""
        self._arrived += 1
        self._has_begun.set()
        if self._arrived == 2:
            self._is_complete.set()
        await self._is_complete.wait()


class Unprovided(Service):
    """No layer provides it."""


class ByName(Args):
    name: str


class Open(Args):
    name: str
    balance: int = 0


class Transfer(Args):
    source: str
    target: str
    amount: int


class ById(Args):
    account: Id[Account]


class NoAccount(TaggedError):
    name: str


class Overdrawn(TaggedError):
    by: int


class Undeclared(TaggedError):
    secret: str


async def search(ctx: QueryCtx, prefix: str, at_most: int = 2, *, order: str = "asc") -> list[str]:
    query = ctx.db.table(Account).by("by_name").order("desc" if order == "desc" else "asc")
    found = [account.name for account in await query.collect()]
    return [name for name in found if name.startswith(prefix)][:at_most]


async def plain_page(ctx: QueryCtx, options: PaginationOptions, prefix: str) -> list[str]:
    return [prefix, str(options.num_items), str(options.cursor)]


async def lying(ctx: QueryCtx) -> int:
    wrong: Any = "three"
    return wrong  # type: ignore[no-any-return]  # the lie


class Accounts(GroupSpec):
    open_ = FunctionSpec.public_mutation(args=Open, returns=Id[Account])
    balance = FunctionSpec.public_query(args=ByName, returns=int, error=NoAccount)
    find = FunctionSpec.public_query(args=ById, returns=str | None)
    total = FunctionSpec.public_query(returns=int)
    transfer = FunctionSpec.public_mutation(args=Transfer, returns=int, error=NoAccount | Overdrawn)
    raising = FunctionSpec.public_mutation(args=Transfer, returns=int, error=NoAccount | Overdrawn)
    deposit = FunctionSpec.public_mutation(args=Open, returns=int, error=NoAccount)
    secretive = FunctionSpec.public_mutation(args=ByName, returns=None)
    broken = FunctionSpec.public_query(returns=int)
    wrong = FunctionSpec.public_query(returns=int)
    page = FunctionSpec.public_paginated_query(args=ByName, item=str)
    needy = FunctionSpec.public_query(returns=int)
    open_and_count = FunctionSpec.public_mutation(args=Open, returns=int)
    report = FunctionSpec.public_query(args=ByName, returns=str)
    settle = FunctionSpec.public_action(args=Transfer, returns=str)
    settle_twice = FunctionSpec.public_action(args=Transfer, returns=list[str])
    writing = FunctionSpec.public_query(args=ByName, returns=None)
    reset = FunctionSpec.internal_mutation(returns=None)
    search = FunctionSpec.plain_public_query(lambda: search)
    plain_page = FunctionSpec.plain_public_paginated_query(lambda: plain_page)
    lying = FunctionSpec.plain_public_query(lambda: lying)


class Refs:
    balance: Final = ref("accounts:balance", Accounts.balance)
    total: Final = ref("accounts:total", Accounts.total)
    transfer: Final = ref("accounts:transfer", Accounts.transfer)
    raising: Final = ref("accounts:raising", Accounts.raising)
    settle: Final = ref("accounts:settle", Accounts.settle)
    reset: Final = ref("accounts:reset", Accounts.reset)
    page: Final = ref("accounts:page", Accounts.page)
    search: Final = ref(
        "accounts:search",
        Accounts.search,
        Signature(prefix=str, at_most=int, order=str, returns=list[str]),
    )


async def named(ctx: QueryCtx[Any, Any], name: str) -> Account | None:
    found: Account | None = await ctx.db.table(Account).by("by_name", name=name).unique()
    return found


async def move(ctx: MutationCtx[Journal], args: Transfer) -> Outcome[int, NoAccount | Overdrawn]:
    Journal.of(ctx).lines.append(f"move {args.amount}")
    source, target = await named(ctx, args.source), await named(ctx, args.target)
    if source is None:
        return Failure(NoAccount(name=args.source))
    accounts = ctx.db.table(Account)
    await accounts.change(source.id, {"balance": source.balance - args.amount})
    if target is None:
        return Failure(NoAccount(name=args.target))
    await accounts.change(target.id, {"balance": target.balance + args.amount})
    if source.balance < args.amount:
        return Failure(Overdrawn(by=args.amount - source.balance))
    return Success(source.balance - args.amount)


@impl(Accounts.open_)
async def open_(ctx: MutationCtx[Journal], args: Open) -> Id[Account]:
    Journal.of(ctx).lines.append(f"open {args.name}")
    return await ctx.db.table(Account).insert(name=args.name, balance=args.balance)


@impl(Accounts.balance)
async def balance(ctx: QueryCtx, args: ByName) -> Outcome[int, NoAccount]:
    account = await named(ctx, args.name)
    return Success(account.balance) if account else Failure(NoAccount(name=args.name))


@impl(Accounts.find)
async def find(ctx: QueryCtx, args: ById) -> str | None:
    account = await ctx.db.get(args.account)
    return account.name if account else None


@impl(Accounts.total)
async def total(ctx: QueryCtx, args: NoArgs) -> int:
    return sum([account.balance async for account in ctx.db.table(Account).query()])


@impl(Accounts.transfer)
async def transfer(
    ctx: MutationCtx[Journal], args: Transfer
) -> Outcome[int, NoAccount | Overdrawn]:
    return await move(ctx, args)


@impl(Accounts.raising)
async def raising(ctx: MutationCtx[Journal], args: Transfer) -> Outcome[int, NoAccount | Overdrawn]:
    moved = await move(ctx, args)
    if isinstance(moved, Failure):
        raise moved.failure()
    return moved


@impl(Accounts.deposit)
async def deposit(ctx: MutationCtx[Journal | Meeting], args: Open) -> Outcome[int, NoAccount]:
    account = await named(ctx, args.name)
    Journal.of(ctx).lines.append(f"deposit {args.balance}")
    await Meeting.of(ctx).meet()
    if account is None:
        return Failure(NoAccount(name=args.name))
    await ctx.db.table(Account).change(account.id, {"balance": account.balance + args.balance})
    return Success(account.balance + args.balance)


@impl(Accounts.secretive)
async def secretive(ctx: MutationCtx, args: ByName) -> None:
    await ctx.db.table(Account).insert(name=args.name, balance=0)
    raise Undeclared(secret="of the bank")


@impl(Accounts.broken)
async def broken(ctx: QueryCtx, args: NoArgs) -> int:
    raise RuntimeError("of the bank")


@impl(Accounts.wrong)
async def wrong(ctx: QueryCtx, args: NoArgs) -> int:
    answer: Any = "three"
    return answer  # type: ignore[no-any-return]  # the lie


@impl(Accounts.page)
async def page(ctx: QueryCtx, args: ByName, options: PaginationOptions) -> PaginationResult[str]:
    return PaginationResult(
        page=[args.name] * options.num_items,
        is_done=False,
        continue_cursor=f"after {options.cursor}",
        split_cursor=None,
        page_status=None,
    )


@impl(Accounts.needy)
async def needy(ctx: QueryCtx[Any], args: NoArgs) -> int:
    Unprovided.of(ctx)
    return 1


@impl(Accounts.open_and_count)
async def open_and_count(ctx: MutationCtx, args: Open) -> int:
    await ctx.db.table(Account).insert(name=args.name, balance=args.balance)
    return await ctx.run_query(Refs.total)


@impl(Accounts.report)
async def report(ctx: QueryCtx, args: ByName) -> str:
    match await ctx.run_query(Refs.balance, name=args.name):
        case Success(amount):
            names = await ctx.run_query(Refs.search, args.name[:1], 1)
            pages = await ctx.run_page(Refs.page, PaginationOptions(num_items=2), name=args.name)
            return f"{amount} {names} {pages.page} of {await ctx.run_query(Refs.total)}"
        case Failure(error):
            return f"no account {error.name}"


@impl(Accounts.settle)
async def settle(ctx: ActionCtx, args: Transfer) -> str:
    before = await ctx.run_query(Refs.total)
    moved = await ctx.run_mutation(
        Refs.raising, source=args.source, target=args.target, amount=args.amount
    )
    after = await ctx.run_query(Refs.balance, name=args.target)
    return f"{before} {moved} {after}"


@impl(Accounts.settle_twice)
async def settle_twice(ctx: ActionCtx, args: Transfer) -> list[str]:
    once = {"source": args.source, "target": args.target, "amount": args.amount}
    return [await ctx.run_action(Refs.settle, **once) for _ in range(2)]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # checked when it runs


@impl(Accounts.writing)
async def writing(ctx: QueryCtx, args: ByName) -> None:
    anything: Any = ctx.db
    await anything.table(Account).insert(name=args.name, balance=1)


@impl(Accounts.reset)
async def reset(ctx: MutationCtx, args: NoArgs) -> None:
    async for account in ctx.db.table(Account).query():
        await ctx.db.delete(account.id)


def accounts() -> GroupImpl[Journal | Meeting | Unprovided]:
    """The group `accounts`, as generated code would make it."""
    functions: dict[str, Any] = {
        "open": open_,
        "balance": balance,
        "find": find,
        "total": total,
        "transfer": transfer,
        "raising": raising,
        "deposit": deposit,
        "secretive": secretive,
        "broken": broken,
        "wrong": wrong,
        "page": page,
        "needy": needy,
        "open_and_count": open_and_count,
        "report": report,
        "settle": settle,
        "settle_twice": settle_twice,
        "writing": writing,
        "reset": reset,
    }
    plain: dict[str, Any] = {"search": search, "plain_page": plain_page, "lying": lying}
    model = DataModel((Account, Branch))
    return GroupImpl("accounts", Accounts, functions, plain, model)


def bank(journal: Journal, meeting: Meeting) -> Impl[Any]:
    """The application, with what its handlers write into and meet at."""

    async def open_journal() -> AsyncIterator[Journal]:
        yield journal

    async def open_meeting() -> AsyncIterator[Meeting]:
        yield meeting

    provided: Layers[Any] = layers().add(Journal, open_journal).add(Meeting, open_meeting)
    return Impl(provided).provide(accounts())
