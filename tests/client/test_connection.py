"""The connection against servers that misbehave: what it does next, and how soon."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from socket import EAI_AGAIN, gaierror
from typing import NoReturn

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from confect_client import AsyncClient, CallTimedOut, NotConnected, ServerRefused, connection
from confect_client.connection import TICK_S, Connection
from confect_client.liveness import Liveness
from confect_client.session.events import ClientEvent
from confect_client.session.session import SILENT_AFTER_MS, ClientSession
from confect_core.protocol import (
    AuthError,
    EncodedValue,
    FatalError,
    FunctionPath,
    StateVersion,
    Transition,
    UserToken,
    encode_server_message,
)
from tests.client.shelf import Refs, a_shelf
from tests.wire import wire_to

Handler = Callable[[ServerConnection], Awaitable[None]]
LIST = FunctionPath.parse("messages:list")


@asynccontextmanager
async def misbehaving(
    handler: Handler, refuse: Callable[[], Response] | None = None
) -> AsyncGenerator[str]:
    """The URL of a server that treats its sockets like this."""

    def answer(socket: ServerConnection, request: Request) -> Response | None:
        del socket, request
        return None if refuse is None else refuse()

    async with serve(handler, "127.0.0.1", 0, process_request=answer) as server:
        (listening,) = server.sockets
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


class Naps:
    """Sleeps that take no time, until there were so many."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.slept_s: list[float] = []
        self.are_over = anyio.Event()

    async def __call__(self, seconds: float) -> None:
        if seconds == TICK_S:
            await anyio.sleep_forever()
        self.slept_s.append(seconds)
        self.left -= 1
        if self.left == 0:
            self.are_over.set()
            await anyio.sleep_forever()


async def prepared() -> None:
    """There is nothing to prepare."""


async def naps_of(url: str, session: ClientSession, count: int) -> list[float]:
    """How long a connection waits between its first attempts."""
    naps = Naps(count)
    told: list[ClientEvent] = []
    line = Connection(url, session, told.extend, prepared, lambda: None, sleep=naps)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(line.run)
        await naps.are_over.wait()
        tasks.cancel_scope.cancel()
    assert line.retries == count
    return naps.slept_s


def a_session() -> ClientSession:
    session = ClientSession("9208b169-0e8a-4fa7-9341-d27c8fd3dda8")
    session.subscribe(LIST, {})
    return session


async def close_at_once(socket: ServerConnection) -> None:
    await socket.close(1013, "InternalServerError")


async def answer_and_close(socket: ServerConnection) -> None:
    """All is well, and then it is over; again and again."""
    await socket.recv()
    await socket.recv()
    answer: Transition[EncodedValue] = Transition(StateVersion(0, 0, 0), StateVersion(1, 0, 7), ())
    await socket.send(encode_server_message(answer), text=True)
    await socket.close(1001, "restart")


async def test_sockets_that_open_and_close_at_once_are_waited_for_longer_and_longer() -> None:
    async with misbehaving(close_at_once) as url:
        naps = await naps_of(url, a_session(), 9)
    assert naps[0] >= 0.5
    assert naps[-1] >= 8


async def test_a_server_that_answers_and_breaks_off_is_not_asked_all_the_time() -> None:
    async with misbehaving(answer_and_close) as url:
        session = ClientSession("9208b169-0e8a-4fa7-9341-d27c8fd3dda8")
        naps = Naps(9)
        line = Connection(url, session, lambda _: None, prepared, lambda: None, sleep=naps)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(line.run)
            await naps.are_over.wait()
            tasks.cancel_scope.cancel()
    assert naps.slept_s[-1] >= 8
    assert line.connections == 9


async def test_a_token_that_is_refused_for_ever_is_shown_less_and_less() -> None:
    async def refuse(socket: ServerConnection) -> None:
        await socket.recv()
        refusal = AuthError("not you", 0, attempted=True)
        await socket.send(encode_server_message(refusal), text=True)
        await socket.close()

    session = a_session()
    session.set_token(UserToken("of somebody"))
    async with misbehaving(refuse) as url:
        naps = await naps_of(url, session, 9)
    assert naps[-1] >= 8


