"""A guest book: functions and a route that ask who calls, and one that does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from confect_core import (
    FunctionSpec,
    GroupSpec,
    NoArgs,
    PaginationOptions,
    PaginationResult,
    Table,
    ref,
)
from confect_core.values import Json
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    OidcProvider,
    QueryCtx,
    impl,
    route,
)
from confect_server import layers as no_layers
from confect_server.auth import Provider
from confect_server.auth.errors import TokenRefused
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.auth.issuer import Clock, Issuer

ADMIN_KEY = "secret"


class Entry(Table, name="entries"):
    by: str


class Book(GroupSpec):
    who = FunctionSpec.public_query(args=NoArgs, returns=str)
    count = FunctionSpec.public_query(args=NoArgs, returns=int)
    page = FunctionSpec.public_paginated_query(args=NoArgs, item=Entry)
    sign = FunctionSpec.public_mutation(args=NoArgs, returns=str)
    sign_inside = FunctionSpec.internal_mutation(args=NoArgs, returns=str)
    sign_slowly = FunctionSpec.public_mutation(args=NoArgs, returns=str)
    ask = FunctionSpec.public_action(args=NoArgs, returns=list[str])


class Calls:
    who = ref("book:who", Book.who)
    count = ref("book:count", Book.count)
    page = ref("book:page", Book.page)
    sign = ref("book:sign", Book.sign)
    sign_inside = ref("book:sign_inside", Book.sign_inside)
    sign_slowly = ref("book:sign_slowly", Book.sign_slowly)
    ask = ref("book:ask", Book.ask)


class ServerClock(Clock):
    """The clock of the issuer for a server: it stands until it is moved, and who waits does so."""

    async def sleep(self, seconds: float, /) -> None:
        await anyio.sleep(seconds)


@dataclass
class Slowness:
    """Holds `sign_slowly`."""

    began: anyio.Event
    may_go_on: anyio.Event


def guestbook(
    runs: Counter[str], *providers: Provider, slowness: Slowness | None = None
) -> Impl[Any]:
    """The application; `runs` counts its queries."""

    @impl(Book.who)
    async def who(ctx: QueryCtx, args: NoArgs) -> str:
        runs["who"] += 1
        identity = ctx.auth.identity()
        return "nobody" if identity is None else identity.subject

    @impl(Book.count)
    async def count(ctx: QueryCtx, args: NoArgs) -> int:
        runs["count"] += 1
        return len(await ctx.db.table(Entry).query().collect())

    @impl(Book.page)
    async def page(
        ctx: QueryCtx, args: NoArgs, options: PaginationOptions
    ) -> PaginationResult[Entry]:
        return await ctx.db.table(Entry).query().paginate(options)

    @impl(Book.sign)
    async def sign(ctx: MutationCtx, args: NoArgs) -> str:
        return await ctx.run_mutation(Calls.sign_inside)

    @impl(Book.sign_inside)
    async def sign_inside(ctx: MutationCtx, args: NoArgs) -> str:
        identity = ctx.auth.identity()
        by = "nobody" if identity is None else identity.token_identifier
        await ctx.db.table(Entry).insert(by=by)
        return by

    @impl(Book.sign_slowly)
    async def sign_slowly(ctx: MutationCtx, args: NoArgs) -> str:
        assert slowness is not None
        slowness.began.set()
        await slowness.may_go_on.wait()
        return await ctx.run_mutation(Calls.sign_inside)

    @impl(Book.ask)
    async def ask(ctx: ActionCtx, args: NoArgs) -> list[str]:
        identity = ctx.auth.identity()
        own = "nobody" if identity is None else identity.subject
        return [own, await ctx.run_query(Calls.who), await ctx.run_mutation(Calls.sign)]

    functions: dict[str, Any] = {
        "who": who,
        "count": count,
        "page": page,
        "sign": sign,
        "sign_inside": sign_inside,
        "sign_slowly": sign_slowly,
        "ask": ask,
    }
    group = GroupImpl("book", Book, functions, {}, DataModel((Entry,)))
    return Impl(no_layers()).provide(group).serve(whoami, hook).authenticate(*providers)


@route("GET", "/whoami")
async def whoami(ctx: ActionCtx, request: Request) -> Response:
    try:
        identity = ctx.auth.identity()
    except TokenRefused as refused:
        return PlainTextResponse(f"{refused.code}, {await ctx.run_query(Calls.who)}", 401)
    own = "nobody" if identity is None else identity.subject
    return PlainTextResponse(f"{own}, {await ctx.run_query(Calls.who)}")


@route("POST", "/hook")
async def hook(ctx: ActionCtx, request: Request) -> Response:
    return PlainTextResponse(request.headers["authorization"])


@dataclass
class Served:
    """The guest book on a port, and its provider of identities."""

    backend: Backend
    app: ConfectAsgi
    port: int
    http: httpx2.AsyncClient
    issuer: Issuer
    clock: ServerClock
    runs: Counter[str]
    slowness: Slowness

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def call(self, kind: str, path: str, authorization: str | None = None) -> httpx2.Response:
        """POST a call of a function without arguments."""
        headers = {} if authorization is None else {"Authorization": authorization}
        body: Json = {"path": path, "args": {}}
        return await self.http.post(f"/api/{kind}", json=body, headers=headers)

    async def answer(self, kind: str, path: str, authorization: str | None = None) -> Any:
        """What the function answers."""
        body = (await self.call(kind, path, authorization)).json()
        assert body["status"] == "success", body
        return body["value"]


@asynccontextmanager
async def served() -> AsyncGenerator[Served]:
    """The guest book, which takes the tokens of an issuer on loopback."""
    clock, runs = ServerClock(), Counter[str]()
    issuer = Issuer(clock)
    slowness = Slowness(anyio.Event(), anyio.Event())
    with issuer.serving():
        provider = OidcProvider(domain=issuer.url, application_id="app")
        book = guestbook(runs, provider, slowness=slowness)
        async with Backend.open(book, MemoryStore(), clock=clock) as backend:
            app = ConfectAsgi(backend, AdminKey(ADMIN_KEY))
            async with (
                serving(app, "127.0.0.1", 0) as port,
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
            ):
                yield Served(backend, app, port, http, issuer, clock, runs, slowness)
