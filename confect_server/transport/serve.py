"""Serving a backend on a port of this machine, with uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from http import HTTPStatus
from math import ceil
from typing import Any

import anyio
import anyio.lowlevel
import uvicorn
from uvicorn._types import ASGISendEvent, WebSocketSendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from confect_core.errors import ConfectError
from confect_server.transport.asgi import ConfectAsgi
from confect_server.transport.http.call_protocol import CallProtocol
from confect_server.transport.sync.burst import LONGEST_FRAME, Burst, Outlet
from confect_server.transport.sync.liveness import SILENT_AFTER_MS
from confect_server.transport.sync.socket import ABORT, READY

_MOST_FRAGMENTS = 10_000
"""Of how many parts a frame may be; each of them takes memory, however short it is."""

_BYTES_OF_A_CHARACTER = 4

_LINGER_S = 60.0
"""For how long a client may take what it was sent before its socket was closed."""

_UNREADABLE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

_BACKLOG = 2048


class PortInUse(ConfectError):
    """Another process already listens where the server should."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        super().__init__(
            f"cannot listen on {host}:{port}: {problem}",
            hint="stop the other process, or choose another port with --port",
        )


@asynccontextmanager
async def serving(app: ConfectAsgi, host: str, port: int) -> AsyncGenerator[int]:
    """The port that is served for as long as the context lasts; 0 lets the system choose one.

    Leaving it takes no more calls, answers what it was asked for, as far as that ends within the
    grace of the settings, and sends every socket away.
    """
    settings = app.backend.database.settings
    listening = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            http=CallProtocol,
            ws=_WebSocket,
            ws_max_size=settings.sockets.frame_bytes,
            ws_per_message_deflate=False,
            # a pong comes behind all that the client has yet to take, which may be long
            ws_ping_timeout=SILENT_AFTER_MS / 1_000,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=ceil(settings.actions.grace_s) + 1,
        ),
        app.drain,
    )
    with closing(listening):
        async with app.probes.watchdog.watching(), anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listening])
            await server.wait_started()
            actual_port: int = listening.getsockname()[1]
            app.is_served_at(_address(host, actual_port))
            try:
                yield actual_port
            finally:
                server.should_exit = True
                tasks.start_soon(app.backend.drain)


class _State(ServerState):
    """What the connections of one server share."""

    def __init__(self) -> None:
        super().__init__()
        self.burst = Burst()


class _WebSocket(WebSocketsSansIOProtocol):
    """A socket that holds nothing for a client who does not take it, and forgets its handshake.

    The headers of that take 3 of the 27 KiB of an idle one. Frames of ours are made here: as a
    message of ASGI each takes 5 µs more, a coroutine, a dictionary and two objects.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(server_state, _State), "the server is one of ours"
        self._burst = server_state.burst
        self._outlet: Outlet | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._outlet is not None:
            self._outlet.takes_more = False

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._outlet is not None:
            self._outlet.takes_more = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            # uvicorn would wait for ever for a request that it can read; its headers may be longer
            self.transport.write(_UNREADABLE)
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._outlet = Outlet(self._burst, self.transport)
            extensions: dict[str, dict[object, object]] = {
                **(self.scope.get("extensions") or {}),
                ABORT: {"do": self.transport.abort},
                READY: {"outlet": self._outlet},
            }
            self.scope["extensions"] = extensions

    async def send(self, message: ASGISendEvent) -> None:
        if self._outlet is not None:
            self._outlet.write()  # it was sent before this
            self._outlet.is_open &= message["type"] != "websocket.close"
            if message["type"] == "websocket.send" and await self._is_sent_in_parts(message):
                return
        await super().send(message)

    async def _is_sent_in_parts(self, message: WebSocketSendEvent) -> bool:
        text, outlet = message.get("text"), self._outlet
        if text is None or outlet is None or len(text) <= LONGEST_FRAME // _BYTES_OF_A_CHARACTER:
            return False
        await self.writable.wait()
        return not self.disconnected and outlet.send(text.encode())

    def shutdown(self) -> None:
        if self._outlet is not None:
            self._outlet.write()
        super().shutdown()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < _MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self.handle_parser_exception()

    def handle_pong(self, event: Frame) -> None:
        super().handle_pong(event)
        self._has_heard()

    def handle_ping(self) -> None:
        self._has_heard()
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # a pong; only that to the last ping has to be sent

    def _has_heard(self) -> None:
        if self._outlet is not None:
            self._outlet.has_heard = True

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        # Closing a transport waits until all is taken that was written, be it for ever.
        self.loop.call_later(_LINGER_S, self.transport.abort)

    def start_keepalive(self) -> None:  # what is done last when a socket is accepted
        super().start_keepalive()
        self.request.headers.clear()  # the application has a copy in its scope
        self.response.headers.clear()


class _Server(uvicorn.Server):
    """A server that leaves the signals of the process to whoever owns the process."""

    def __init__(
        self,
        config: uvicorn.Config,
        drain: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint,
    ) -> None:
        super().__init__(config)
        self.server_state = _State()
        self._drain = drain
        self._has_started = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._has_started.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # who comes now is to find another one
        await self._drain()
        await super().shutdown(sockets)

    async def wait_started(self) -> None:
        """Return once connections are accepted."""
        await self._has_started.wait()


def _address(host: str, port: int) -> str:
    """How this machine itself reaches the server."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortInUse(host, port, error.strerror or str(error)) from None
    listening.listen(_BACKLOG)
    return listening
