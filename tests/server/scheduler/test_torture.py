"""Two processes share thousands of scheduled functions and are killed again and again."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from tests.server.scheduler.work import outcome, plan, start_worker

KILLS = 3
"""How often each of the two is killed."""

PROCESSES = 2


def keep_alive(database: Path, random: Random, each_runs: int) -> int:
    """Start workers, one after the other, each killed after some functions; how many were."""
    kills = 0
    while True:
        worker = start_worker(database)
        assert worker.stdout is not None
        if kills < KILLS:
            for _ in range(random.randint(1, 2 * each_runs)):
                if not worker.stdout.readline():
                    break  # there is nothing left
            worker.kill()
        kills += ended(worker)
        if worker.returncode == 0:
            return kills


def ended(worker: subprocess.Popen[str]) -> bool:
    """Wait for its end, and say whether it was killed."""
    worker.communicate()
    assert worker.returncode in (0, -9)
    return worker.returncode == -9


@pytest.mark.timeout(0)
async def test_no_function_is_lost_or_run_twice(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count: int = request.config.option.jobs
    random = Random(seed := Random().getrandbits(32))
    print(f"seed {seed}")  # noqa: T201  # shown if the test fails
    database = tmp_path / "data.db"
    await plan(database, count, random)
    each_runs = count // (PROCESSES * (KILLS + 1))
    seeds = [Random(random.getrandbits(32)) for _ in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as threads:
        running = [threads.submit(keep_alive, database, each, each_runs) for each in seeds]
        kills = [each.result() for each in running]
    assert sum(kills) >= KILLS
    (await outcome(database)).check(count)
