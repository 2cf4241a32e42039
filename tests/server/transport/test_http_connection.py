"""Connections whose clients send their requests slowly, endlessly, or as none: on a real port."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketStream

from confect_server.settings import Requests, Settings
from confect_server.transport import serving
from confect_server.transport.http.connection import MOST_HEAD_BYTES
from tests.server.transport.counter import counter

IMPATIENT = Settings(requests=Requests(head_s=0.05, idle_s=0.05))
PATIENT = Settings(requests=Requests(head_s=60.0))

HEAD = b"POST /api/query HTTP/1.1\r\nhost: bank\r\ncontent-type: application/json\r\n"
BODY = b'{"path": "accounts:total", "args": {}}'
CALL = HEAD + b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
LAST = CALL.replace(b"host: bank", b"host: bank\r\nconnection: close")


@asynccontextmanager
async def connecting(settings: Settings) -> AsyncGenerator[Port]:
    async with (
        counter(settings=settings) as at,
        serving(at.asgi, "127.0.0.1", 0) as port,
    ):
        yield Port(port)


class Port:
    """Where a server listens."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def connect(self) -> SocketStream:
        return await anyio.connect_tcp("127.0.0.1", self.number)

    async def answers(self, *parts: bytes) -> bytes:
        """All that is said on a connection until the server closes it."""
        async with await self.connect() as stream:
            for each in parts:
                await stream.send(each)
                await anyio.lowlevel.checkpoint()
            return await rest_of(stream)


async def rest_of(stream: SocketStream) -> bytes:
    received = b""
    try:
        with anyio.fail_after(20):
            while True:
                received += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return received


async def test_who_sends_nothing_is_sent_away() -> None:
    async with connecting(IMPATIENT) as port:
        assert await port.answers() == b""
        assert await port.answers(b"\r\n\r\n") == b""


async def test_who_comes_when_there_are_too_many_is_sent_away() -> None:
    refusal = b"HTTP/1.1 503 Service Unavailable\r\n"
    async with connecting(Settings(requests=Requests(connections=2))) as port:
        async with await port.connect() as socket, await port.connect():
            await socket.send(UPGRADE % (b"GET", b""))
            assert (await socket.receive()).startswith(b"HTTP/1.1 101 ")
            assert (await port.answers()).startswith(refusal)
        while (answer := await port.answers(LAST)).startswith(refusal):
            pass  # until the server has seen the others leave
        assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("part", [b"P", b"POST /api/qu", HEAD, HEAD + b"x-long: aaaa"])
