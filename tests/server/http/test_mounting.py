"""An application inside of another one, and other ones inside of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from confect_client import AsyncClient
from confect_core import Args, FunctionSpec, GroupSpec, Id, NoArgs, Table, ref
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    impl,
    layers,
    route,
)
from confect_server.http import AsgiApp
from confect_server.http.errors import BadMount, MountFailed
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, Embedded
from confect_server.transport.embedded import NotOpen
from confect_server.transport.serve import _listen, _Server
from tests.clients.official_client import npm_client
from tests.server.http import notes_api
from tests.server.http.serving import served
from tests.server.storage import archive

PATH = "/backend"


class Note(Table, name="notes"):
    text: str


class Inserted(Args):
    text: str


class Notes(GroupSpec):
    list_ = FunctionSpec.public_query(returns=list[Note])
    insert = FunctionSpec.public_mutation(args=Inserted, returns=Id[Note])


@impl(Notes.list_)
async def list_notes(ctx: QueryCtx, args: NoArgs) -> list[Note]:
    return await ctx.db.table(Note).query().collect()


@impl(Notes.insert)
async def insert(ctx: MutationCtx, args: Inserted) -> Id[Note]:
    return await ctx.db.table(Note).insert(text=args.text)


LIST = ref("notes:list", Notes.list_)
INSERT = ref("notes:insert", Notes.insert)
notes = Impl(layers()).provide(
    GroupImpl("notes", Notes, {"list": list_notes, "insert": insert}, data_model=DataModel((Note,)))
)


@asynccontextmanager
async def hosted(host: AsgiApp) -> AsyncGenerator[str]:
    """Where a host is served, with its lifespan."""
    listening = _listen("127.0.0.1", 0)
    config = uvicorn.Config(host, lifespan="on", ws="websockets-sansio", log_config=None)
    server = _Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listening])
        await server.wait_started()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True


def embedded(folder: Path, app: Impl[Any] = notes) -> Embedded:
    return Embedded(app, folder / "data.sqlite3", admin_key="key", redacts=False)


@pytest.fixture
async def url(tmp_path: Path) -> AsyncGenerator[str]:
    """The address of notes inside of a FastAPI application."""
    backend = embedded(tmp_path)
    host = FastAPI(lifespan=backend.lifespan)
    host.mount(PATH, backend)
    host.add_api_route("/own", lambda: "the host")
    async with hosted(host) as url:
        yield url


async def test_our_client_works_below_the_path_of_a_host(url: str) -> None:
    async with AsyncClient(url + PATH) as client:
        await client.mutation(INSERT, text="mounted")
        assert [note.text for note in await client.query(LIST)] == ["mounted"]


async def test_the_npm_clients_work_below_the_path_of_a_host(url: str) -> None:
    async with npm_client("http", url + PATH) as caller:
        assert (await caller.call("query", "notes:list")).value == []
    async with npm_client("socket", url + PATH) as client:
        assert (await client.call("mutation", "notes:insert", text="mounted")).event == "resolved"
        await client.subscribe("notes", "notes:list")
        assert (await client.next()).texts == ["mounted"]


async def test_a_host_keeps_its_own_paths(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url) as client:
        assert (await client.get("/own")).json() == "the host"
        assert (await client.get(f"{PATH}/version")).status_code == 200
        assert (await client.get("/version")).status_code == 404
        assert (await client.get(f"{PATH}/nowhere")).text == "No matching routes found"
        assert (await client.get(PATH, follow_redirects=True)).status_code == 200


async def test_typed_apis_know_where_they_are_mounted(tmp_path: Path) -> None:
    backend = embedded(tmp_path, notes_api.app)
    host = Starlette(lifespan=backend.lifespan)
    host.mount(PATH, backend)
    async with hosted(host) as url, httpx2.AsyncClient(base_url=url + PATH) as client:
        assert (await client.get("/v1/fail/fine?times=2")).json() == [2, 2]
        assert (await client.get("/openapi.json")).json()["servers"] == [{"url": PATH}]
        assert f'content="{PATH}/openapi.json"' in (await client.get("/docs")).text


async def test_files_are_found_below_the_path_of_a_host(tmp_path: Path) -> None:
    backend = embedded(tmp_path, archive.archive())
    host = Starlette(lifespan=backend.lifespan)
    host.mount(PATH, backend)
    async with hosted(host) as url, AsyncClient(url + PATH) as client, httpx2.AsyncClient() as web:
        elsewhere = {"host": "elsewhere.example"}  # which whoever comes first may claim
        await web.get(f"{url}{PATH}/version", headers=elsewhere)
        to = await client.mutation(archive.Refs.upload_url)
        assert to.startswith(f"{url}{PATH}/api/storage/upload?")
        file = (await web.post(to, content=b"bytes")).json()["storageId"]
        at = await client.query(archive.Refs.url, file=file)
        assert at is not None
        assert (await web.get(at)).content == b"bytes"


async def test_an_embedded_application_opens_by_itself(tmp_path: Path) -> None:
    async with hosted(embedded(tmp_path)) as url, AsyncClient(url) as client:
        assert await client.query(LIST) == []


async def test_a_host_without_the_lifespan_is_told(tmp_path: Path) -> None:
    backend = embedded(tmp_path)
    with pytest.raises(NotOpen, match="lifespan"):
        await backend({"type": "http"}, _nothing_more, _nobody)


async def _nothing_more() -> dict[str, Any]:
    raise AssertionError


async def _nobody(_: object) -> None:
    raise AssertionError


happened: list[str] = []


@asynccontextmanager
async def told(_: Starlette) -> AsyncGenerator[dict[str, str]]:
    happened.append("started")
    yield {"greeting": "hello"}
    happened.append("stopped")


async def greet(request: Request) -> Response:
    root = request.scope["root_path"]
    return PlainTextResponse(f"{request.state.greeting} {root} {request.url.path}")


async def shout(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text((await socket.receive_text()).upper())
    await socket.close()


legacy = Starlette(routes=[Route("/greet", greet), WebSocketRoute("/shout", shout)], lifespan=told)


async def test_another_application_answers_below_its_path_and_lives_with_ours() -> None:
    happened.clear()
    async with served(Impl(layers()).mount("/legacy", legacy)) as client:
        assert happened == ["started"]
        assert (await client.get("/legacy/greet")).text == "hello /legacy /legacy/greet"
        assert (await client.get("/legacy/nowhere")).text == "Not Found"
        assert (await client.get("/legacyx")).text == "No matching routes found"
        port = client.base_url.port
        async with connect(f"ws://127.0.0.1:{port}/legacy/shout") as socket:
            await socket.send("hi")
            assert await socket.recv() == "HI"
    assert happened == ["started", "stopped"]


async def test_another_application_is_reached_behind_a_proxy_that_takes_its_part_away() -> None:
    happened.clear()
    async with Backend.open(Impl(layers()).mount("/legacy", legacy), MemoryStore()) as backend:
        transport = httpx2.ASGITransport(ConfectAsgi(backend, AdminKey("key")), root_path="/our")
        async with httpx2.AsyncClient(transport=transport, base_url="http://host") as client:
            for path in ("/legacy/greet", "/our/legacy/greet"):
                answer = await client.get(path)
                assert answer.text == "hello /our/legacy /our/legacy/greet"


def lasting(name: str) -> AsgiApp:
    """An application that says when it starts and stops."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, str]]:
        happened.append(f"{name} started")
        yield {"name": name}
        happened.append(f"{name} stopped")

    async def tell(request: Request) -> Response:
        return PlainTextResponse(request.state.name)

    return Starlette(routes=[Route("/name", tell)], lifespan=lifespan)


