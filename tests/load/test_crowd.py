"""Many sockets on one server while functions harm it: each harm is told, everybody is answered.

`--idle-sockets 10000 --active-sockets 1000 -s` is a bigger crowd and says how long each waited.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import cast

import anyio
import pytest

from benchmarks.machine import resident_mib
from benchmarks.measuring import percentile
from tests.load.crowd import HUGE
from tests.sync_socket import Frame, SyncSocket, sync_socket

VOTES_EACH = 5
OPENED_AT_ONCE = 50
KIB_AN_IDLE_SOCKET = 45
"""The most that one may take: 24 were measured, and allocators round."""

HARM = [
    ("Mutation", "sleep", "RanTooLong"),
    ("Mutation", "huge", f"ResultTooLarge: the result has {HUGE + 2:,} bytes"),
    ("Action", "block", "ActionTimedOut"),
    ("Action", "fail", "ValueError"),
]


class Served:
    """The server of a crowd in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self.url = f"ws://127.0.0.1:{int(process.stdout.readline())}"

    @property
    def memory_kib(self) -> float:
        return resident_mib(self._process.pid) * 1024


@pytest.fixture
def served(tmp_path: Path) -> Generator[Served]:
    command = [sys.executable, "-m", "tests.load.crowd", str(tmp_path / "crowd.db")]
    with (
        (tmp_path / "crowd.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            yield Served(process)
        finally:
            process.kill()


@asynccontextmanager
async def crowd(url: str, sockets: int, first_voter: int) -> AsyncGenerator[list[SyncSocket]]:
    """So many sockets, each with a query of its own that was answered."""
    limit, opened = anyio.CapacityLimiter(OPENED_AT_ONCE), list[SyncSocket]()
    async with AsyncExitStack() as stack:

        async def open_one(voter: int) -> None:
            async with limit:
                socket = await stack.enter_async_context(sync_socket(url))
                await socket.add(0, "crowd:votes", voter=voter)
                await socket.hear_until("Transition")
                opened.append(socket)

        async with anyio.create_task_group() as tasks:
            for voter in range(first_voter, first_voter + sockets):
                tasks.start_soon(open_one, voter)
        yield opened
        for socket in opened:
            socket.vanish()  # thousands of farewells, one after the other, take seconds


async def vote(socket: SyncSocket, voter: int, waited_s: list[float]) -> None:
    """Vote some times, and each time wait for the answer."""
    for number in range(VOTES_EACH):
        asked_s = perf_counter()
        await socket.mutate(number, "crowd:vote", voter=voter)
        answer = (await socket.hear_until("MutationResponse", requestId=number))[-1]
        assert answer["success"], answer
        waited_s.append(perf_counter() - asked_s)


async def harm(url: str, kind: str, name: str, told: str) -> None:
    no_args: Frame = {}
    async with sync_socket(url) as socket:
        await socket.say(kind, requestId=0, udfPath=f"crowd:{name}", args=[no_args])
        answer = (await socket.hear_until(f"{kind}Response"))[-1]
        assert not answer["success"]
        assert told in answer["result"]
        await socket.mutate(1, "crowd:vote", voter=-1)
        answer = (await socket.hear_until("MutationResponse", requestId=1))[-1]
        assert answer["success"], "whoever did harm goes on like all others"


async def subscribe_to_harm(url: str) -> None:
    async with sync_socket(url) as socket:
        await socket.add(0, "crowd:loop")
        transition = (await socket.hear_until("Transition"))[-1]
        (failed,) = transition["modifications"]
        assert failed["type"] == "QueryFailed"
        assert "crowd:loop has held up the server for" in failed["errorMessage"]


async def test_a_crowd_is_answered_while_functions_harm_it(
    served: Served, pytestconfig: pytest.Config
) -> None:
    idle = cast("int", pytestconfig.getoption("--idle-sockets"))
    active = cast("int", pytestconfig.getoption("--active-sockets"))
    waited_s: list[float] = []
    async with AsyncExitStack() as stack:
        actors = await stack.enter_async_context(crowd(served.url, active, idle))
        before_kib = served.memory_kib
        silent = await stack.enter_async_context(crowd(served.url, idle, 0))
        each_kib = (served.memory_kib - before_kib) / idle
        async with anyio.create_task_group() as tasks:
            for voter, socket in enumerate(actors):
                tasks.start_soon(vote, socket, voter, waited_s)
            for kind, name, told in HARM:
                tasks.start_soon(harm, served.url, kind, name, told)
            tasks.start_soon(subscribe_to_harm, served.url)
        p50, p99 = (percentile(waited_s, share) * 1e3 for share in (0.5, 0.99))
        sys.stdout.write(f"{each_kib:.1f} KiB an idle socket; {p50:.0f} ms a vote, p99 {p99:.0f}\n")
        assert len(waited_s) == active * VOTES_EACH
        assert each_kib < KIB_AN_IDLE_SOCKET
        for voter in {0, idle - 1}:
            await silent[voter].mutate(0, "crowd:vote", voter=voter)
            answer = (await silent[voter].hear_until("MutationResponse"))[-1]
            assert answer["success"]
