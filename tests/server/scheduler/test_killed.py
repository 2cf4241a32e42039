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
    first = start_worker(database, point.name, 1)
    first.communicate(timeout=60)
    assert first.returncode == -9
    second = start_worker(database, point.name, random.randint(2, 4))
    second.communicate(timeout=60)
    assert second.returncode in (0, -9)  # the first may have begun every action
    last = start_worker(database)
    last.communicate(timeout=60)
    assert last.returncode == 0
    (await outcome(database)).check(COUNT)