async def test_nobody_there_is_asked_less_and_less() -> None:
    naps = await naps_of("http://127.0.0.1:9", a_session(), 9)
    assert naps[0] < 0.2
    assert naps[-1] >= 8


@pytest.mark.parametrize(
    "error",
    [
        gaierror(EAI_AGAIN, "Temporary failure in name resolution"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
    ],
)
async def test_a_network_that_is_away_is_asked_for_more_often_than_a_server(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> NoReturn:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
    naps = await naps_of("http://127.0.0.1:9", a_session(), 12)
    assert 1 <= naps[-1] <= 3


async def test_a_connection_that_does_not_come_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await naps_of("http://127.0.0.1:9", a_session(), 9)
    (line,) = [each.getMessage() for each in caplog.records if each.name == "confect_client"]
    assert line.startswith("no connection to ws://127.0.0.1:9/api/sync: ConnectionRefusedError")


async def test_a_call_that_has_no_time_left_says_why_there_is_no_connection() -> None:
    async with AsyncClient("http://127.0.0.1:9") as client:
        async for state in client.connection_states():
            if state.retries:
                break
        with pytest.raises(CallTimedOut, match="no connection: ConnectionRefusedError"):
            await client.with_options(timeout_s=0.01).query(Refs.titles)


async def test_a_server_that_says_nothing_when_connected_to_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "OPEN_TIMEOUT_S", 0.05)
    attempts: list[int] = []
    naps: list[float] = []

    async def silent(stream: SocketStream) -> None:
        attempts.append(stream.extra(SocketAttribute.local_port))
        async with stream:
            await anyio.sleep_forever()

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, silent)
        port = listener.extra(SocketAttribute.local_port)
        naps += await naps_of(f"http://127.0.0.1:{port}", a_session(), 2)
        tasks.cancel_scope.cancel()
    assert len(naps) == len(attempts) == 2


def refused(code: str) -> Callable[[], Response]:
    def refuse() -> Response:
        body = f'{{"code":"{code}","message":"too old"}}'.encode()
        return Response(HTTPStatus.BAD_REQUEST, "Bad Request", Headers(), body)

    return refuse


async def nobody(socket: ServerConnection) -> None:
    raise AssertionError("nobody is let in")


async def test_a_server_that_refuses_the_version_is_not_asked_again() -> None:
    async with (
        misbehaving(nobody, refused("ClientVersionUnsupported")) as url,
        AsyncClient(url) as client,
    ):
        with pytest.raises(ServerRefused, match="too old"):
            await client.query(Refs.titles)
        with pytest.raises(ServerRefused, match="too old"):
            await client.mutation(Refs.add, title="a")
        with pytest.raises(ServerRefused, match="too old"):
            await client.wait_connected()


async def test_whoever_waits_for_a_connection_is_told_that_there_will_be_none() -> None:
    async with (
        misbehaving(nobody, refused("ClientVersionUnsupported")) as url,
        AsyncClient(url) as client,
    ):
        with pytest.raises(ServerRefused, match="too old"):
            await client.wait_connected()


async def test_any_other_refusal_may_be_over_soon() -> None:
    async with misbehaving(nobody, refused("Maintenance")) as url:
        assert len(await naps_of(url, a_session(), 3)) == 3


async def test_a_fatal_error_ends_everything_that_waits() -> None:
    async def fatal(socket: ServerConnection) -> None:
        await socket.send(encode_server_message(FatalError("not like this")), text=True)
        await socket.wait_closed()

    errors: list[Exception] = []
    async with misbehaving(fatal) as url, AsyncClient(url) as client:
        told = client.with_options(on_error=errors.append)
        told.on_update(Refs.titles, print)
        with pytest.raises(ServerRefused, match="not like this"):
            await client.query(Refs.titles)
    assert [type(error) for error in errors] == [ServerRefused]


# The state that a program can show.


