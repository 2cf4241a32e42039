"""Many sockets with the same query: it runs once for all of them, however much is written."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest

from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Succeeded
from confect_server.store import MemoryStore
from confect_server.transport.admin import AdminKey
from confect_server.transport.asgi import ConfectAsgi
from confect_server.transport.sync.socket import Message, Socket
from confect_server.transport.sync.websocket import SyncServer
from tests.server.runtime.board import Runs, board

SCOPE: Message = {"type": "websocket", "path": "/api/1.48.0/sync", "headers": []}
REQUEST: Message = {
    "type": "http",
    "method": "POST",
    "path": "/api/query",
    "headers": [(b"content-type", b"application/json")],
}
CONNECT = {"type": "Connect", "sessionId": "0" * 32, "connectionCount": 0, "lastCloseReason": None}
SUBSCRIBE = {
    "type": "ModifyQuerySet",
    "baseVersion": 0,
    "newVersion": 1,
    "modifications": [
        {"type": "Add", "queryId": 0, "udfPath": "posts:list", "args": [{"room": "a"}]}
    ],
}
SOCKETS = 30


@dataclass
class Reader:
    """The other end of a socket, without a network: it keeps the newest answer."""

    said: list[Message] = field(
        default_factory=lambda: [
            {"type": "websocket.connect"},
            *[{"type": "websocket.receive", "text": json.dumps(x)} for x in (CONNECT, SUBSCRIBE)],
        ]
    )
    posts: list[str] | None = None
    has_news: anyio.Event = field(default_factory=anyio.Event)

    async def receive(self) -> Message:
        if not self.said:
            await anyio.sleep_forever()
        return self.said.pop(0)

    async def send(self, message: Message) -> None:
        frame = json.loads(message.get("text") or message.get("bytes") or "{}")
        for change in frame.get("modifications", ()):
            self.posts = change["value"]
            self.has_news.set()

    async def wait_posts(self, count: int) -> None:
        """Return once so many posts were heard of."""
        with anyio.fail_after(20):
            while self.posts is None or len(self.posts) != count:
                self.has_news = anyio.Event()
                await self.has_news.wait()


@dataclass
class Crowd:
    """Sockets that all read the same room."""

    backend: Backend
    runs: Runs
    readers: list[Reader]

    async def post(self) -> None:
        args = {"room": "a", "text": "hello"}
        result = await self.backend.executor.run_mutation("posts:post", {**args}, CLIENT)
        assert isinstance(result.outcome, Succeeded)

    async def wait_posts(self, count: int) -> None:
        """Return once every socket has heard of so many posts."""
        for reader in self.readers:
            await reader.wait_posts(count)


@asynccontextmanager
async def crowd() -> AsyncGenerator[Crowd]:
    runs = Runs()
    async with Backend.open(board(runs), MemoryStore()) as backend:
        server = SyncServer(backend, AdminKey("secret"))
        readers = [Reader() for _ in range(SOCKETS)]
        async with anyio.create_task_group() as tasks:
            for reader in readers:
                tasks.start_soon(server.serve, Socket(SCOPE, reader.receive, reader.send))
            at = Crowd(backend, runs, readers)
            await at.wait_posts(0)
            yield at
            tasks.cancel_scope.cancel()


async def test_a_request_is_answered_with_what_the_sockets_have() -> None:
    async with crowd() as at:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            call = {"path": "posts:list", "args": {"room": "a"}, "format": "json"}
            return {"type": "http.request", "body": json.dumps(call).encode()}

        await ConfectAsgi(at.backend, AdminKey("secret"))(REQUEST, receive, send)
        assert json.loads(sent[1]["body"])["value"] == []
        assert at.runs.count["a"] == 1


async def test_sockets_with_the_same_query_run_it_once() -> None:
    async with crowd() as at:
        assert at.runs.count["a"] == 1


@pytest.mark.parametrize("commits", [1, 100])
async def test_a_burst_of_commits_runs_each_query_once(commits: int) -> None:
    async with crowd() as at:
        async with anyio.create_task_group() as tasks:
            for _ in range(commits):
                tasks.start_soon(at.post)
        await at.wait_posts(commits)
        assert at.runs.count["a"] == 2


async def test_each_of_several_commits_runs_a_query_at_most_once() -> None:
    async with crowd() as at:
        for _ in range(20):
            await at.post()
        await at.wait_posts(20)
        assert at.runs.count["a"] <= 21