async def test_another_version_brings_its_own_applications_with_it() -> None:
    happened.clear()
    one = Impl(layers()).mount("/legacy", lasting("one"))
    two = Impl(layers()).mount("/legacy", lasting("two"))
    async with Backend.open(one, MemoryStore()) as backend:
        transport = httpx2.ASGITransport(ConfectAsgi(backend, AdminKey("key")))
        async with httpx2.AsyncClient(transport=transport, base_url="http://host") as client:
            assert (await client.get("/legacy/name")).text == "one"
            await backend.replace(two)
            assert happened == ["one started", "two started", "one stopped"]
            assert (await client.get("/legacy/name")).text == "two"
            await backend.replace(Impl(layers()))
            assert (await client.get("/legacy/name")).status_code == 404
    assert happened == ["one started", "two started", "one stopped", "two stopped"]


async def test_a_version_whose_application_does_not_start_changes_nothing() -> None:
    happened.clear()

    @asynccontextmanager
    async def failing(_: Starlette) -> AsyncGenerator[None]:
        raise RuntimeError("no database")
        yield

    two = Impl(layers()).mount("/a", lasting("two")).mount("/b", Starlette(lifespan=failing))
    async with Backend.open(Impl(layers()).mount("/a", lasting("one")), MemoryStore()) as backend:
        transport = httpx2.ASGITransport(ConfectAsgi(backend, AdminKey("key")))
        with pytest.raises(MountFailed, match="no database"):
            await backend.replace(two)
        async with httpx2.AsyncClient(transport=transport, base_url="http://host") as client:
            assert (await client.get("/a/name")).text == "one"
        assert happened == ["one started", "two started", "two stopped"]


