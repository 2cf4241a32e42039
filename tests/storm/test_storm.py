"""Our client and npm's in bad weather, and with a server that dies: nothing is lost or doubled.

Writers count, each for itself: number after number, some at a time. Whatever happens to their
connections, in the end each number is in the ledger once and in order, each call was answered,
nobody saw a total fall or missed its own writes, and every subscription shows the end.

`--storm-s 300 --storm-seed 7` is a longer storm, or one that failed again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
)
from pathlib import Path
from random import Random
from time import monotonic
from typing import TypeAlias, cast

import anyio
import pytest

from benchmarks.machine import resident_mib
from tests.clients.official_client import Event, OfficialClient, npm_client, running_client
from tests.storm.mortal import DIES_AFTER_S, PATIENCE_S, MortalServer, mortal, wait_metric
from tests.storm.weather import weather

MOST_AT_A_TIME = 8
QUERIES = 2
CACHED_AT_A_TIME = 2
"""How many answers of one query may be kept beside those that sockets have, of now and before."""
GROWTH_MIB = 32
"""What a process may grow by between the middle and the end: less than garbage makes it breathe."""

Client: TypeAlias = Callable[[str], AbstractAsyncContextManager[OfficialClient]]


def npm(url: str) -> AbstractAsyncContextManager[OfficialClient]:
    return npm_client("socket", url)


def ours(url: str) -> AbstractAsyncContextManager[OfficialClient]:
    return running_client([sys.executable, "-m", "tests.storm.our_client", url])


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

    async def write_until(self, end_s: float) -> None:
        """Write some numbers, and some more when they are answered."""
        while monotonic() < end_s:
            await self._write_some()

    async def _write_some(self) -> None:
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


@pytest.mark.parametrize(
    ("clients", "servers"),
    [((npm, npm, npm), 1), ((ours, ours, ours), 1), ((npm, npm, ours, ours), 2)],
    ids=["npm", "ours", "two servers"],
)
async def test_every_write_is_there_once_whatever_the_weather(
    clients: tuple[Client, ...], servers: int, tmp_path: Path, seed: int, storm_s: float
) -> None:
    async with AsyncExitStack() as stack:
        serving = [
            stack.enter_context(mortal(tmp_path, name=f"s{number}")) for number in range(servers)
        ]
        around = await stack.enter_async_context(
            weather(seed, *(server.port for server in serving))
        )
        writers = [
            Writer(await stack.enter_async_context(client(around.url)), f"w{number}", Random(seed))
            for number, client in enumerate(clients)
        ]
        for writer in writers:
            await writer.begin()
        memory: list[list[float]] = []
        for is_mortal in (True, False):  # who dies begins anew with its memory
            end_s = monotonic() + storm_s / 2
            async with anyio.create_task_group() as tasks:
                for writer in writers:
                    tasks.start_soon(writer.write_until, end_s)
                if is_mortal:
                    for number, server in enumerate(serving):
                        tasks.start_soon(server.die_until, end_s, number * DIES_AFTER_S / servers)
                else:
                    tasks.start_soon(around.calm_at, end_s)
            servers_hold = [server.memory_mib for server in serving]
            memory.append([*servers_hold, *(writer.memory_mib for writer in writers)])
        written = {writer.name: writer.written for writer in writers}
        deaths = sum(server.deaths for server in serving)
        sys.stdout.write(
            f"{around.connections} connections, {around.duplicates} twice, {deaths} deaths, "
            f"{written} written, MiB {memory}\n"
        )
        await judge(serving, writers)
        for before, after in zip(*memory, strict=True):
            assert after - before < GROWTH_MIB


async def judge(serving: list[MortalServer], writers: list[Writer]) -> None:
    """Each number is there once and in order, and everybody sees that, over one socket each."""
    await serving[0].call("mutation", "ledger:write", writer="witness", number=0)
    written = {writer.name: writer.written for writer in writers}
    for writer in writers:
        await writer.wait_seen({**written, "witness": 1})
    for name, numbers in written.items():
        in_ledger = await serving[-1].call("query", "ledger:written", writer=name)
        assert in_ledger == list(range(numbers))
    await wait_metric(serving, "confect_sockets", len(writers))
    read_sets = sum([await server.metric("confect_read_sets") for server in serving])
    assert read_sets <= QUERIES * (len(writers) + CACHED_AT_A_TIME * len(serving))
