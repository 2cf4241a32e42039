"""The HTTP API of a bank, in this process: what a test sends to it, as a client or as raw ASGI."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from confect_core.values.wire import Json
from confect_server.runtime import Backend
from confect_server.settings import Settings
from confect_server.store import MemoryStore, Store
from confect_server.transport import AdminKey, ConfectAsgi
from confect_server.transport.asgi import Message
from tests.server.runtime.bank import Journal, Meeting, bank

ADMIN_KEY = "s3cret"
ORIGIN = "https://app.example"

Receive = Callable[[], Awaitable[Message]]


class Counter:
    """Where the customers of a bank come."""

    def __init__(self, backend: Backend, client: httpx2.AsyncClient, asgi: ConfectAsgi) -> None:
        self.backend = backend
        self.client = client
        self.asgi = asgi

    async def post(self, path: str, body: Json = None, **headers: str) -> httpx2.Response:
        """What a POST of JSON is answered."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            return await self.client.post(path, headers=sent)
        return await self.client.post(path, json=body, headers=sent)

    async def call(self, kind: str, path: str, **args: Json) -> Json:
        """What a function answers."""
        answer = (await self.post(f"/api/{kind}", {"path": path, "args": args})).json()
        assert answer["status"] == "success", answer
        value: Json = answer["value"]
        return value

    async def open(self, name: str, balance: float = 0.0) -> None:
        """Open an account."""
        await self.call("mutation", "accounts:open", name=name, balance=balance)

    async def exchange(
        self, receive: Receive, path: str = "/api/query", query: bytes = b"", **headers: bytes
    ) -> list[Message]:
        """What a POST is answered whose body comes as the test has it."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await self.asgi(scope_of("POST", path, query, **headers), receive, send)
        return sent


@asynccontextmanager
async def counter(
    store: Store | None = None,
    *,
    settings: Settings | None = None,
    meeting: Meeting | None = None,
    redacts: bool = False,
) -> AsyncGenerator[Counter]:
    """A bank that is open for as long as the context lasts."""
    application = bank(Journal(), meeting or Meeting())
    async with Backend.open(
        application, store or MemoryStore(), settings=settings, redacts=redacts
    ) as backend:
        asgi = ConfectAsgi(backend, AdminKey(ADMIN_KEY))
        transport = httpx2.ASGITransport(asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bank") as client:
            yield Counter(backend, client, asgi)


def scope_of(method: str, path: str, query: bytes = b"", **headers: bytes) -> dict[str, Any]:
    """The scope of a request, as a server makes it."""
    given = {"content_type": b"application/json", "host": b"bank", **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(name.replace("_", "-").encode(), value) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("bank", 80),
        "state": {},
    }


def refused(answer: httpx2.Response, status: int = 400) -> str:
    """The code of a refusal."""
    assert answer.status_code == status, answer.text
    body: dict[str, str] = answer.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return body["code"]