async def test_what_is_mounted_at_the_root_is_given_what_nothing_else_answers() -> None:
    @route("GET", "/own")
    async def own(ctx: ActionCtx, request: Request) -> Response:
        return PlainTextResponse("ours")

    async def everything(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "an application that knows no lifespan"
        await PlainTextResponse(f"theirs {scope['path']}")(scope, receive, send)

    app = Impl(layers()).serve(own).mount("/", everything)
    async with served(app) as client:
        assert (await client.get("/own")).text == "ours"
        assert (await client.get("/version")).text != "theirs /version"
        assert (await client.get("/")).text == "theirs /"
        assert (await client.get("/other")).text == "theirs /other"


async def test_what_is_mounted_at_the_root_says_itself_which_pages_may_call_it() -> None:
    async def own(request: Request) -> Response:
        return PlainTextResponse("own", 403)

    other = Starlette(routes=[Route("/api/own", own, methods=["OPTIONS", "POST"])])
    async with served(notes.mount("/", other)) as client:
        asks = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        answer = await client.options("/api/own", headers=asks)
        assert (answer.status_code, answer.text) == (403, "own")
        assert "access-control-allow-origin" not in answer.headers
        for path in ("query", "query_batch", "run/notes/list", "storage/upload", "debug_event"):
            answer = await client.options(f"/api/{path}", headers=asks)
            assert answer.headers["access-control-allow-origin"] == asks["origin"], path


async def test_a_mounted_application_that_does_not_start_stops_the_start() -> None:
    @asynccontextmanager
    async def failing(_: Starlette) -> AsyncGenerator[None]:
        raise RuntimeError("no database")
        yield

    with pytest.raises(MountFailed, match="no database"):
        async with served(Impl(layers()).mount("/legacy", Starlette(lifespan=failing))):
            pass


@pytest.mark.parametrize("path", ["legacy", "/api", "/version", "/metrics"])
def test_a_path_at_which_nothing_can_be_mounted_is_refused(path: str) -> None:
    (mistake,) = Impl(layers()).mount(path, legacy).mistakes()
    assert isinstance(mistake, BadMount)


def test_two_applications_cannot_have_one_path() -> None:
    (mistake,) = Impl(layers()).mount("/a", legacy).mount("/a/", legacy).mistakes()
    assert isinstance(mistake, BadMount)
