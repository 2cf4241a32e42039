"""Clients of every kind while a server stops in good order and another one takes its place.

Even the client that cannot say that it sends a mutation again has each of them happen once, because
a server that stops answers what it has begun, and begins nothing that it cannot answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskStatus
from anyio.to_thread import run_sync
from returns.result import Success

from confect_client import AsyncClient
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.clients.official_client import npm_client, pypi_client
from tests.server.runtime.ledger import Refs, Script, ledger
from tests.serving import Server

BEFORE, ALL, STOPS = 5, 40, 3
CLIENTS = {"npm": npm_client, "pypi": pypi_client}


async def restart(server: Server) -> None:
    assert await run_sync(server.stop) == 0
    await run_sync(server.start)


@pytest.mark.parametrize("kind", CLIENTS)
async def test_every_mutation_happens_once_across_servers_that_stop(
    mortal_server: Server, kind: str
) -> None:
    texts = [f"{stop}-{number}" for stop in range(STOPS) for number in range(ALL)]
    async with CLIENTS[kind]("socket", mortal_server.url) as client:
        for stop in range(STOPS):
            mine = texts[stop * ALL : (stop + 1) * ALL]
            for text in mine:
                await client.begin(text, "mutation", "notes:insert", text=text)
            await client.until("resolved", mine[BEFORE])
            await restart(mortal_server)
            await client.until("resolved", mine[-1])
    assert mortal_server.texts() == texts[::-1]


class Restarting:
    """A ledger on a port, which stops and starts again."""

    def __init__(self) -> None:
        self.port = 0
        self._store = MemoryStore()
        self._stops = anyio.Event()

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        while True:
            async with (
                Backend.open(ledger(Script()), self._store) as backend,
                serving(ConfectAsgi(backend, AdminKey("k")), "127.0.0.1", self.port) as self.port,
            ):
                if not self._stops.is_set():
                    task_status.started()
                await self._stops.wait()
                self._stops = anyio.Event()
                task_status = anyio.TASK_STATUS_IGNORED

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def restart(self) -> None:
        self._stops.set()


@asynccontextmanager
async def restarting() -> AsyncGenerator[Restarting]:
    server = Restarting()
    async with anyio.create_task_group() as tasks:
        await tasks.start(server.serve)
        yield server
        tasks.cancel_scope.cancel()


async def test_our_client_goes_on_without_losing_or_doubling_anything() -> None:
    async with restarting() as server, AsyncClient(server.url) as client:

        async def add(text: str) -> None:
            assert await client.mutation(Refs.add, text=text) == Success(text.upper())

        for stop in range(STOPS):
            async with anyio.create_task_group() as tasks:
                for number in range(ALL):
                    tasks.start_soon(add, f"{stop}-{number:02}")
                await add(f"{stop}-fence")
                server.restart()
        texts = await client.query(Refs.texts)
        assert len(texts) == len(set(texts)) == STOPS * (ALL + 1)


@pytest.mark.parametrize("kind", CLIENTS)
async def test_a_result_of_more_than_ten_megabytes_arrives_whole(kind: str) -> None:
    async with restarting() as server, CLIENTS[kind]("socket", server.url) as client:
        text = "ä" * 3_000_000
        await client.subscribe("long", "ledger:twice", text=text)
        assert (await client.next()).value == text * 2
        assert (await client.call("mutation", "ledger:add", text="and on")).value == "AND ON"
        assert client.complaints == ""


async def test_our_client_gets_a_long_result_in_one_frame() -> None:
    async with restarting() as server, AsyncClient(server.url) as client:
        text = "ä" * 3_000_000
        assert await client.query(Refs.twice, text=text) == text * 2
