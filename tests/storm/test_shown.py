"""What our client shows in bad weather is always of one moment, with what is pending on top."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from time import monotonic

import anyio

from confect_client import AsyncClient, LocalStore
from tests.storm.ledger import NEWEST, TOTALS, WRITE, Newest
from tests.storm.mortal import PATIENCE_S, MortalServer, storm

AT_A_TIME = 3
LONGEST_PAUSE_S = 0.05


def count(store: LocalStore, *, writer: str, number: int) -> None:
    """What a write will do to the totals."""
    totals = store.query(TOTALS)
    shown = totals.value
    totals.set({**shown, writer: shown.get(writer, 0) + 1})


class Optimist:
    """Shows each write at once: what it sees of its own is at every moment what it has begun."""

    def __init__(self, client: AsyncClient, name: str, chooser: Random) -> None:
        self.begun = 0
        self.name = name
        self.wrong: list[str] = []
        self._client = client
        self._chooser = chooser

    async def write_until(self, end_s: float) -> None:
        """Write, some numbers at a time."""
        self._client.on_update(TOTALS, self._look)
        async for _ in self._client.subscribe(TOTALS):
            break  # from now on something is shown
        async with anyio.create_task_group() as tasks:
            for _ in range(AT_A_TIME):
                tasks.start_soon(self._write_until, end_s)

    async def _write_until(self, end_s: float) -> None:
        while monotonic() < end_s:
            number, self.begun = self.begun, self.begun + 1
            writing = self._client.optimistic(WRITE).run(count, writer=self.name, number=number)
            assert await writing == number + 1
            self._look(self._client.known(TOTALS) or {})
            await anyio.sleep(self._chooser.uniform(0, LONGEST_PAUSE_S))

    def _look(self, totals: dict[str, int]) -> None:
        if totals.get(self.name, 0) != self.begun:
            self.wrong.append(f"{totals}, but {self.name} has begun {self.begun}")


class Onlooker:
    """Is called back with two queries, which it must find to be of one moment each time."""

    def __init__(self, client: AsyncClient) -> None:
        self.wrong: list[str] = []
        self.calls: Counter[str] = Counter()
        self._client = client
        client.on_update(TOTALS, self._see_totals)
        client.on_update(NEWEST, self._see_newest)

    def _see_totals(self, totals: dict[str, int]) -> None:
        self.calls["totals"] += 1
        if totals != self._client.known(TOTALS):
            self.wrong.append(f"called back with {totals}, {self._client.known(TOTALS)} is known")
        self._compare()

    def _see_newest(self, newest: Newest) -> None:
        self.calls["newest"] += 1
        if newest != self._client.known(NEWEST):
            self.wrong.append(f"called back with {newest}, {self._client.known(NEWEST)} is known")
        self._compare()

    def _compare(self) -> None:
        totals, newest = self._client.known(TOTALS), self._client.known(NEWEST)
        if totals is None or newest is None:
            return  # the one is answered before the other is asked
        if sum(totals.values()) != newest.written:
            self.wrong.append(f"{totals}, but {newest.written} in all")


async def wait_shown(server: MortalServer, client: AsyncClient) -> None:
    """Return once a client shows the totals that there are."""
    totals = await server.call("query", "ledger:totals")
    with anyio.fail_after(PATIENCE_S):
        async for shown in client.subscribe(TOTALS):
            if shown == totals:
                return


async def test_what_is_shown_is_of_one_moment_with_what_is_pending_on_top(
    tmp_path: Path, seed: int, storm_s: float
) -> None:
    # A mutation that a second connection carries as well may run there first, and be seen before
    # it is answered on its own: then an update is shown beside what it foretold.
    async with (
        storm(tmp_path, seed, carries_twice=False) as (server, around),
        AsyncClient(around.url) as first,
        AsyncClient(around.url) as second,
        AsyncClient(around.url) as third,
    ):
        await server.call("mutation", "ledger:write", writer="witness", number=0)
        optimists = [
            Optimist(client, f"o{number}", Random(seed + number))
            for number, client in enumerate((first, second))
        ]
        onlooker = Onlooker(third)
        end_s = monotonic() + storm_s / 2
        async with anyio.create_task_group() as tasks:
            for optimist in optimists:
                tasks.start_soon(optimist.write_until, end_s)
            tasks.start_soon(server.die_until, end_s)
            tasks.start_soon(around.calm_at, end_s)
        for client in (first, second, third):
            await wait_shown(server, client)
        for optimist in optimists:
            assert optimist.wrong == []
            in_ledger = await server.call("query", "ledger:written", writer=optimist.name)
            assert in_ledger == list(range(optimist.begun))
        assert onlooker.wrong == []
        assert min(onlooker.calls["totals"], onlooker.calls["newest"]) > 1
