"""Making one history, and judging it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import anyio

from tests.histories.checker import Anomaly, anomalies
from tests.histories.client import Client, Data, Habits, at_once, look
from tests.histories.history import History


@dataclass(frozen=True, slots=True)
class Made:
    """A history, and the number that it is made from."""

    seed: int
    history: History

    @property
    def found(self) -> list[Anomaly]:
        return anomalies(self.history)

    def check(self, folder: Path) -> None:
        """Fail unless it is one of a serial execution; the whole of it is then left in a file."""
        found = self.found
        if found:
            path = folder / f"history-{self.seed}.txt"
            self.history.write(path, found)
            told = "\n".join(str(each) for each in found[:5])
            raise AssertionError(f"seed {self.seed}, the whole history is in {path}\n{told}")


async def make(
    seed: int,
    urls: Sequence[Callable[[], str]],
    *,
    clients: int = 4,
    habits: Habits | None = None,
    wait_served: Callable[[], Awaitable[None]] = at_once,
) -> Made:
    """Let several clients, spread over these servers, make a history on data of its own."""
    history, data = History(), Data.of(seed)
    several = [
        Client(
            f"client {number}",
            history,
            data,
            Random(f"{seed} {number}"),
            habits or Habits(),
            wait_served,
        )
        for number in range(1, clients + 1)
    ]
    await several[0].open_bank(urls[0]())
    async with anyio.create_task_group() as tasks:
        for number, client in enumerate(several):
            tasks.start_soon(client.run, urls[number % len(urls)])
    await look(history, data, urls[0]())
    return Made(seed, history)
