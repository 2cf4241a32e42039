"""What is done for all sockets now and then, by a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.testing.clock import VirtualClock
from confect_server.transport import AdminKey, ConfectAsgi, serving
from confect_server.transport.sync.liveness import PING_AFTER_MS, SILENT_AFTER_MS
from confect_server.transport.sync.socket import Message, Socket
from confect_server.transport.sync.websocket import TICK_S
from tests.server.runtime.workshop import Script, workshop_of
from tests.sync_socket import SyncSocket, sync_socket

_TICK = timedelta(seconds=TICK_S)
_UNTIL_PING = timedelta(milliseconds=PING_AFTER_MS) + 2 * _TICK
_UNTIL_GIVEN_UP = timedelta(milliseconds=SILENT_AFTER_MS) + 2 * _TICK


@asynccontextmanager
async def served(clock: VirtualClock) -> AsyncGenerator[str]:
    async with (
        Backend.open(workshop_of(Script()), MemoryStore(), clock=clock) as backend,
        serving(ConfectAsgi(backend, AdminKey("k")), "127.0.0.1", 0) as port,
    ):
        yield f"ws://127.0.0.1:{port}"


async def known(socket: SyncSocket) -> None:
    """Return once the server has heard of a socket."""
    await socket.act(0, "work:half", number=8)
    await socket.hear_until("ActionResponse")


async def test_every_idle_socket_is_told_that_the_server_is_there() -> None:
    clock = VirtualClock()
    async with served(clock) as url, AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(sync_socket(url)) for _ in range(120)]
        for socket in sockets:
            await known(socket)
        await clock.advance(_UNTIL_PING)
        for socket in sockets:
            await socket.hear_until("Ping")


async def test_sockets_are_looked_after_again_when_there_were_none_for_a_while() -> None:
    clock = VirtualClock()
    async with served(clock) as url:
        async with sync_socket(url) as socket:
            await known(socket)
        await clock.advance(3 * _TICK)
        async with sync_socket(url) as socket:
            await known(socket)
            await clock.advance(_UNTIL_PING)
            await socket.hear_until("Ping")


async def test_a_client_that_shows_something_and_says_nothing_is_not_given_up() -> None:
    clock = VirtualClock()
    async with served(clock) as url, sync_socket(url) as socket:
        await known(socket)
        for _ in range(3):
            await clock.advance(_UNTIL_GIVEN_UP / 2)
            await socket.pong()
        await known(socket)


async def test_a_silent_client_is_given_up() -> None:
    clock = VirtualClock()
    async with served(clock) as url, sync_socket(url) as socket:
        await known(socket)
        await clock.advance(_UNTIL_GIVEN_UP)
        _, closed = await socket.hear_end()
        assert closed.rcvd is not None


async def test_a_client_that_pings_is_not_given_up() -> None:
    clock = VirtualClock()
    async with served(clock) as url, sync_socket(url) as socket:
        await known(socket)
        for _ in range(3):
            await clock.advance(_UNTIL_GIVEN_UP / 2)
            await socket.ping()
        await known(socket)


def test_where_nobody_can_tell_of_pongs_nobody_is_taken_for_gone() -> None:
    async def nothing(*_: object) -> Message:
        return {}

    async def nowhere(_: Message) -> None: ...

    by_another_server = Socket({"type": "websocket", "path": "/"}, nothing, nowhere)
    assert by_another_server.take_heard()
    assert by_another_server.take_heard()
