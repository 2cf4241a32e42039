"""Actions in bad weather: each settles once, and is done at most once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import monotonic

import anyio

from confect_client import AsyncClient, ConnectionLost
from tests.clients.official_client import OfficialClient, npm_client
from tests.storm.errands import RUN
from tests.storm.mortal import PATIENCE_S, MortalServer, storm

AT_A_TIME = 4
LONGEST_PAUSE_S = 0.05


class Sender:
    """Sends people on errands: what came of each that is over."""

    def __init__(self, name: str, chooser: Random) -> None:
        self.sent = 0
        self.answered: list[int] = []
        self.lost: list[int] = []
        self.name = name
        self._chooser = chooser

    async def send_until(self, client: AsyncClient, end_s: float) -> None:
        """Send one with our client, and the next when it is over; one at least is answered."""
        while monotonic() < end_s or not self.answered:
            number, self.sent = self.sent, self.sent + 1
            try:
                assert await client.action(RUN, by=self.name, number=number) == number
                self.answered.append(number)
            except ConnectionLost:
                self.lost.append(number)
            await anyio.sleep(self._chooser.uniform(0, LONGEST_PAUSE_S))

    async def send_npm_until(self, client: OfficialClient, end_s: float) -> None:
        """Send some with npm's client, and more when they are over."""
        while monotonic() < end_s or not self.answered:
            some = range(self.sent, self.sent + self._chooser.randint(1, AT_A_TIME))
            for number in some:
                await client.begin(
                    str(number), "action", "errands:run", by=self.name, number=number
                )
            self.sent = some.stop
            for _ in some:
                await self._hear(client)

    async def _hear(self, client: OfficialClient) -> None:
        event = await client.next()
        number = int(event.name)
        if event.event == "resolved":
            assert event.value == number
            self.answered.append(number)
        else:
            assert "Connection lost while action was in flight" in event.failure["message"]
            self.lost.append(number)

    async def judge(self, server: MortalServer) -> None:
        """All are over, whatever was answered was done once, and nothing was done twice."""
        assert sorted(self.answered + self.lost) == list(range(self.sent))
        done: Sequence[int] = await server.call("query", "errands:done", by=self.name)
        assert len(done) == len(set(done)), "an errand was run twice"
        assert set(self.answered) <= set(done)


async def test_each_action_settles_once_and_is_done_at_most_once(
    tmp_path: Path, seed: int, storm_s: float
) -> None:
    # An action is never sent again, and so nothing on the server would tell two from one.
    async with (
        storm(tmp_path, seed, carries_twice=False) as (server, around),
        AsyncClient(around.url) as ours,
        npm_client("socket", around.url) as npm,
    ):
        npm.patience_s = PATIENCE_S
        senders = [Sender(f"s{number}", Random(seed + number)) for number in range(AT_A_TIME + 1)]
        end_s = monotonic() + storm_s / 2
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(senders[0].send_npm_until, npm, end_s)
            for sender in senders[1:]:
                tasks.start_soon(sender.send_until, ours, end_s)
            tasks.start_soon(server.die_until, end_s)
            tasks.start_soon(around.calm_at, end_s)
        for sender in senders:
            await sender.judge(server)
        assert ours.connection.actions_in_flight == 0