async def test_the_state_tells_of_connections_and_of_what_waits() -> None:
    async with a_shelf() as url, wire_to(int(url.rsplit(":", 1)[1])) as wire:
        client = AsyncClient(wire.url)
        assert not client.connection.has_ever_connected
        async with client:
            await client.wait_connected()
            assert client.connection.is_connected
            assert client.connection.last_error is None
            seen: list[bool] = []
            stop = client.on_connection_change(lambda state: seen.append(state.is_connected))
            wire.lose_answers()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: client.mutation(Refs.add, title="a"))
                await anyio.wait_all_tasks_blocked()
                state = client.connection
                assert (state.mutations_in_flight, state.actions_in_flight) == (1, 0)
                assert state.oldest_in_flight_since is not None
                wire.cut()
            state = client.connection
            assert (state.mutations_in_flight, state.oldest_in_flight_since) == (0, None)
            assert (state.connections, state.is_connected) == (2, True)
            assert state.last_error is not None
            stop()
    assert [each for each, last in zip(seen, [None, *seen], strict=False) if each is not last] == [
        True,
        False,
        True,
    ]


async def test_states_are_iterated_and_waited_for() -> None:
    async with AsyncClient("http://127.0.0.1:9") as client:
        with pytest.raises(NotConnected, match="no connection after 0 s"):
            await client.wait_connected(timeout_s=0)
        async for state in client.connection_states():
            assert not state.is_connected
            if state.retries:
                assert state.last_error is not None
                break


async def test_a_callback_of_the_state_that_raises_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: object) -> None:
        raise KeyError("broken")

    async with a_shelf() as url, AsyncClient(url) as client:
        client.on_connection_change(broken)
        assert await client.query(Refs.titles) == []
    assert "a callback of the connection failed" in caplog.text


# Nobody at the other end.


class Watched:
    """A connection that looks after its socket all the time, and tells when it has failed."""

    def __init__(self, url: str, now_s: Callable[[], float]) -> None:
        self.has_connected = anyio.Event()
        self.has_failed = anyio.Event()
        self.looks = 0
        self.line = Connection(
            url,
            a_session(),
            lambda _: None,
            prepared,
            self._changed,
            sleep=self._sleep,
            now_s=now_s,
        )

    def _changed(self) -> None:
        (self.has_connected if self.line.is_connected else self.has_failed).set()

    async def _sleep(self, seconds: float) -> None:
        self.looks += seconds == TICK_S
        await anyio.sleep(0.001)


async def says_nothing(socket: ServerConnection) -> None:
    await socket.wait_closed()


async def test_a_server_that_is_silent_for_a_minute_is_given_up() -> None:
    seconds = iter(range(0, 600, 7))
    async with misbehaving(says_nothing) as url, anyio.create_task_group() as tasks:
        watched = Watched(url, lambda: next(seconds))
        tasks.start_soon(watched.line.run)
        await watched.has_failed.wait()
        assert watched.line.last_error == "InactiveServer"
        # 7 s pass from one look to the next, and the first one begins to count
        assert watched.looks == 1 + -(-SILENT_AFTER_MS // 7_000)
        tasks.cancel_scope.cancel()


async def test_after_a_sleep_a_server_that_answers_is_kept_and_one_that_does_not_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "PROBE_TIMEOUT_S", 0.1)

    def has_slept(_: Liveness, expected_s: float) -> bool:
        return expected_s == TICK_S

    monkeypatch.setattr(Liveness, "has_slept", has_slept)
    async with (
        misbehaving(says_nothing) as url,
        wire_to(int(url.rsplit(":", 1)[1])) as wire,
        anyio.create_task_group() as tasks,
    ):
        watched = Watched(wire.url, lambda: 0)
        tasks.start_soon(watched.line.run)
        await watched.has_connected.wait()
        while watched.looks < 5:
            await anyio.wait_all_tasks_blocked()
        assert watched.line.connections == 1
        wire.lose_answers()
        await watched.has_failed.wait()
        assert watched.line.last_error == "InactiveServer"
        tasks.cancel_scope.cancel()
