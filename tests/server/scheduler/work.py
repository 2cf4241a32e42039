"""Work for workers: what is scheduled in a database file, and what became of it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from time import time_ns
from typing import Any

from confect_server.db import Paging
from confect_server.db.reader import DatabaseReader
from confect_server.engine import Transaction
from confect_server.runtime import Backend
from confect_server.runtime.lease import GIVEN_UP
from confect_server.scheduler import Scheduler
from confect_server.store import SqliteStore
from tests.server.scheduler.agenda import MovableClock
from tests.server.scheduler.worker import Done, Refs, application, diary_of

AT_ONCE = 500


class Inside:
    """Lets a scheduler work inside a transaction that is there."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def transact(self, work: Any) -> Any:
        return await work(self._transaction)


@dataclass
class Job:
    """What the database says of one function that was scheduled."""

    text: str
    is_action: bool
    state: str
    error: str | None
    children: int


@dataclass
class Outcome:
    """What became of everything, when nothing is left to be run."""

    jobs: list[Job]
    done: Counter[str]
    """How often each mutation has had its effect."""
    noted: Counter[str]
    """How often each action was begun."""

    def check(self, planned: int) -> None:
        """Mutations have run exactly once, actions at most once, and rows say what happened."""
        assert {str(each) for each in range(planned)} <= {job.text for job in self.jobs}
        assert len({job.text for job in self.jobs}) == len(self.jobs), "scheduled twice"
        for job in self.jobs:
            if job.is_action:
                self._check_action(job)
            else:
                assert job.state == "success", job
                assert self.done[job.text] == 1, job
                self._check_children(job)
        assert self.done.total() == sum(not job.is_action for job in self.jobs)

    def _check_action(self, job: Job) -> None:
        if job.state == "success":
            assert self.noted[job.text] == 1, job
            self._check_children(job)
        else:
            assert (job.state, job.error) == ("failed", GIVEN_UP)
            assert self.noted[job.text] <= 1, job

    def _check_children(self, job: Job) -> None:
        texts = {each.text for each in self.jobs}
        assert {f"{job.text}.{number}" for number in range(job.children)} <= texts, job


async def plan(database: Path, count: int, random: Random) -> None:
    """Schedule so many functions, half of them actions, that are all due within a second."""
    clock = MovableClock()  # it stands, so that nothing is run here
    clock.at_ns = time_ns()
    app = application(diary_of(database))
    diary_of(database).touch()
    async with Backend.open(app, SqliteStore(database), clock=clock) as backend:
        for first in range(0, count, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, count))

            async def some(transaction: Transaction, numbers: range = numbers) -> None:
                scheduler = Scheduler(Inside(transaction))
                for number in numbers:
                    delay = timedelta(milliseconds=random.randint(1, 1000))
                    children = random.choice((0, 0, 1, 2))
                    function = Refs.act if number % 2 else Refs.change
                    await scheduler.run_after(delay, function, text=str(number), children=children)

            await backend.executor.runner.transactions.write(some)


async def outcome(database: Path) -> Outcome:
    """What became of it all."""
    clock = MovableClock()
    clock.at_ns = time_ns()
    app = application(diary_of(database))
    async with Backend.open(app, SqliteStore(database), clock=clock) as backend:
        transaction = backend.database.begin(is_read_only=True)
        tables = backend.executor.application.tables
        db = DatabaseReader(transaction, tables, Paging(backend.executor.runner.cursors))
        done = Counter([each.text async for each in db.table(Done).query()])
        jobs = [
            Job(
                str(each.args["text"]),
                each.name == "work:act",
                each.state.kind,
                getattr(each.state, "error", None),
                int(float(str(each.args["children"]))),
            )
            async for each in db.system.scheduled_functions
        ]
    return Outcome(jobs, done, Counter(diary_of(database).read_text().split()))


def start_worker(database: Path, point: str = "", arrival: int = 0) -> subprocess.Popen[str]:
    """A worker on this file; it is killed, if it comes so far, at an arrival at a pause point."""
    command = [sys.executable, "-m", "tests.server.scheduler.worker"]
    command += [str(database), point, str(arrival)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
