"""Calls that are answered without ASGI, on connections that carry other requests, too."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from confect_core.protocol import JsonObject
from confect_server import ActionCtx
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from confect_server.transport.http.call_protocol import Headers
from confect_server.transport.http.exchange import Exchange
from tests.server.runtime.board import Runs, board
from tests.server.runtime.workshop import workshop

PATIENCE_S = 30
LIST: JsonObject = {"path": "posts:list", "args": {"room": "a"}}
POST: JsonObject = {"path": "posts:post", "args": {"room": "a", "text": "one"}}
WAIT: JsonObject = {"path": "work:wait", "args": {}}
VERSION = b"GET /version HTTP/1.1\r\nHost: here\r\n\r\n"
DONE: JsonObject = {"status": "success", "value": "done"}


def call(
    route: str, body: JsonObject, *headers: str, version: str = "1.1", length: str | None = None
) -> bytes:
    encoded = json.dumps(body).encode()
    lines = [
        f"POST /api/{route} HTTP/{version}",
        "Host: here",
        "Content-Type: application/json",
        f"Content-Length: {len(encoded) if length is None else length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + encoded


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> object:
        answered = json.loads(self.body)
        assert answered["status"] == "success", answered
        return answered["value"]


class Line:
    """One connection, of which every byte is the test's own."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._buffered = BufferedByteReceiveStream(stream)

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def answer(self) -> Answer:
        with anyio.fail_after(PATIENCE_S):
            head = await self._buffered.receive_until(b"\r\n\r\n", 65_536)
            status, *lines = head.decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = await self._buffered.receive_exactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split()[1]), headers, body)

    async def wait_closed(self) -> None:
        with anyio.fail_after(PATIENCE_S), pytest.raises(anyio.EndOfStream):
            await self._buffered.receive()


@asynccontextmanager
async def line_to(backend: Backend) -> AsyncGenerator[Line]:
    app = ConfectAsgi(backend, AdminKey("k"))
    async with (
        serving(app, "127.0.0.1", 0) as port,
        await anyio.connect_tcp("127.0.0.1", port) as stream,
    ):
        yield Line(stream)


@asynccontextmanager
async def on_the_board() -> AsyncGenerator[Line]:
    async with Backend.open(board(Runs()), MemoryStore()) as backend, line_to(backend) as line:
        yield line


async def test_requests_that_come_at_once_are_answered_in_their_order() -> None:
    async with on_the_board() as line:
        query, mutation = call("query", LIST), call("mutation", POST)
        await line.send(query + VERSION + mutation + query + VERSION)
        assert (await line.answer()).value == []
        assert b"." in (await line.answer()).body
        assert (await line.answer()).status == 200
        assert (await line.answer()).value == ["one"]
        assert b"." in (await line.answer()).body


async def test_a_call_may_come_in_pieces() -> None:
    async with on_the_board() as line:
        request = call("query", LIST)
        for at in range(0, len(request), 7):
            await line.send(request[at : at + 7])
            await anyio.wait_all_tasks_blocked()
        assert (await line.answer()).value == []


async def test_a_call_that_ends_before_its_body_is_none() -> None:
    async with Backend.open(board(Runs()), MemoryStore()) as backend:
        async with line_to(backend) as line:
            whole = call("mutation", POST)
            await line.send(whole[:-1])
        async with line_to(backend) as line:
            await line.send(call("query", LIST))
            assert (await line.answer()).value == []


@pytest.mark.parametrize(
    "request_",
    [call("query", LIST, "Connection: close"), call("query", LIST, version="1.0")],
    ids=["asked to", "HTTP/1.0"],
)
async def test_a_connection_that_is_not_kept_is_closed_behind_its_answer(request_: bytes) -> None:
    async with on_the_board() as line:
        await line.send(request_)
        answer = await line.answer()
        assert (answer.value, answer.headers["connection"]) == ([], "close")
        await line.wait_closed()


async def test_a_long_call_is_answered_as_a_short_one_is() -> None:
    async with on_the_board() as line:
        await line.send(call("query", {"path": "posts:list", "args": {"room": "a" * 200_000}}))
        assert (await line.answer()).value == []
        await line.send(call("query", LIST))
        assert (await line.answer()).value == []


async def test_who_waits_to_be_told_to_go_on_is_told() -> None:
    async with on_the_board() as line:
        head, _, body = call("query", LIST, "Expect: 100-continue").partition(b"\r\n\r\n")
        await line.send(head + b"\r\n\r\n")
        assert (await line.answer()).status == 100
        await line.send(body)
        assert (await line.answer()).value == []


