"""Plain `websockets` servers, in a process of their own, which is this module.

`echo` says to each socket what it hears from it, `broadcast` says to all what it hears from any.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed


async def _serve(answer: Callable[[ServerConnection], Awaitable[None]]) -> None:
    async with serve(answer, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await anyio.sleep_forever()


async def _serve_echo() -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    await _serve(echo)


async def _serve_broadcast() -> None:
    connections: set[ServerConnection] = set()

    async def tell_all(connection: ServerConnection) -> None:
        connections.add(connection)
        with suppress(ConnectionClosed):
            async for message in connection:
                broadcast(connections, message)

    await _serve(tell_all)


_SERVERS = {"echo": _serve_echo, "broadcast": _serve_broadcast}

if __name__ == "__main__":
    anyio.run(_SERVERS[sys.argv[1]], backend_options={"use_uvloop": True})
