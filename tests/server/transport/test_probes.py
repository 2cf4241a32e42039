"""/healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio.lowlevel
import httpx2
import pytest

from confect_server import Impl, Observing, Settings
from confect_server.engine import DeclaredTable
from confect_server.runtime import CLIENT, Backend
from confect_server.store import Head, MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.test_backend import Item, version
from tests.server.runtime.workshop import Script, workshop_of
from tests.sync_socket import sync_socket


class Absent(MemoryStore):
    """A store that is gone for a while."""

    is_gone = False

    async def head(self) -> Head:
        if self.is_gone:
            raise OSError("no such file")
        return await super().head()


_ADMIN = {"authorization": "Convex the-key"}


@dataclass
class Served:
    backend: Backend
    http: httpx2.AsyncClient


@asynccontextmanager
async def served(
    settings: Settings | None = None,
    store: MemoryStore | None = None,
    application: Impl[Any] | None = None,
) -> AsyncGenerator[Served]:
    async with Backend.open(
        application or workshop_of(Script()), store or MemoryStore(), settings=settings
    ) as backend:
        transport = httpx2.ASGITransport(ConfectAsgi(backend, AdminKey("the-key")))
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as http:
            yield Served(backend, http)


async def test_a_process_that_answers_is_alive() -> None:
    async with served() as at:
        assert (await at.http.get("/healthz")).text == "ok\n"


async def test_a_server_is_ready_until_it_stops() -> None:
    async with served() as at:
        ready = await at.http.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "problem": None})
        await at.backend.drain()
        gone = await at.http.get("/readyz")
        assert (gone.status_code, gone.json()["problem"]) == (503, "the server is stopping")


async def test_a_server_whose_database_does_not_answer_is_not_ready() -> None:
    store = Absent()
    async with served(store=store) as at:
        store.is_gone = True
        answer = await at.http.get("/readyz")
        store.is_gone = False
        assert answer.status_code == 503
        assert "the database does not answer" in answer.json()["problem"]


async def test_metrics_are_for_whoever_has_the_admin_key() -> None:
    async with served() as at:
        assert (await at.http.get("/metrics")).status_code == 401
        told = await at.http.get("/metrics", headers=_ADMIN)
        assert told.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_metrics_may_be_public() -> None:
    async with served(Settings(observing=Observing(public_metrics=True))) as at:
        await at.backend.queries.run("work:nowhere", {}, CLIENT)
        await at.http.post("/api/action", json={"path": "work:half", "args": {"number": 4}})
        text = (await at.http.get("/metrics")).text
        ran = 'confect_runs_total{function="work:half",kind="Action",caller="client"'
        assert f'{ran},outcome="success"}} 1' in text
        assert 'function="unknown"' in text
        for line in text.splitlines():
            assert line.startswith(("# HELP confect_", "# TYPE confect_", "confect_"))
        assert "confect_commits_total 0.0" in text
        assert "# TYPE confect_commits_total counter" in text
        assert "# TYPE confect_sockets gauge" in text


async def test_probes_answer_head_too_and_no_page_of_another_origin() -> None:
    async with served(Settings(observing=Observing(public_metrics=True))) as at:
        for path in ("/healthz", "/readyz", "/metrics", "/", "/nowhere"):
            answer = await at.http.head(path, headers={"origin": "https://page.example"})
            assert answer.status_code == (404 if path == "/nowhere" else 200)
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_probes_are_only_read(path: str) -> None:
    async with served() as at:
        assert (await at.http.post(path)).status_code == 404


async def test_a_server_whose_tables_are_others_by_now_is_not_ready() -> None:
    async with served(application=version("one", [], Item)) as at:
        await at.backend.database.declare({"items": DeclaredTable({})})  # as another process would
        answer = await at.http.get("/readyz")
        assert answer.status_code == 503
        assert "another version of the program" in answer.json()["problem"]


async def test_what_is_refused_is_counted_by_its_code() -> None:
    async with served() as at:
        for path in ("query", "query", "storage/nothing"):
            await at.http.request("GET" if "/" in path else "POST", f"/api/{path}", content=b"{")
        text = (await at.http.get("/metrics", headers=_ADMIN)).text
        assert 'confect_requests_refused_total{code="BadJsonBody"} 2\n' in text
        assert 'confect_requests_refused_total{code="InvalidStoragePath"} 1\n' in text


async def test_closed_sockets_are_counted_by_the_reason() -> None:
    async with served() as at:
        asgi = ConfectAsgi(at.backend, AdminKey("the-key"))
        async with serving(asgi, "127.0.0.1", 0) as port:
            async with sync_socket(f"ws://127.0.0.1:{port}") as socket:
                await socket.say("Nonsense")
                await socket.hear_end()
            async with sync_socket(f"ws://127.0.0.1:{port}") as socket:
                await socket.modify()
                await socket.hear()
            while b"\nconfect_sockets 0.0\n" not in asgi.probes.metrics.text():
                await anyio.lowlevel.checkpoint()
        counted = asgi.probes.metrics.text().decode()
        assert 'confect_sockets_closed_total{reason="Refused"} 1\n' in counted
        assert 'confect_sockets_closed_total{reason="ClientLeft"} 1\n' in counted
