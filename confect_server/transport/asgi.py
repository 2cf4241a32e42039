"""The server as an ASGI application: one port for the HTTP API and for the sync protocol.

Raw ASGI, because whatever a framework does for a request it does for every request: starlette alone
halves the throughput of a mutation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from confect_server.runtime import Backend
from confect_server.transport.admin import AdminKey
from confect_server.transport.http.api import HttpApi
from confect_server.transport.http.exchange import Exchange
from confect_server.transport.http.probes import Probes
from confect_server.transport.sync.socket import Socket
from confect_server.transport.sync.websocket import SyncServer

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class ConfectAsgi:
    """Serves a backend; its owner starts and stops that backend around it."""

    def __init__(
        self, backend: Backend, admin_key: AdminKey, *, shows_functions: bool = False
    ) -> None:
        self.backend = backend
        """What it serves."""
        self._http = HttpApi(backend, admin_key, shows_functions=shows_functions)
        self._sync = SyncServer(backend, admin_key)
        self.probes = Probes(
            backend,
            admin_key,
            lambda: self._sync.sockets,
            closed=self._sync.closed,
            refused=self._http.refused,
        )
        """What it says of itself."""

    def is_served_at(self, origin: str) -> None:
        """Say where clients find it, which the URLs of files begin with."""
        self.backend.files.served_at = origin

    def reloaded(self) -> None:
        """The backend runs another version of its application: subscribers get its answers."""
        self._sync.reloaded()

    async def drain(self) -> None:
        """Answer what sockets have asked for, for a while, and send them away; take no others."""
        await self._sync.drain(self.backend.database.settings.actions.grace_s)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI defines it."""
        if self.backend.files.served_at is None and scope["type"] != "lifespan":
            self.backend.files.served_at = _address(scope)
        if scope["type"] == "http":
            await self.answer(Exchange(scope, receive, send), scope["headers"])
        elif scope["type"] == "websocket":
            await self._sync.serve(Socket(scope, receive, send))
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)

    def known(self, exchange: Exchange) -> bytes | None:
        """The answer to a call, if it is there and nobody has to be told of it."""
        return self._http.known(exchange) if self.backend.tracing is None else None

    async def answer(self, exchange: Exchange, headers: Headers) -> None:
        """Answer one request."""
        if self.backend.tracing is None:
            await self._answer(exchange)
        else:
            with self.backend.tracing.continued(headers):
                await self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        if not await self.probes.answer(exchange):
            await self._http.answer(exchange)


def _address(scope: Message) -> str | None:
    """How this machine itself reaches the application, which may be a part of another one.

    What clients take for its address is not asked: the first one to come could send the files of
    all others wherever it likes.
    """
    host, port = scope.get("server") or (None, None)
    if host is None or port is None:
        return None
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}:{port}{scope.get('root_path', '')}"


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
