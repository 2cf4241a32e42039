"""`MortalServer`: the application in a process of its own, which is killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio

from confect_server.engine import PausePoint
from tests.histories.forking import Order

_START_TIMEOUT_S = 60


class MortalServer:
    """One server after the other, on one file and one port."""

    def __init__(self, process: asyncio.subprocess.Process, database: Path) -> None:
        self.deaths = 0
        self._process = process
        self._database = database
        self._port = 0  # the system chooses
        self._pid: int | None = None
        self._is_served = anyio.Event()

    @property
    def url(self) -> str:
        """Where it is served, whenever it is."""
        return f"ws://127.0.0.1:{self._port}"

    async def wait_served(self) -> None:
        """Return once it is served."""
        await self._is_served.wait()

    async def start(self, seed: int, point: PausePoint | None = None, arrival: int = 0) -> bool:
        """Serve, to be killed at that arrival at that point; False if that came before."""
        name = point.name if point else None
        order = Order(str(self._database), self._port, seed, name, arrival)
        assert self._process.stdin is not None
        self._process.stdin.write(order.encoded())
        # shielded: a server of which nobody has read where it is cannot be killed
        with anyio.fail_after(_START_TIMEOUT_S, shield=True):
            said = await self._heard()
        if "ended" in said:
            self._died(said["ended"])
            return False
        self._port, self._pid = said["serving"], said["pid"]
        self._is_served.set()
        return True

    async def wait_killed(self) -> None:
        """Return once it is dead; nobody but a kill -9 ends it."""
        said = await self._heard()
        self._pid = None
        self._is_served = anyio.Event()
        self._died(said["ended"])

    async def kill(self) -> None:
        """Kill it, if it still lives."""
        if self._pid is not None:
            with suppress(ProcessLookupError):  # it may be dead, and nobody was told yet
                os.kill(self._pid, signal.SIGKILL)
            await self.wait_killed()

    def _died(self, code: int) -> None:
        assert code == -signal.SIGKILL, f"it ended by itself, with {code}"
        self.deaths += 1

    async def _heard(self) -> dict[str, int]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the process that starts servers is gone"
        said: dict[str, int] = json.loads(line)
        return said


@asynccontextmanager
async def mortal_server(database: Path) -> AsyncGenerator[MortalServer]:
    """A server that does not run yet, on this file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.histories.forking",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    server = MortalServer(process, database)
    try:
        yield server
    finally:
        with anyio.CancelScope(shield=True):
            await server.kill()
            await process.communicate(b"")  # the end of its input is its end
