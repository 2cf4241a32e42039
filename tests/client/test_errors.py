"""Errors end to end: every kind of function, failing in every way, told to every caller alike."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import httpx2
import pytest
from returns.result import Failure, Success

from confect_client import AsyncClient, FunctionFailed
from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Id,
    Int64,
    NoArgs,
    Outcome,
    PaginationOptions,
    PaginationResult,
    Ref,
    Spec,
    Table,
    TaggedError,
    ref,
)
from confect_core.values.codec import Mismatch
from confect_server import (
    ActionCtx,
    DataModel,
    FunctionImpl,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    layers,
)
from confect_server.errors import UndeclaredError
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving

How: TypeAlias = Literal[
    "returned",
    "raised",
    "undeclared returned",
    "undeclared raised",
    "no error at all",
    "crashed",
    "lying",
    "fine",
]


class Note(Table, name="notes"):
    text: str


class Rich(TaggedError):
    """An error whose fields travel under other forms than they have."""

    at: datetime
    size: Int64
    tags: frozenset[str]
    note: Id[Note] | None = None


class Other(TaggedError):
    why: str


class Secret(TaggedError):
    key: str


class Failing(Args):
    how: How


RICH = Rich(at=datetime(2026, 1, 2, tzinfo=UTC), size=2**60, tags=frozenset({"a", "b"}))
PAGE = PaginationOptions(num_items=1)


class Callees(GroupSpec):
    query = FunctionSpec.public_query(args=Failing, returns=str, error=Rich | Other)
    page = FunctionSpec.public_paginated_query(args=Failing, item=str, error=Rich | Other)
    mutation = FunctionSpec.public_mutation(args=Failing, returns=str, error=Rich | Other)
    action = FunctionSpec.public_action(args=Failing, returns=str, error=Rich | Other)


class Callers(GroupSpec):
    query = FunctionSpec.public_query(args=Failing, returns=str)
    mutation = FunctionSpec.public_mutation(args=Failing, returns=str)
    action = FunctionSpec.public_action(args=Failing, returns=str)
    texts = FunctionSpec.public_query(returns=list[str])


class Refs:
    query: Final = ref("callees:query", Callees.query)
    page: Final = ref("callees:page", Callees.page)
    mutation: Final = ref("callees:mutation", Callees.mutation)
    action: Final = ref("callees:action", Callees.action)
    texts: Final = ref("callers:texts", Callers.texts)


def fail(how: How) -> Outcome[str, Rich | Other]:
    """Whatever a handler does when it is told how."""
    match how:
        case "fine":
            return Success("fine")
        case "returned":
            return Failure(RICH)
        case "raised":
            raise RICH
        case "undeclared returned":
            undeclared: Any = Secret(key="swordfish")
            return Failure(undeclared)
        case "undeclared raised":
            raise Secret(key="swordfish")
        case "no error at all":
            text: Any = "swordfish"
            return Failure(text)
        case "crashed":
            raise RuntimeError("swordfish")
        case "lying":
            wrong: Any = {"swordfish": 3}
            return Success(wrong)


async def query(ctx: QueryCtx, args: Failing) -> Outcome[str, Rich | Other]:
    return fail(args.how)


async def page(
    ctx: QueryCtx, args: Failing, options: PaginationOptions
) -> Outcome[PaginationResult[str], Rich | Other]:
    match fail(args.how):
        case Success(text):
            return Success(
                PaginationResult(
                    page=[text],
                    is_done=True,
                    continue_cursor="",
                    split_cursor=None,
                    page_status=None,
                )
            )
        case failure:
            return failure


async def mutation(ctx: MutationCtx, args: Failing) -> Outcome[str, Rich | Other]:
    await ctx.db.table(Note).insert(text=args.how)
    return fail(args.how)


async def action(ctx: ActionCtx, args: Failing) -> Outcome[str, Rich | Other]:
    return fail(args.how)


class Caller:
    """Calls one of the callees from inside a function, and tells what came back."""

    def __init__(self) -> None:
        self.calls: Callable[[Any, How], Awaitable[object]] = call_query

    async def __call__(self, ctx: Any, args: Failing) -> str:
        try:
            answer = await self.calls(ctx, args.how)
        except (UndeclaredError, Mismatch, RuntimeError) as error:
            return f"raised {type(error).__name__}"
        return str(answer)


async def call_query(ctx: Any, how: How) -> object:
    return await ctx.run_query(Refs.query, how=how)


async def call_page(ctx: Any, how: How) -> object:
    return await ctx.run_page(Refs.page, PAGE, how=how)


async def call_mutation(ctx: Any, how: How) -> object:
    return await ctx.run_mutation(Refs.mutation, how=how)


async def call_action(ctx: Any, how: How) -> object:
    return await ctx.run_action(Refs.action, how=how)


def application(caller: Caller) -> Impl[Any]:
    async def from_query(ctx: QueryCtx, args: Failing) -> str:
        return await caller(ctx, args)

    async def from_mutation(ctx: MutationCtx, args: Failing) -> str:
        await ctx.db.table(Note).insert(text="kept")
        return await caller(ctx, args)

    async def from_action(ctx: ActionCtx, args: Failing) -> str:
        return await caller(ctx, args)

    async def texts(ctx: QueryCtx, args: NoArgs) -> list[str]:
        return [note.text for note in await ctx.db.table(Note).query().collect()]

    callees = GroupImpl.make(Callees).provide(
        FunctionImpl.make(Callees.query, query),
        FunctionImpl.make(Callees.page, page),
        FunctionImpl.make(Callees.mutation, mutation),
        FunctionImpl.make(Callees.action, action),
    )
    callers = GroupImpl.make(Callers).provide(
        FunctionImpl.make(Callers.query, from_query),
        FunctionImpl.make(Callers.mutation, from_mutation),
        FunctionImpl.make(Callers.action, from_action),
        FunctionImpl.make(Callers.texts, texts),
    )
    spec = Spec.make().add(Callees).add(Callers)
    return Impl.make(spec, layers(), DataModel((Note,))).provide(callees, callers).finalize()


class At:
    """The application on a port."""

    def __init__(self, url: str, client: AsyncClient, caller: Caller) -> None:
        self.url = url
        self.client = client
        self.caller = caller

    async def call(self, kind: str, how: How) -> object:
        """What the Python client is told of a callee."""
        match kind:
            case "query":
                return await self.client.query(Refs.query, how=how)
            case "page":
                return await self.client.query_page(Refs.page, PAGE, how=how)
            case "mutation":
                return await self.client.mutation(Refs.mutation, how=how)
            case _:
                return await self.client.action(Refs.action, how=how)

    async def post(self, kind: str, path: str, **args: object) -> dict[str, Any]:
        """What HTTP is told."""
        body = {"path": path, "format": "json", "args": args}
        async with httpx2.AsyncClient() as http:
            answer: dict[str, Any] = (await http.post(f"{self.url}/api/{kind}", json=body)).json()
        return answer


@asynccontextmanager
async def served(*, redacts: bool = False) -> AsyncGenerator[At]:
    caller = Caller()
    async with Backend.open(application(caller), MemoryStore(), redacts=redacts) as backend:
        app = ConfectAsgi(backend, AdminKey("secret"))
        async with serving(app, "127.0.0.1", 0) as port:
            url = f"http://127.0.0.1:{port}"
            async with AsyncClient(url) as client:
                yield At(url, client, caller)


KINDS = ("query", "page", "mutation", "action")
DECLARED: tuple[How, ...] = ("returned", "raised")
OPAQUE: tuple[How, ...] = (
    "undeclared returned",
    "undeclared raised",
    "no error at all",
    "crashed",
    "lying",
)
NESTED = [
    ("query", call_query),
    ("query", call_page),
    ("mutation", call_query),
    ("mutation", call_page),
    ("mutation", call_mutation),
    ("action", call_query),
    ("action", call_page),
    ("action", call_mutation),
    ("action", call_action),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", DECLARED)
async def test_a_declared_error_arrives_at_the_client_as_the_same_class(
    kind: str, how: How
) -> None:
    async with served() as at:
        assert await at.call(kind, how) == Failure(RICH)
        assert isinstance(await at.call(kind, "fine"), Success)
        assert await at.client.query(Refs.texts) == (["fine"] if kind == "mutation" else [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", OPAQUE)
@pytest.mark.parametrize("redacts", [False, True])
async def test_whatever_else_fails_is_opaque_but_in_development(
    kind: str, how: How, redacts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(redacts=redacts) as at:
        with pytest.raises(FunctionFailed) as failed:
            await at.call(kind, how)
        assert failed.value.request_id is not None
        assert ("swordfish" in str(failed.value)) is not redacts
        assert await at.client.query(Refs.texts) == []
    (record,) = caplog.records
    assert failed.value.request_id in record.getMessage()
    assert record.exc_info is not None


@pytest.mark.parametrize(("caller", "calls"), NESTED)
@pytest.mark.parametrize("how", DECLARED)
async def test_a_declared_error_arrives_at_a_function_as_the_same_class(
    caller: str, calls: Callable[[Any, How], Awaitable[object]], how: How
) -> None:
    async with served() as at:
        seen: list[object] = []

        async def noted(ctx: Any, how: How) -> object:
            seen.append(await calls(ctx, how))
            return "noted"

        at.caller.calls = noted
        path = f"callers:{caller}"
        assert (await at.post(caller, path, how=how))["value"] == "noted"
        assert seen == [Failure(RICH)]
        assert await at.client.query(Refs.texts) == (["kept"] if caller == "mutation" else [])


@pytest.mark.parametrize(("caller", "calls"), NESTED)
@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("undeclared returned", "UndeclaredError"),
        ("undeclared raised", "UndeclaredError"),
        ("no error at all", "UndeclaredError"),
        ("crashed", "RuntimeError"),
        ("lying", "Mismatch"),
    ],
)
async def test_whatever_else_fails_is_raised_at_the_function_that_calls(
    caller: str, calls: Callable[[Any, How], Awaitable[object]], how: How, error: str
) -> None:
    async with served() as at:
        at.caller.calls = calls
        answer = await at.post(caller, f"callers:{caller}", how=how)
        assert answer["value"] == f"raised {error}"
        assert await at.client.query(Refs.texts) == (["kept"] if caller == "mutation" else [])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_declared_error_is_data_over_http(kind: str) -> None:
    async with served(redacts=True) as at:
        options = {"paginationOpts": {"numItems": 1, "cursor": None}} if kind == "page" else {}
        called = "query" if kind == "page" else kind
        for how in DECLARED:
            answer = await at.post(called, f"callees:{kind}", how=how, **options)
            assert answer["status"] == "error"
            assert answer["errorData"]["_tag"] == "Rich"
            assert answer["errorData"]["tags"] == ["a", "b"]


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_arguments_are_checked_where_they_arrive_and_where_they_are_passed_on(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    lying: Ref[..., Any] = {
        "query": ref("callees:query", FunctionSpec.public_query(args=Loose, returns=str)),
        "mutation": ref("callees:mutation", FunctionSpec.public_mutation(args=Loose, returns=str)),
        "action": ref("callees:action", FunctionSpec.public_action(args=Loose, returns=str)),
    }[kind]

    async def calls(ctx: Any, how: How) -> object:
        return await getattr(ctx, f"run_{kind}")(lying, how=3)

    async with served() as at:
        told = await at.post(kind, f"callees:{kind}", how="otherwise")
        assert "ArgumentValidationError" in told["errorMessage"]
        assert caplog.records == []
        at.caller.calls = calls
        answer = await at.post(kind, f"callers:{kind}", how="fine")
        assert answer["value"] == "raised Mismatch"
        assert await at.client.query(Refs.texts) == (["kept"] if kind == "mutation" else [])


class Loose(Args):
    how: object
