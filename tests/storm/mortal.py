"""`MortalServer`: a server in a process of its own, which dies and comes back, with a `storm`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
import anyio.to_thread
import httpx2

from benchmarks.machine import resident_mib
from tests.storm.weather import Weather, weather

PATIENCE_S = 60
"""Longer than npm's client waits at most before it tries again, twice."""

DIES_AFTER_S = 3.0


class MortalServer:
    """One server on a database, always on the port of its first start."""

    def __init__(self, folder: Path, name: str, issuers: tuple[str, ...]) -> None:
        self.port = 0
        self.deaths = 0
        self._folder = folder
        self._name = name
        self._issuers = issuers
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Serve; returns once it does."""
        database = str(self._folder / "storm.db")
        command = [sys.executable, "-m", "tests.storm.serve", database, str(self.port)]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *self._issuers], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        announced = self._process.stdout.readline()
        assert announced, self._log.read_text()
        self.port = int(announced)

    def kill(self) -> None:
        """End it as kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.deaths += 1

    async def die_until(self, end_s: float, first_s: float = 0.0) -> None:
        """Die again and again, and come back; who asks meanwhile is not held up by that."""
        await anyio.sleep(first_s)
        while monotonic() + DIES_AFTER_S < end_s:
            await anyio.sleep(DIES_AFTER_S)
            self.kill()
            await anyio.to_thread.run_sync(self.start)

    @property
    def memory_mib(self) -> float:
        """What it holds."""
        assert self._process is not None
        return resident_mib(self._process.pid)

    async def metric(self, name: str) -> float:
        """One of the figures that it tells of itself."""
        headers = {"Authorization": "Convex secret"}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            metrics = (await client.get("/metrics", headers=headers)).text
        return float(metrics.partition(f"\n{name} ")[2].partition("\n")[0])

    async def call(self, kind: str, path: str, **args: object) -> Any:
        """What a function answers, past all weather."""
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            answer = await client.post(f"/api/{kind}", json={"path": path, "args": args})
        return answer.json()["value"]

    @property
    def _log(self) -> Path:
        return self._folder / f"{self._name}.log"


async def wait_metric(servers: Sequence[MortalServer], name: str, expected: float) -> None:
    """Return once one of their figures comes to this, of all servers together."""
    told = -1.0
    for _ in range(10 * PATIENCE_S):
        told = sum([await server.metric(name) for server in servers])
        if told == expected:
            return
        await anyio.sleep(0.1)
    raise AssertionError(f"{name} is {told}, not {expected}")


@contextmanager
def mortal(folder: Path, *issuers: str, name: str = "server") -> Generator[MortalServer]:
    """A server of the database in a folder, which takes the tokens of these issuers."""
    server = MortalServer(folder, name, issuers)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def storm(
    folder: Path, seed: int, *issuers: str, carries_twice: bool = True
) -> AsyncGenerator[tuple[MortalServer, Weather]]:
    """One server, and the weather in front of it."""
    with mortal(folder, *issuers) as server:
        async with weather(seed, server.port, carries_twice=carries_twice) as around:
            yield server, around
