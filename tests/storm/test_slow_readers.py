"""Clients that ask for much and read nothing, beside others: they are cut, and disturb nobody."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic

import anyio
from websockets.asyncio.client import connect

from confect_client import AsyncClient
from tests.storm.ledger import WRITE
from tests.storm.mortal import MortalServer, storm, wait_metric
from tests.sync_socket import PATH, SyncSocket

SLOW = 2
ASKED_FOR = 20
LONG = 1_000_000
"""So many of this length are more than the server holds for a client, and the network besides."""


async def ask_and_not_read(server: MortalServer, name: str) -> None:
    """Ask for more than the server holds; it says why it cuts the connection."""
    url = f"ws://127.0.0.1:{server.port}{PATH}"
    async with connect(url, max_size=None, max_queue=1, ping_interval=None) as connection:
        socket = SyncSocket(connection, name)
        await socket.say_connect()
        for request_id in range(ASKED_FOR):
            await socket.act(request_id, "errands:long", length=LONG)
        await wait_metric([server], "confect_actions", 0)
        heard, closed = await socket.hear_end()
        assert closed.rcvd is not None
        assert (closed.rcvd.code, closed.rcvd.reason) == (1013, "SlowReader")
        assert len(heard) < ASKED_FOR


async def be_slow_until(server: MortalServer, name: str, end_s: float) -> int:
    """Come back each time that one is cut; how often that was."""
    cut = 0
    while monotonic() < end_s:
        await ask_and_not_read(server, f"9208b169-0e8a-4fa7-9341-d27c8fd3{name}")
        cut += 1
    return cut


class Witness:
    """Writes in good weather, one number after the other."""

    def __init__(self, client: AsyncClient, name: str) -> None:
        self.waits_ms: list[float] = []
        self._client = client
        self._name = name

    async def write_until(self, end_s: float) -> None:
        while monotonic() < end_s:
            began_s, number = monotonic(), len(self.waits_ms)
            assert (
                await self._client.mutation(WRITE, writer=self._name, number=number) == number + 1
            )
            self.waits_ms.append((monotonic() - began_s) * 1_000)

    def percentile_ms(self, share: float) -> float:
        """Up to which time so many of its writes were answered."""
        return sorted(self.waits_ms)[int(share * (len(self.waits_ms) - 1))]


async def test_clients_that_read_nothing_are_cut_and_disturb_nobody(
    tmp_path: Path, seed: int, storm_s: float
) -> None:
    async with (
        storm(tmp_path, seed) as (server, around),
        AsyncClient(f"http://127.0.0.1:{server.port}") as calm,
        AsyncClient(around.url) as shaken,
    ):
        witnesses = Witness(calm, "calm"), Witness(shaken, "shaken")
        cuts: list[int] = []

        async def be_slow(number: int, end_s: float) -> None:
            cuts.append(await be_slow_until(server, f"dda{number}", end_s))

        end_s = monotonic() + storm_s / 4
        async with anyio.create_task_group() as tasks:
            for number in range(SLOW):
                tasks.start_soon(be_slow, number, end_s)
            tasks.start_soon(witnesses[0].write_until, end_s)
            tasks.start_soon(witnesses[1].write_until, end_s)
            tasks.start_soon(around.calm_at, end_s)
        sys.stdout.write(
            f"{cuts} cut, of {len(witnesses[0].waits_ms)} writes beside them 99% "
            f"within {witnesses[0].percentile_ms(0.99):.1f} ms\n"
        )
        assert min(cuts) > 0
        for witness, name in zip(witnesses, ("calm", "shaken"), strict=True):
            in_ledger = await server.call("query", "ledger:written", writer=name)
            assert in_ledger == list(range(len(witness.waits_ms)))
        await wait_metric([server], "confect_sockets", 2)
