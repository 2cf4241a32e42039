"""Our client and npm's in bad weather, and with a server that dies: nothing is lost or doubled.

Writers count, each for itself: number after number, some at a time. Whatever happens to their
connections, in the end each number is in the ledger once and in order, each call was answered,
nobody saw a total fall or missed its own writes, and every subscription shows the end.

`--storm-s 300 --storm-seed 7` is a longer storm, or one that failed again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    contextmanager,
)
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, TypeAlias, cast

import anyio
import httpx2
import pytest

from benchmarks.machine import resident_mib
from tests.clients.official_client import Event, OfficialClient, npm_client, running_client
from tests.storm.weather import weather

PATIENCE_S = 60
"""Longer than npm's client waits at most before it tries again, twice."""

WRITERS = 3
MOST_AT_A_TIME = 8
DIES_AFTER_S = 6.0
GROWTH_MIB = 32
"""What a process may grow by between the middle and the end: less than garbage makes it breathe."""

Client: TypeAlias = Callable[[str], AbstractAsyncContextManager[OfficialClient]]


def npm(url: str) -> AbstractAsyncContextManager[OfficialClient]:
    return npm_client("socket", url)


def ours(url: str) -> AbstractAsyncContextManager[OfficialClient]:
    return running_client([sys.executable, "-m", "tests.storm.our_client", url])


class LedgerServer:
    """The server of a ledger in a process of its own, which dies and comes back."""

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self.deaths = 0
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Serve, on the same port each time."""
        database = str(self._folder / "ledger.db")
        command = [sys.executable, "-m", "tests.storm.ledger", database, str(self.port)]
        with (self._folder / "ledger.log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """End it as kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.deaths += 1

    @property
    def memory_mib(self) -> float:
        assert self._process is not None
        return resident_mib(self._process.pid)

    async def wait_sockets(self, expected: int) -> None:
        """Return once it has this many sockets, which it has to say itself."""
        headers, told = {"Authorization": "Convex secret"}, -1.0
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            for _ in range(10 * PATIENCE_S):
                metrics = (await client.get("/metrics", headers=headers)).text
                told = float(metrics.partition("\nconfect_sockets ")[2].partition("\n")[0])
                if told == expected:
                    return
                await anyio.sleep(0.1)
        raise AssertionError(f"it has {told} sockets, not {expected}")

    async def call(self, kind: str, path: str, **args: object) -> Any:
        """What a function answers, past all weather."""
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            answer = await client.post(f"/api/{kind}", json={"path": path, "args": args})
        return answer.json()["value"]


@contextmanager
def ledger_server(folder: Path) -> Generator[LedgerServer]:
    server = LedgerServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class Writer:
    """A client that writes, and what it has seen."""

    def __init__(self, client: OfficialClient, name: str, chooser: Random) -> None:
        self.written = 0
        self.name = name
        self._client = client
        self._chooser = chooser
        self._totals: dict[str, int] = {}
        self._newest = 0
        self._is_between = False  # has it heard one half of what belongs together?

    @property
    def memory_mib(self) -> float:
        """What its client holds."""
        return resident_mib(self._client.process_id)

    async def begin(self) -> None:
        """Subscribe, and go on once both answers are there."""
        self._client.patience_s = PATIENCE_S
        for name in ("totals", "newest"):
            await self._client.subscribe(name, f"ledger:{name}")
        seen = {self._see(await self._client.next()), self._see(await self._client.next())}
        assert seen == {"totals", "newest"}

    async def write_some(self) -> None:
        """Write some numbers at a time, and wait until each is answered, in order."""
        burst = range(self.written, self.written + self._chooser.randint(1, MOST_AT_A_TIME))
        for number in burst:
            await self._client.begin(
                str(number), "mutation", "ledger:write", writer=self.name, number=number
            )
        self.written = burst.stop
        for number in burst:
            while self._see(event := await self._client.next()) != str(number):
                assert event.event == "update", f"{event}, but {number} is the next to be answered"
            assert event.value == number + 1
            assert self._totals.get(self.name, 0) > number, "it does not see what it has written"

    async def wait_seen(self, totals: dict[str, int]) -> None:
        """Return once both subscriptions show these totals."""
        while self._totals != totals or self._is_between:
            self._see(await self._client.next())

    def _see(self, event: Event) -> str:
        assert event.event in ("update", "resolved"), event
        if event.event == "update":
            if event.name == "totals":
                self._see_totals(cast("dict[str, float]", event.value))
            else:
                self._newest = int(event.document["written"])
            # both change with every write, so they are of one moment, or soon will be
            is_of_one_moment = self._newest == sum(self._totals.values())
            assert is_of_one_moment or not self._is_between, "a mixture of two moments"
            self._is_between = not is_of_one_moment
        return event.name

    def _see_totals(self, told: dict[str, float]) -> None:
        before, self._totals = self._totals, {name: int(each) for name, each in told.items()}
        for writer, entries in before.items():
            assert self._totals.get(writer, 0) >= entries, f"{before}, then {self._totals}"


async def write_until(writer: Writer, end_s: float) -> None:
    while monotonic() < end_s:
        await writer.write_some()


async def die_until(server: LedgerServer, end_s: float) -> None:
    while monotonic() + DIES_AFTER_S < end_s:
        await anyio.sleep(DIES_AFTER_S)
        server.kill()
        server.start()


@pytest.mark.parametrize("client", [npm, ours])
async def test_every_write_is_there_once_whatever_the_weather(
    client: Client, tmp_path: Path, seed: int, storm_s: float
) -> None:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(ledger_server(tmp_path))
        around = await stack.enter_async_context(weather(server.port, seed))
        writers = [
            Writer(await stack.enter_async_context(client(around.url)), f"w{number}", Random(seed))
            for number in range(WRITERS)
        ]
        for writer in writers:
            await writer.begin()
        memory: list[list[float]] = []
        for is_mortal in (True, False):  # who dies begins anew with its memory
            end_s = monotonic() + storm_s / 2
            async with anyio.create_task_group() as tasks:
                for writer in writers:
                    tasks.start_soon(write_until, writer, end_s)
                if is_mortal:
                    tasks.start_soon(die_until, server, end_s)
            memory.append([server.memory_mib, *(writer.memory_mib for writer in writers)])
        around.calm()
        await server.call("mutation", "ledger:write", writer="witness", number=0)
        written = {writer.name: writer.written for writer in writers}
        sys.stdout.write(
            f"{around.connections} connections, {around.duplicates} twice, {server.deaths} deaths, "
            f"{written} written, MiB {memory}\n"
        )
        for writer in writers:
            await writer.wait_seen({**written, "witness": 1})
        for name, numbers in written.items():
            in_ledger = await server.call("query", "ledger:written", writer=name)
            assert in_ledger == list(range(numbers))
        await server.wait_sockets(WRITERS)
        for before, after in zip(*memory, strict=True):
            assert after - before < GROWTH_MIB
