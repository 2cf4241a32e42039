"""Whatever several clients do at once, over sockets that break, it is as if one did it in turn."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.histories.made import Making, make
from tests.histories.served import STORE_KINDS, served, store_of

AT_A_TIME = 4
"""So many histories share the server at each moment, and none of their data."""


@pytest.mark.timeout(300)
async def test_every_history_is_serial(seeds: range, tmp_path: Path) -> None:
    kind = STORE_KINDS[seeds.start // len(seeds) % len(STORE_KINDS)]
    print(f"{seeds} on {kind}")  # noqa: T201  # shown if the test fails
    made: list[Making] = []
    async with served(store_of(kind, tmp_path), seeds.start) as url:

        async def make_and_keep(seed: int) -> None:
            made.append(await make(seed, url))

        for at in range(0, len(seeds), AT_A_TIME):
            async with anyio.create_task_group() as tasks:
                for seed in seeds[at : at + AT_A_TIME]:
                    tasks.start_soon(make_and_keep, seed)
    assert len(made) == len(seeds)
    for each in made:
        each.check(tmp_path)
