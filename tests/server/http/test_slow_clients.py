"""Clients that leave, that do not read, and that send what nobody reads."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from confect_server import ActionCtx, Http, Impl, Settings, layers, route
from confect_server.runtime import Backend
from confect_server.settings import Requests
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi
from confect_server.transport.http.incoming import Incoming, Message, RequestTooLarge
from tests.server.http import test_mounting
from tests.server.http.serving import served

PART = b"x" * 65_536
PARTS = 1_000


class Sent:
    """What a route has sent, and whether it has ended."""

    def __init__(self) -> None:
        self.parts = 0
        self.has_begun = anyio.Event()
        self.has_ended = anyio.Event()

    def app(self) -> Impl[Any]:
        @route("POST", "/endless")
        async def endless(ctx: ActionCtx, request: Request) -> Response:
            return StreamingResponse(self.endlessly())

        @route("GET", "/long")
        async def long(ctx: ActionCtx, request: Request) -> Response:
            return StreamingResponse(self.many())

        @route("POST", "/ignoring")
        async def ignoring(ctx: ActionCtx, request: Request) -> Response:
            return PlainTextResponse("ignored")

        @route("POST", "/reading")
        async def reading(ctx: ActionCtx, request: Request) -> Response:
            return PlainTextResponse(f"read {len(await request.body())}")

        return Impl(layers()).serve(endless, long, ignoring, reading)

    async def endlessly(self) -> AsyncIterator[bytes]:
        try:
            yield b"tick"
            self.has_begun.set()
            await anyio.sleep_forever()
        finally:
            self.has_ended.set()

    async def many(self) -> AsyncIterator[bytes]:
        for _ in range(PARTS):
            yield PART
            self.parts += 1
            self.has_begun.set()
        self.has_ended.set()


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
async def test_a_stream_ends_when_its_reader_leaves_whatever_it_sent_before(size: int) -> None:
    sent = Sent()
    async with served(sent.app()) as client:
        async with client.stream("POST", "/endless", content=b"x" * size) as answer:
            async for part in answer.aiter_raw():
                assert part == b"tick"
                break
        with anyio.fail_after(10):
            await sent.has_ended.wait()


async def test_a_reader_that_is_slow_is_waited_for() -> None:
    sent = Sent()
    settings = Settings(http=Http(response_bytes=len(PART) * PARTS))
    async with served(sent.app(), settings=settings) as client:
        with closing(socket.socket()) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", client.base_url.port))
            slow.sendall(b"GET /long HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            await sent.has_begun.wait()
            await anyio.wait_all_tasks_blocked()
            assert sent.parts < PARTS // 2
            assert not sent.has_ended.is_set()
            # nobody else waits for it
            assert (await client.post("/ignoring")).text == "ignored"
            received = await anyio.to_thread.run_sync(_read_all, slow)
        assert received.count(b"x" * 1000) >= PARTS * 65
        assert sent.has_ended.is_set()


def _read_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while chunk := connection.recv(1 << 20):
        received += chunk
    return bytes(received)


async def test_what_nobody_read_is_not_taken_for_the_next_request() -> None:
    async with served(Sent().app()) as client:
        hidden = b"GET /version HTTP/1.1\r\nHost: here\r\n\r\n"
        first = b"POST /ignoring HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(hidden)
        last = b"POST /ignoring HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        with closing(socket.create_connection(("127.0.0.1", client.base_url.port))) as connection:
            connection.sendall(first + hidden + last)
            received = await anyio.to_thread.run_sync(_read_all, connection)
        assert received.count(b"HTTP/1.1 200") == received.count(b"ignored") == 2


async def test_a_route_does_not_wait_for_ever_for_a_body() -> None:
    settings = Settings(requests=Requests(idle_s=0.05))
    async with served(Sent().app(), settings=settings) as client:
        head = b"POST /reading HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n"
        with closing(socket.create_connection(("127.0.0.1", client.base_url.port))) as connection:
            connection.sendall(head + b"and no more")
            received = await anyio.to_thread.run_sync(_read_all, connection)
        assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"11 bytes did so far" in received
        assert (await client.post("/reading", content=b"x" * 3_000_000)).text == "read 3000000"


async def test_half_a_call_is_not_run() -> None:
    call = json.dumps({"path": "notes:insert", "args": {"text": "half"}}).encode()
    messages: list[Message] = [
        {"type": "http.request", "body": call, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async with Backend.open(test_mounting.notes, MemoryStore()) as backend:
        asgi = ConfectAsgi(backend, AdminKey("key"))
        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/api/mutation", "headers": headers}
        await asgi(scope, receive, send)
        transport = httpx2.ASGITransport(asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://host") as client:
            listing: dict[str, Any] = {"path": "notes:list", "args": {}}
            listed = await client.post("/api/query", json=listing)
    assert (sent, listed.json()["value"]) == ([], [])


class Client:
    """Sends parts of a body, and leaves."""

    def __init__(self, *parts: bytes) -> None:
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        self.messages: list[Message] = [*messages, {"type": "http.disconnect"}]

    async def receive(self) -> Message:
        return self.messages.pop(0)


async def test_what_came_before_a_client_left_can_still_be_read() -> None:
    incoming = Incoming(Client(b"a", b"b", b"c").receive)
    incoming.most_bytes = 3
    assert (await incoming.receive())["body"] == b"a"
    await incoming.wait_left()
    assert [(await incoming.receive())["body"] for _ in range(2)] == [b"b", b"c"]
    assert [(await incoming.receive())["type"] for _ in range(2)] == ["http.disconnect"] * 2


async def test_no_more_is_kept_than_a_body_may_have() -> None:
    client = Client(*[b"12345"] * 100)
    incoming = Incoming(client.receive)
    incoming.most_bytes = 12
    await incoming.wait_left()
    assert client.messages == []
    assert len(incoming._kept) == 4  # with the one that is too much, and the sign of leaving
    assert [(await incoming.receive())["body"] for _ in range(2)] == [b"12345"] * 2
    with pytest.raises(RequestTooLarge):
        await incoming.receive()
