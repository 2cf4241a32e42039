"""kill -9 at every step of a scheduled function: mutations run once, actions at most once."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from confect_server.engine import PausePoint
from tests.server.scheduler.work import outcome, plan, start_worker

POINTS = [
    PausePoint.COMMIT_ADMITTED,
    PausePoint.COMMIT_APPENDED,
    PausePoint.COMMIT_DURABLE,
    PausePoint.COMMIT_PUBLISHED,
    PausePoint.JOB_CLAIMED,
    PausePoint.JOB_RAN,
    PausePoint.JOB_ENDED,
]
COUNT = 12


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_what_a_killed_process_left_is_ended_by_the_next(
    point: PausePoint, tmp_path: Path
) -> None:
    random = Random(seed := Random().getrandbits(32))
    print(f"seed {seed}")  # noqa: T201  # shown if the test fails
    database = tmp_path / "data.db"
    await plan(database, COUNT, random)
    for arrival in (1, random.randint(2, 4)):
        killed = start_worker(database, point.name, arrival)
        killed.communicate(timeout=60)
        assert killed.returncode == -9
    last = start_worker(database)
    last.communicate(timeout=60)
    assert last.returncode == 0
    (await outcome(database)).check(COUNT)
