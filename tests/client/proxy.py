"""A wire between client and server that a test can hold and cut."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import SocketAttribute, SocketStream


class Proxy:
    """Passes bytes on to a port, until it is told otherwise."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.connections = 0
        self._target = target
        self._may_answer = anyio.Event()
        self._may_answer.set()
        self._open: list[SocketStream] = []

    def hold_answers(self) -> None:
        """Pass on what the client sends, but nothing that the server says."""
        self._may_answer = anyio.Event()

    async def cut(self) -> None:
        """End every connection, with what was held; later ones pass as before."""
        for stream in self._open:
            await stream.aclose()
        self._open = []
        self._may_answer.set()

    async def serve_one(self, client: SocketStream) -> None:
        """Pass on one connection until it ends on either side."""
        self.connections += 1
        server = await anyio.connect_tcp("127.0.0.1", self._target)
        self._open += [client, server]
        async with client, server, anyio.create_task_group() as tasks:
            tasks.start_soon(self._pass, client, server, None)
            tasks.start_soon(self._pass, server, client, self._may_answer)

    async def _pass(
        self, source: SocketStream, sink: SocketStream, gate: anyio.Event | None
    ) -> None:
        ended = (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError)
        with suppress(*ended):
            while True:
                data = await source.receive()
                if gate is not None:
                    await self._may_answer.wait()
                await sink.send(data)
        await source.aclose()
        await sink.aclose()


@asynccontextmanager
async def proxied(target: int) -> AsyncGenerator[Proxy]:
    """A wire to a port, for as long as the context lasts."""
    proxy = Proxy(target)
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        proxy.port = listener.extra(SocketAttribute.local_port)
        tasks.start_soon(listener.serve, proxy.serve_one)
        yield proxy
        tasks.cancel_scope.cancel()
