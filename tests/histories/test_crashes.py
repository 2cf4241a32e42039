"""kill -9, at every step and at any moment: what was answered stays, what was not is whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import anyio
import pytest

from confect_server.engine import PausePoint
from tests.histories.client import Habits
from tests.histories.made import Making
from tests.histories.mortal import MortalServer, mortal_server
from tests.histories.stored import check_stored

ARRIVALS = (1, 2, 5, 11, 23)
"""At which arrivals at each point the server is killed; the first ones while it starts."""

ALWAYS_REACHED = ("COMMIT_", "PUSH_", "QUERY_")
HABITS = Habits(mutations=10, loses_connection=0.02, gives_up=0.15)


@dataclass(frozen=True, slots=True)
class Death:
    """At which arrival at which point a server is killed."""

    point: PausePoint
    arrival: int


async def die(server: MortalServer, seed: int, deaths: list[Death]) -> None:
    """Let the server die all these deaths, and then live."""
    for death in deaths:
        if await server.start(seed, death.point, death.arrival):
            await server.wait_killed()
    await server.start(seed)


async def killed_at_random(server: MortalServer, made: Making, name: str) -> None:
    """Kill the server again and again, after a little was asked for or answered."""
    chooser = Random(f"{made.seed} {name}")
    while True:
        await server.start(made.seed)
        await made.history.wait_moments(chooser.randint(1, 20))
        await server.kill()


@asynccontextmanager
async def prepared(seed: int, server: MortalServer) -> AsyncGenerator[Making]:
    """A history whose servers may die inside; it is then looked at by one that does not."""
    made = Making(seed, HABITS)
    await server.start(seed)
    await made.open(server.url)
    await server.kill()
    yield made
    await server.kill()
    await server.start(seed)
    await made.look(server.url)
    await server.kill()


@pytest.mark.parametrize("point", PausePoint, ids=lambda point: point.name)
@pytest.mark.timeout(300)
async def test_a_server_that_is_killed_at_a_pause_point_leaves_no_trace_of_it(
    point: PausePoint, tmp_path: Path
) -> None:
    seed = Random().getrandbits(24)
    print(f"seed {seed}")  # noqa: T201  # shown if the test fails
    database = tmp_path / "data.db"
    async with mortal_server(database) as server:
        # on a new file it may die while it makes its tables
        if await server.start(seed, point, arrival=1):
            await server.kill()
        died = 0
        async with prepared(seed, server) as made, anyio.create_task_group() as tasks:
            died -= server.deaths
            deaths = [Death(point, arrival) for arrival in ARRIVALS]
            tasks.start_soon(die, server, seed, deaths)
            await made.converse(server)
            died += server.deaths
            tasks.cancel_scope.cancel()
    assert died or not point.name.startswith(ALWAYS_REACHED), "it was never killed"
    made.check(tmp_path)
    await check_stored(database)


@pytest.mark.timeout(300)
async def test_histories_with_kills_at_any_moment_are_serial(
    crash_seeds: range, tmp_path: Path
) -> None:
    print(f"{crash_seeds}")  # noqa: T201  # shown if the test fails
    database = tmp_path / "data.db"
    async with mortal_server(database) as server:
        for seed in crash_seeds:
            async with prepared(seed, server) as made, anyio.create_task_group() as tasks:
                tasks.start_soon(killed_at_random, server, made, "one")
                await made.converse(server)
                tasks.cancel_scope.cancel()
            made.check(tmp_path)
            await check_stored(database)
        assert server.deaths


@pytest.mark.timeout(300)
async def test_histories_with_two_processes_on_one_file_are_serial(
    crash_seeds: range, tmp_path: Path
) -> None:
    print(f"{crash_seeds}")  # noqa: T201  # shown if the test fails
    database = tmp_path / "data.db"
    async with mortal_server(database) as one, mortal_server(database) as other:
        for seed in crash_seeds:
            async with prepared(seed, one) as made, anyio.create_task_group() as tasks:
                tasks.start_soon(killed_at_random, one, made, "one")
                tasks.start_soon(killed_at_random, other, made, "other")
                await made.converse(one, other)
                tasks.cancel_scope.cancel()
            await other.kill()
            made.check(tmp_path)
            await check_stored(database)
        assert one.deaths
        assert other.deaths
