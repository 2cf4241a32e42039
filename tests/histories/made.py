"""Making one history, and judging it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import anyio

from tests.histories.checker import Anomaly, anomalies
from tests.histories.client import Client, Data, Habits, Served, Steady, look
from tests.histories.history import History

CLIENTS = 4


class Making:
    """A history while it is made, on data of its own, and the number that it is made from."""

    def __init__(self, seed: int, habits: Habits | None = None) -> None:
        self.seed = seed
        self.history = History()
        self._data = Data.of(seed)
        self._habits = habits or Habits()

    async def open(self, url: str) -> None:
        """Put in place what there is before anything happens."""
        await self._client(0).open_bank(url)

    async def converse(self, *servers: Served) -> None:
        """Let several clients, spread over these servers, do all that they want to."""
        async with anyio.create_task_group() as tasks:
            for number in range(CLIENTS):
                client = self._client(number + 1)
                tasks.start_soon(client.run, servers[number % len(servers)])

    async def look(self, url: str) -> None:
        """See what it all led to."""
        await look(self.history, self._data, url)

    @property
    def found(self) -> list[Anomaly]:
        """What no serial order explains."""
        return anomalies(self.history)

    def check(self, folder: Path) -> None:
        """Fail unless all of it has a serial order; the history is then left in a file."""
        found = self.found
        if found:
            path = folder / f"history-{self.seed}.txt"
            self.history.write(path, found)
            told = "\n".join(str(each) for each in found[:5])
            raise AssertionError(f"seed {self.seed}, the whole history is in {path}\n{told}")

    def _client(self, number: int) -> Client:
        chooser = Random(f"{self.seed} {number}")
        return Client(f"client {number}", self.history, self._data, chooser, self._habits)


async def make(seed: int, url: str, habits: Habits | None = None) -> Making:
    """A whole history on one server, which stays."""
    made = Making(seed, habits)
    await made.open(url)
    await made.converse(Steady(url))
    await made.look(url)
    return made
