"""Routes of a running application: what requests are answered with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import anyio
import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from confect_core import Args, FunctionSpec, GroupSpec, Table, TaggedError, ref
from confect_core.errors import Mistakes
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Http,
    Impl,
    MutationCtx,
    Service,
    Settings,
    impl,
    layers,
    route,
)
from confect_server.http.errors import BadRoutePath
from tests.server.http.serving import served


class Hit(Table, name="hits"):
    body: str


class Named(Args):
    body: str


class Hits(GroupSpec):
    add = FunctionSpec.internal_mutation(args=Named, returns=int)


class Greeting(Service):
    word = "hello"


@impl(Hits.add)
async def add(ctx: MutationCtx, args: Named) -> int:
    await ctx.db.table(Hit).insert(body=args.body)
    return len(await ctx.db.table(Hit).query().collect())


ADD = ref("hits:add", Hits.add)


@route("POST", "/hook")
async def hook(ctx: ActionCtx, request: Request) -> Response:
    count = await ctx.run_mutation(ADD, body=(await request.body()).decode())
    return JSONResponse({"count": count}, headers={"X-Count": str(count)})


@route("GET", prefix="/greet/")
async def greet(ctx: ActionCtx[Greeting], request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    return PlainTextResponse(f"{Greeting.of(ctx).word} {name} {request.query_params.get('q', '')}")


@route("PUT", "/echo")
async def echo(ctx: ActionCtx, request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        async for part in request.stream():
            yield part.upper()

    return StreamingResponse(parts(), media_type="text/plain")


has_ended = anyio.Event()


@route("GET", "/endless")
async def endless(ctx: ActionCtx, request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"tick"
                await anyio.sleep(0.01)
        finally:
            has_ended.set()

    return StreamingResponse(parts())


@route("GET", "/teapot")
async def teapot(ctx: ActionCtx, request: Request) -> Response:
    raise HTTPException(418, "short and stout")


@route("GET", "/broken")
async def broken(ctx: ActionCtx, request: Request) -> Response:
    raise RuntimeError("a secret")


@route("GET", "/")
async def home(ctx: ActionCtx, request: Request) -> Response:
    return PlainTextResponse("home")


async def open_greeting() -> AsyncIterator[Greeting]:
    yield Greeting()


app = (
    Impl(layers().add(Greeting, open_greeting))
    .provide(GroupImpl("hits", Hits, {"add": add}, data_model=DataModel((Hit,))))
    .serve(hook, greet, echo, endless, teapot, broken)
)


@pytest.fixture
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    async with served(app) as client:
        yield client


async def test_a_route_calls_functions_and_answers(client: httpx2.AsyncClient) -> None:
    for count in (1, 2):
        answer = await client.post("/hook", content=b"body")
        assert (answer.status_code, answer.json()) == (200, {"count": count})
        assert answer.headers["x-count"] == str(count)


async def test_a_route_uses_services_and_the_address(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/greet/ada?q=1")).text == "hello ada 1"
    head = await client.head("/greet/ada")
    assert (head.status_code, head.content) == (200, b"")


async def test_bodies_stream_both_ways(client: httpx2.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    answer = await client.put("/echo", content=parts())
    assert answer.content == b"X" * 5_000_000


async def test_a_stream_ends_when_its_reader_leaves(client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/endless") as answer:
        async for part in answer.aiter_raw():
            assert part.startswith(b"tick")
            break
    with anyio.fail_after(10):
        await has_ended.wait()


async def test_what_a_route_raises_is_an_answer(client: httpx2.AsyncClient) -> None:
    refused = await client.get("/teapot")
    assert (refused.status_code, refused.text) == (418, "short and stout")
    failed = await client.get("/broken")
    assert failed.status_code == 500
    told: dict[str, str] = failed.json()
    assert set(told) == {"code", "trace"}
    first, _, uncaught = told["code"].partition("] ")
    assert first.startswith("[Request ID: ")
    assert uncaught == "Server Error: Uncaught RuntimeError: a secret"
    assert told["trace"].startswith(first)
    assert "at broken (" in told["trace"]
    assert (await client.get("/greet/ada")).status_code == 200


async def test_a_server_in_production_keeps_to_itself_what_went_wrong() -> None:
    async with served(app, redacts=True) as client:
        told: dict[str, str] = (await client.get("/broken")).json()
    assert set(told) == {"code"}
    code = told["code"]
    assert code.startswith("[Request ID: ")
    assert code.endswith("Server Error")


async def test_other_paths_and_other_methods_are_not_answered(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/nowhere")).status_code == 404
    refused = await client.get("/hook")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert (await client.options("/hook")).status_code == 405
    assert (await client.get("/version")).status_code == 200


async def test_an_application_may_have_a_front_page_of_its_own(client: httpx2.AsyncClient) -> None:
    assert "Confect" in (await client.get("/")).text
    async with served(app.serve(home)) as other:
        assert (await other.get("/")).text == "home"


async def test_an_application_with_impossible_routes_does_not_start() -> None:
    @route("GET", "api")
    async def nowhere(ctx: ActionCtx, request: Request) -> Response:
        return Response()

    with pytest.raises((Mistakes, BadRoutePath)):
        async with served(app.serve(nowhere)):
            pass


@route("POST", "/short")
async def short(ctx: ActionCtx, request: Request) -> Response:
    return PlainTextResponse("x" * len(await request.body()))


@route("GET", "/long/{how}")
async def long(ctx: ActionCtx, request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x"

    if request.path_params["how"] == "streaming":
        return StreamingResponse(parts())
    return PlainTextResponse("x" * 200)


async def test_bodies_of_requests_and_of_answers_have_limits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"0123456789"

    settings = Settings(http=Http(request_bytes=100, response_bytes=100))
    async with served(app.serve(short, long), settings=settings) as client:
        assert (await client.post("/short", content=b"x" * 100)).text == "x" * 100
        for content in (b"x" * 101, parts()):
            refused = await client.post("/short", content=content)
            assert (refused.status_code, refused.text) == (413, "The body is longer than 100 bytes")
        failed = await client.get("/long/whole")
        assert (failed.status_code, failed.text) == (500, "The answer is too long")
        assert "response_bytes" in caplog.text
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get("/long/streaming")


class Taken(TaggedError, http_status=409):
    name: str


class Secret(TaggedError):
    pass


@route("GET", "/raising/{what}")
async def raising(ctx: ActionCtx, request: Request) -> Response:
    raise Secret if request.path_params["what"] == "secret" else Taken(name="ada")


async def test_an_error_with_a_status_is_an_answer_of_a_route_too() -> None:
    async with served(app.serve(raising), redacts=True) as client:
        taken = await client.get("/raising/taken")
        assert (taken.status_code, taken.json()) == (409, {"code": "Taken", "name": "ada"})
        assert (await client.get("/raising/secret")).status_code == 500