@pytest.mark.parametrize("length", ["-1", "7x", "1 2"])
async def test_a_length_that_cannot_be_is_refused(length: str) -> None:
    async with on_the_board() as line:
        await line.send(call("query", LIST, length=length))
        assert (await line.answer()).status == 400


async def test_every_answer_says_what_it_is_and_when_it_was_given() -> None:
    async with on_the_board() as line:
        await line.send(call("query", LIST, "Origin: http://there") + VERSION)
        called, asked = await line.answer(), await line.answer()
        assert called.headers["content-type"] == "application/json"
        assert called.headers["access-control-allow-origin"] == "http://there"
        assert called.headers["date"] == asked.headers["date"]


async def test_a_request_behind_a_call_that_waits_waits_too() -> None:
    goes_on = anyio.Event()

    async def wait(_: ActionCtx) -> str:
        await goes_on.wait()
        return "done"

    async with workshop() as at, line_to(at.backend) as line:
        at.script.wait = wait
        await line.send(call("action", WAIT) + call("action", WAIT) + VERSION)
        await anyio.wait_all_tasks_blocked()
        assert len(at.backend.executor.underway) == 1
        goes_on.set()
        assert json.loads((await line.answer()).body) == DONE
        assert json.loads((await line.answer()).body) == DONE
        assert b"." in (await line.answer()).body


async def test_a_call_whose_client_leaves_goes_on_and_nobody_minds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs, goes_on, ended = anyio.Event(), anyio.Event(), anyio.Event()

    async def wait(_: ActionCtx) -> str:
        runs.set()
        await goes_on.wait()
        ended.set()
        return "done"

    async with workshop() as at:
        at.script.wait = wait
        app = ConfectAsgi(at.backend, AdminKey("k"))
        async with serving(app, "127.0.0.1", 0) as port:
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(call("action", WAIT))
                await runs.wait()
            await anyio.wait_all_tasks_blocked()
            goes_on.set()
            await ended.wait()
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(VERSION)
                assert (await Line(stream).answer()).status == 200
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_a_defect_is_told_as_one_and_ends_the_connection(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: ConfectAsgi, exchange: Exchange, headers: object) -> None:
        raise RuntimeError(f"no answer to {exchange.path}")

    monkeypatch.setattr(ConfectAsgi, "answer", broken)
    async with on_the_board() as line:
        await line.send(call("query", LIST))
        answer = await line.answer()
        assert (answer.status, answer.body) == (500, b"Internal Server Error")
        await line.wait_closed()
    assert "no answer to /api/query" in caplog.text


async def test_an_answer_that_the_cache_has_takes_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answer = ConfectAsgi.answer

    async def noting(app: ConfectAsgi, exchange: Exchange, headers: Headers) -> None:
        asked.append(exchange.path)
        await answer(app, exchange, headers)

    monkeypatch.setattr(ConfectAsgi, "answer", noting)
    async with on_the_board() as line:
        query = call("query", LIST)
        for _ in range(3):
            await line.send(query)
            assert (await line.answer()).value == []
        assert len(asked) == 2, "the third time the answer is kept"
        await line.send(call("mutation", POST) + query + query)
        assert (await line.answer()).status == 200
        assert [(await line.answer()).value for _ in range(2)] == [["one"], ["one"]]
        assert asked[2] == "/api/mutation"


async def test_what_is_known_is_told_with_the_headers_of_all_answers() -> None:
    async with on_the_board() as line:
        answers: list[Answer] = []
        for _ in range(4):
            await line.send(call("query", LIST, "Origin: http://there"))
            answers.append(await line.answer())
        first, *others = [{**each.headers, "date": ""} for each in answers]
        assert first["access-control-allow-origin"] == "http://there"
        assert others == [first, first, first]


async def test_whoever_shows_something_is_looked_at_though_the_answer_is_known() -> None:
    async with on_the_board() as line:
        for _ in range(3):
            await line.send(call("query", LIST))
            assert (await line.answer()).value == []
        await line.send(call("query", LIST, "Authorization: Convex wrong"))
        assert (await line.answer()).status != 200
        await line.send(call("query", LIST, "Connection: close"))
        assert (await line.answer()).headers["connection"] == "close"
        await line.wait_closed()
