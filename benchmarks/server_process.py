"""Servers in processes of their own, which are this module: `python -m benchmarks.server_process`.

`confect` serves the application of the benchmarks; the others are plain `websockets` servers.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import clock_gettime
from typing import Literal, TypeAlias

import anyio
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.machine import resident_mib
from benchmarks.product import running
from confect_server.transport import AdminKey, ConfectAsgi, serving

Server: TypeAlias = Literal["confect", "echo", "broadcast"]

_KIB_PER_MIB = 1024
_CPU_TIME_OF_PROCESS = 2  # as clock_getcpuclockid(3) makes the clock of a process from its id


class ServerProcess:
    """A server in a process of its own."""

    def __init__(self, process_id: int, port: int) -> None:
        self.port = port
        """Where it listens."""
        self._process_id = process_id

    @property
    def memory_kib(self) -> float:
        """What it holds now."""
        return resident_mib(self._process_id) * _KIB_PER_MIB

    @property
    def cpu_s(self) -> float:
        """For how long it has computed until now."""
        return clock_gettime((~self._process_id << 3) | _CPU_TIME_OF_PROCESS)


@contextmanager
def server_process(server: Server, database: Path) -> Generator[ServerProcess]:
    """A server that runs as long as the context lasts."""
    command = [sys.executable, "-m", "benchmarks.server_process", server, str(database)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            yield ServerProcess(process.pid, int(process.stdout.readline()))
        finally:
            process.terminate()


async def _serve_confect(database: Path) -> None:
    async with (
        running(database) as backend,
        serving(ConfectAsgi(backend, AdminKey("")), "127.0.0.1", 0) as port,
    ):
        print(port, flush=True)
        await anyio.sleep_forever()


async def _serve_websockets(answer: Callable[[ServerConnection], Awaitable[None]]) -> None:
    async with serve(answer, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await anyio.sleep_forever()


async def _serve_echo(_: Path) -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    await _serve_websockets(echo)


async def _serve_broadcast(_: Path) -> None:
    connections: set[ServerConnection] = set()

    async def tell_all(connection: ServerConnection) -> None:
        connections.add(connection)
        with suppress(ConnectionClosed):
            async for message in connection:
                broadcast(connections, message)

    await _serve_websockets(tell_all)


_SERVERS = {"confect": _serve_confect, "echo": _serve_echo, "broadcast": _serve_broadcast}

if __name__ == "__main__":
    name, path = sys.argv[1:]
    anyio.run(_SERVERS[name], Path(path), backend_options={"use_uvloop": True})