async def test_half_a_head_is_given_up(part: bytes) -> None:
    async with connecting(IMPATIENT) as port:
        assert (await port.answers(part)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


@pytest.mark.parametrize("length", [100, 200_000, 10**12])
async def test_half_a_body_is_given_up(length: int) -> None:
    async with connecting(IMPATIENT) as port:
        head = HEAD + b"content-length: %d\r\n\r\n" % length
        answer = await port.answers(head + BODY)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"connection: close" in answer


async def test_half_a_second_request_is_given_up() -> None:
    async with connecting(IMPATIENT) as port:
        answer = await port.answers(CALL + HEAD)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"HTTP/1.1 408 Request Timeout\r\n" in answer


async def test_who_goes_on_sending_what_nobody_reads_is_sent_away() -> None:
    async with connecting(IMPATIENT) as port, await port.connect() as stream:
        await stream.send(
            b"POST /nothing HTTP/1.1\r\nhost: bank\r\ncontent-length: 10000000\r\n\r\n"
        )
        assert (await stream.receive()).startswith(b"HTTP/1.1 404")
        with pytest.raises((anyio.BrokenResourceError, anyio.EndOfStream)):
            await send_for_ever(stream)


async def send_for_ever(stream: SocketStream) -> None:
    with anyio.fail_after(20):
        while True:
            await stream.send(b"x")
            await anyio.sleep(0.001)


async def test_a_head_that_never_ends_is_refused() -> None:
    async with connecting(PATIENT) as port:
        for start in (b"GET /", HEAD, HEAD + b"x-long: "):
            answer = await port.answers(start, *[b"a" * 16_384] * (MOST_HEAD_BYTES // 16_384))
            assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"), start
        many = b"".join(b"x-%d: 1\r\n" % number for number in range(10_000))
        assert (await port.answers(HEAD + many)).startswith(b"HTTP/1.1 431")


async def test_a_long_head_that_ends_is_none_to_refuse() -> None:
    async with connecting(PATIENT) as port:
        long = LAST.replace(b"\r\n\r\n", b"\r\nx-long: %b\r\n\r\n" % (b"a" * 60_000))
        assert (await port.answers(long)).startswith(b"HTTP/1.1 200 OK")


async def test_a_head_is_not_as_long_as_the_body_before_it() -> None:
    body = BODY + b" " * 100_000
    call = HEAD + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    async with connecting(PATIENT) as port, await port.connect() as stream:
        await stream.send(call + LAST[:30])
        first = await stream.receive()
        await stream.send(LAST[30:])
        assert (first + await rest_of(stream)).count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("follows", [b"connection: close\r\n", b""])
async def test_who_takes_nothing_of_an_answer_is_sent_away(follows: bytes) -> None:
    async with connecting(IMPATIENT) as port, await port.connect() as stream:
        body = b"x" * 8_000_000
        await stream.send(
            b"POST /echo HTTP/1.1\r\nhost: bank\r\n%bcontent-length: %d\r\n\r\n%b"
            % (follows, len(body), body)
        )
        with pytest.raises((anyio.BrokenResourceError, anyio.EndOfStream)):
            await send_for_ever(stream)


async def test_what_is_answered_already_is_not_told_the_refusal_of_what_follows() -> None:
    async with connecting(PATIENT) as port:
        answer = await port.answers(CALL + b"\0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"connection: close" in answer


@pytest.mark.parametrize("sent_at_once", [True, False])
async def test_who_offers_another_protocol_is_answered_in_this_one(sent_at_once: bool) -> None:
    offer = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\n"
    # if this were taken for what it looks like, whoever can send a body could send requests
    body = BODY + b" " * 4_096
    head = HEAD + offer + b"content-length: %d\r\n\r\n" % len(body)
    async with connecting(PATIENT) as port:
        answer = await port.answers(*([head + body] if sent_at_once else [head, body]))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "start", [b"CONNECT /x HTTP/1.1\r\nhost: bank\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
async def test_what_only_another_protocol_has_is_refused(start: bytes) -> None:
    async with connecting(PATIENT) as port:
        assert (await port.answers(start)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


UPGRADE = (
    b"%b /api/sync HTTP/1.1\r\nhost: bank\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n%b\r\n"
)


@pytest.mark.parametrize(
    "request_",
    [
        UPGRADE % (b"GET", b"content-length: 1\r\n"),
        UPGRADE % (b"GET", b"cookie: %b\r\n" % (b"a" * 9_000)),
    ],
)
async def test_a_handshake_that_cannot_be_read_is_refused(request_: bytes) -> None:
    async with connecting(PATIENT) as port:
        assert (await port.answers(request_)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_a_call_that_takes_long_keeps_its_connection() -> None:
    async with counter(settings=IMPATIENT) as at, serving(at.asgi, "127.0.0.1", 0) as number:
        port, is_waited_for, may_go_on = Port(number), anyio.Event(), anyio.Event()
        answer = at.backend.queries.run

        async def run(*args: object, **named: object) -> object:
            is_waited_for.set()
            await may_go_on.wait()
            return await answer(*args, **named)  # type: ignore[arg-type]  # as they came

        at.backend.queries.run = run  # type: ignore[method-assign,assignment]  # to hold it up
        async with await port.connect() as stream, anyio.create_task_group() as tasks:
            await stream.send(CALL + HEAD)  # and the half of another one
            await is_waited_for.wait()
            tasks.start_soon(after_many_looks, may_go_on)
            assert (await stream.receive()).startswith(b"HTTP/1.1 200 OK")
        assert (await port.answers(LAST)).startswith(b"HTTP/1.1 200 OK")


async def after_many_looks(may_go_on: anyio.Event) -> None:
    await anyio.sleep(4 * IMPATIENT.requests.head_s)
    may_go_on.set()


async def test_a_socket_is_not_sent_away_as_if_it_were_a_request() -> None:
    upgrade = (
        b"GET /api/sync HTTP/1.1\r\nhost: bank\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"convex-client: python-0.8.1\r\n\r\n"
    )
    async with connecting(IMPATIENT) as port, await port.connect() as stream:
        await stream.send(upgrade)
        assert (await stream.receive()).startswith(b"HTTP/1.1 101 Switching Protocols")
        with anyio.move_on_after(4 * IMPATIENT.requests.head_s) as waited:
            while True:
                await stream.receive()
        assert waited.cancelled_caught
