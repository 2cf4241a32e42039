"""Threads that share one blocking client, in bad weather and with a server that dies."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from time import monotonic

import anyio
from anyio.to_thread import run_sync

from confect_client import Client
from tests.storm.ledger import TOTALS, WRITE
from tests.storm.mortal import PATIENCE_S, storm, wait_metric

WRITERS = 4


def write_until(client: Client, name: str, end_s: float) -> int:
    """Write one number after the other; how many were written."""
    written = 0
    while monotonic() < end_s:
        assert client.mutation(WRITE, writer=name, number=written) == written + 1
        written += 1
        shown = client.known(TOTALS)
        assert shown is not None
        assert shown[name] == written, "what was written is shown, and nothing of it twice"
    return written


def watch_until(client: Client, last: list[dict[str, int]]) -> None:
    """Read the totals until they are the last ones, once it is known what these are."""
    before: dict[str, int] = {}
    with client.subscribe(TOTALS) as every:
        for totals in every:
            assert all(totals[name] >= number for name, number in before.items())
            before = totals
            if totals in last:
                return


def call_back_until(client: Client, last: list[dict[str, int]]) -> Event:
    """Be called back until the totals are the last ones, which the event tells."""
    was_called_back = Event()

    def see(totals: dict[str, int]) -> None:
        if totals in last:
            stop()
            was_called_back.set()

    stop = client.on_update(TOTALS, see)
    return was_called_back


async def test_threads_write_each_number_once(tmp_path: Path, seed: int, storm_s: float) -> None:
    written: dict[str, int] = {}

    async def write(client: Client, name: str, end_s: float) -> None:
        written[name] = await run_sync(write_until, client, name, end_s)

    async with storm(tmp_path, seed) as (server, around):
        with Client(around.url) as client:
            last: list[dict[str, int]] = []
            was_called_back = call_back_until(client, last)
            end_s = monotonic() + storm_s / 2
            async with anyio.create_task_group() as readers:
                readers.start_soon(run_sync, watch_until, client, last)
                async with anyio.create_task_group() as tasks:
                    for number in range(WRITERS):
                        tasks.start_soon(write, client, f"t{number}", end_s)
                    tasks.start_soon(server.die_until, end_s)
                    tasks.start_soon(around.calm_at, end_s)
                last.append({**written, "witness": 1})
                await server.call("mutation", "ledger:write", writer="witness", number=0)
            with anyio.fail_after(PATIENCE_S):
                await run_sync(was_called_back.wait, abandon_on_cancel=True)
            for name, numbers in written.items():
                in_ledger = await server.call("query", "ledger:written", writer=name)
                assert in_ledger == list(range(numbers))
        await wait_metric([server], "confect_sockets", 0)
