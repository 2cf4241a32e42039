"""Whatever comes over HTTP is answered, and what is nonsense is refused: never a failure here."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from confect_core.values.wire import Json
from confect_server.transport import serving
from confect_server.transport.asgi import Message
from tests.server.transport.counter import Counter, counter, scope_of
from tests.server.transport.http_requests import (
    BAD_NAME,
    BAD_VALUE,
    BROKEN,
    JSON_TYPE,
    WHOLE,
    Asked,
    mangled,
    requests,
)

FUZZED = settings(
    deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HUGE = b'{"path":"accounts:balance","args":{"name":%b}}' % (b"9" * 100_000)


async def answered(at: Counter, asked: Asked) -> tuple[int, dict[bytes, bytes], bytes]:
    """What is sent in answer, which must be what a server can send."""
    left, sent = list(asked.body), list[Message]()

    async def receive() -> Message:
        if not left:
            return {"type": "http.disconnect"}
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {**scope_of(asked.method, asked.path, asked.query), "headers": asked.headers}
    with anyio.fail_after(20):
        await at.asgi(scope, receive, send)
    start, *body = sent
    assert start["type"] == "http.response.start"
    for name, value in start["headers"]:
        assert not BAD_NAME.search(name), name
        assert not BAD_VALUE.search(value), value
    assert [message["type"] for message in body] == ["http.response.body"] * len(body)
    assert not body[-1].get("more_body", False)
    content = b"".join(cast("bytes", message.get("body", b"")) for message in body)
    return start["status"], dict(start["headers"]), content


async def check_answered(at: Counter, asked: Asked) -> None:
    status, told, content = await answered(at, asked)
    assert status < 500, (asked, status, content)
    if told.get(b"content-type") == b"application/json" and asked.method != "HEAD":
        answer: Json = json.loads(content)
        assert status == 200 or (isinstance(answer, dict) and set(answer) == {"code", "message"})
    origin = dict(reversed(asked.headers)).get(b"origin")
    if origin is not None and asked.path.startswith("/api/"):
        assert told[b"access-control-allow-origin"] == origin


@asynccontextmanager
async def watched(caplog: pytest.LogCaptureFixture) -> AsyncGenerator[Counter]:
    """A bank that must be as it was, after whatever it was asked."""
    caplog.clear()
    async with counter() as at:
        at.backend.files.served_at = "http://bank"
        yield at
        await at.call("mutation", "accounts:open", name="Ada", balance=5.0)
        total = await at.call("query", "accounts:total")
        assert isinstance(total, float)
        assert total >= 5.0
        intake = at.asgi._http._intake
        assert (intake._requests, intake._held_bytes) == (0, 0)
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@given(several=st.lists(requests, min_size=5, max_size=20))
@example(several=[Asked("POST", "/api/query", b"", [JSON_TYPE], [HUGE])])
@FUZZED
async def test_whatever_is_asked_is_answered(
    several: list[Asked], caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(caplog) as at:
        for asked in several:
            await check_answered(at, asked)


async def said_to(port: int, pieces: list[bytes]) -> bytes:
    """Everything that is answered by the end."""
    received = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        try:
            for piece in pieces:
                await stream.send(piece)
                await anyio.lowlevel.checkpoint()
            await stream.send_eof()
            with anyio.fail_after(20):
                while True:
                    received += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError, OSError):
            return received


@given(several=st.lists(mangled(), min_size=1, max_size=12))
@example(several=[[each] for each in BROKEN])
@settings(FUZZED, max_examples=30)
async def test_whatever_comes_on_a_connection_harms_nobody(
    several: list[list[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(caplog) as at, serving(at.asgi, "127.0.0.1", 0) as port:
        for pieces in several:
            answer = await said_to(port, pieces)
            statuses = re.findall(rb"HTTP/1\.1 (\d+)", answer)
            assert not answer or answer.startswith(b"HTTP/1.1 "), (pieces, answer)
            assert all(status < b"500" for status in statuses), (pieces, answer)
        answer = await said_to(port, [WHOLE])
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
