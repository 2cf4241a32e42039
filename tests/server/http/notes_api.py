"""A typed HTTP API with everything that endpoints may have, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field
from returns.result import Failure, Success

from confect_core import (
    ABSENT,
    Absent,
    Args,
    Endpoint,
    FunctionSpec,
    GroupSpec,
    HttpApi,
    Id,
    InHeader,
    InQuery,
    Int64,
    NoArgs,
    Outcome,
    Table,
    TaggedError,
    ref,
)
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    Service,
    endpoint,
    impl,
    layers,
)


class Memo(Table, name="memos"):
    text: str
    tag: str | None = None


class Other(Table, name="others"):
    text: str


class ByMemo(Args):
    memo_id: Id[Memo]


class Insert(Args):
    text: str = Field(max_length=10)
    tag: str | None = None


class MemoNotFound(TaggedError, http_status=404):
    memo_id: Id[Memo]


class Locked(TaggedError):
    reason: str


class Memos(GroupSpec):
    get = FunctionSpec.public_query(args=ByMemo, returns=Memo, error=MemoNotFound)
    insert = FunctionSpec.internal_mutation(args=Insert, returns=Id[Memo])
    other = FunctionSpec.internal_mutation(returns=Id[Other])


GET = ref("memos:get", Memos.get)
INSERT = ref("memos:insert", Memos.insert)
OTHER = ref("memos:other", Memos.other)


@impl(Memos.get)
async def get_memo(ctx: QueryCtx, args: ByMemo) -> Outcome[Memo, MemoNotFound]:
    memo = await ctx.db.table(Memo).get(args.memo_id)
    return Success(memo) if memo else Failure(MemoNotFound(memo_id=args.memo_id))


@impl(Memos.insert)
async def insert_memo(ctx: MutationCtx, args: Insert) -> Id[Memo]:
    return await ctx.db.table(Memo).insert(text=args.text, tag=args.tag)


@impl(Memos.other)
async def insert_other(ctx: MutationCtx, args: NoArgs) -> Id[Other]:
    return await ctx.db.table(Other).insert(text="other")


class Address(BaseModel):
    city: str
    codes: list[int] = []


class Everything(Args):
    name: str
    count: Int64
    at: datetime
    data: bytes
    address: Address
    labels: Annotated[tuple[str, ...], InQuery()] = ()
    dry: Annotated[bool, InQuery()] = False
    key: Annotated[str, InHeader("X-Key")] = "none"
    note: str | Absent = ABSENT


class Echoed(BaseModel):
    name: str
    count: Int64
    at: datetime
    data: bytes
    address: Address
    labels: tuple[str, ...]
    dry: bool
    key: str
    note: str | Absent = ABSENT


class Failing(Args):
    how: str
    times: int = 1


class MemosApi(HttpApi, prefix="/v1"):
    """Memos, for other programs."""

    get = Endpoint.get("/memos/{memo_id}", calls=GET, summary="One memo")
    insert = Endpoint.post("/memos", calls=INSERT, status=201)
    title = Endpoint.get("/memos/{memo_id}/title", args=ByMemo, returns=str, error=MemoNotFound)
    everything = Endpoint.put("/things/{name}", args=Everything, returns=Echoed)
    fail = Endpoint.get(
        "/fail/{how}",
        args=Failing,
        returns=list[int],
        error=Locked | MemoNotFound,
    ).with_status(Locked, 423)
    clear = Endpoint.delete("/memos", returns=None, status=204)


class Shouting(Service):
    def shout(self, text: str) -> str:
        """The text, louder."""
        return text.upper()


@endpoint(MemosApi.title)
async def title(ctx: ActionCtx[Shouting], args: ByMemo) -> Outcome[str, MemoNotFound]:
    match await ctx.run_query(GET, memo_id=args.memo_id):
        case Success(memo):
            return Success(Shouting.of(ctx).shout(memo.text))
        case Failure(error):
            return Failure(error)


@endpoint(MemosApi.everything)
async def everything(ctx: ActionCtx, args: Everything) -> Echoed:
    return Echoed(**dict(args))


class Undeclared(TaggedError):
    pass


@endpoint(MemosApi.fail)
async def fail(ctx: ActionCtx, args: Failing) -> Outcome[list[int], Locked | MemoNotFound]:
    match args.how:
        case "locked":
            return Failure(Locked(reason="by Ada"))
        case "raised":
            raise Locked(reason="by Bob")
        case "undeclared":
            raise Undeclared
        case "broken":
            raise RuntimeError("a secret")
        case "wrong":
            return Success(["no number"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # what a checker refuses
        case _:
            return Success([args.times] * args.times)


@endpoint(MemosApi.clear)
async def clear(ctx: ActionCtx, args: NoArgs) -> None:
    return None


async def open_shouting() -> AsyncIterator[Shouting]:
    yield Shouting()


memos: GroupImpl[Shouting] = GroupImpl(
    "memos",
    Memos,
    {"get": get_memo, "insert": insert_memo, "other": insert_other},
    data_model=DataModel((Memo, Other)),
)
app = (
    Impl(layers().add(Shouting, open_shouting))
    .provide(memos)
    .serve_api(MemosApi, title, everything, fail, clear)
)
