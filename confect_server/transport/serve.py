"""Serving a backend on a port of this machine, with uvicorn."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from math import ceil

import anyio
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from confect_core.errors import ConfectError
from confect_server.transport.asgi import ConfectAsgi
from confect_server.transport.call_protocol import CallProtocol

_MAX_FRAME_BYTES = 32 * 1024 * 1024
"""The longest frame: the longest arguments, encoded."""

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

    Leaving it takes no more calls, tells every socket so, and lets actions and requests that run
    end for as long as the settings say.
    """
    listening = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            http=CallProtocol,
            ws=_WebSocket,
            ws_max_size=_MAX_FRAME_BYTES,
            ws_per_message_deflate=False,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=ceil(app.backend.database.settings.actions.grace_s) + 1,
        )
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


class _WebSocket(WebSocketsSansIOProtocol):
    """A socket that forgets its handshake: its headers take 3 of the 27 KiB of an idle one."""

    def start_keepalive(self) -> None:  # what is done last when a socket is accepted
        super().start_keepalive()
        self.request.headers.clear()  # the application has a copy in its scope
        self.response.headers.clear()


class _Server(uvicorn.Server):
    """A server that leaves the signals of the process to whoever owns the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._has_started = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._has_started.set()

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
