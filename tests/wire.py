"""`Wire`: what lies between a client and a server, and can fail."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream


class Wire:
    """Passes bytes on between its own port and a server's, until it is told to do worse."""

    def __init__(self, port: int, server_port: int) -> None:
        self.port = port
        self.connections = 0
        """How many there have been."""
        self._server_port = server_port
        self._is_deaf = False
        self._connected: set[anyio.CancelScope] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lose_answers(self) -> None:
        """From now on requests arrive, but nothing that the server says; until `cut`."""
        self._is_deaf = True

    def cut(self) -> None:
        """End every connection; those that follow are whole."""
        self._is_deaf = False
        for connection in self._connected:
            connection.cancel()

    async def carry(self, client: SocketStream) -> None:
        """Serve one connection."""
        self.connections += 1
        async with client:
            try:
                server = await anyio.connect_tcp("127.0.0.1", self._server_port)
            except OSError:
                return
            async with server, anyio.create_task_group() as tasks:
                self._connected.add(tasks.cancel_scope)
                tasks.start_soon(self._pass_on, client, server, tasks.cancel_scope)
                tasks.start_soon(self._answer, server, client, tasks.cancel_scope)
            self._connected.discard(tasks.cancel_scope)

    async def _pass_on(
        self, source: SocketStream, target: SocketStream, connection: anyio.CancelScope
    ) -> None:
        try:
            async for data in source:
                await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # the one end is gone, and so will be the other
        connection.cancel()

    async def _answer(
        self, server: SocketStream, client: SocketStream, connection: anyio.CancelScope
    ) -> None:
        try:
            async for data in server:
                if not self._is_deaf:
                    await client.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        connection.cancel()


@asynccontextmanager
async def wire_to(server_port: int) -> AsyncGenerator[Wire]:
    """A wire to a server on this machine."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    wire = Wire(listener.extra(SocketAttribute.local_port), server_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, wire.carry)
        yield wire
        tasks.cancel_scope.cancel()
