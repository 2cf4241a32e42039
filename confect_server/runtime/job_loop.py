"""`JobLoop`: starts scheduled functions when they are due.

It sleeps until the first one is, or until a commit of any process makes another one the first. It
looks no further back than it has to, where the places of all that has been run are forgotten after
some minutes only: to look over 15,000 of these takes 8 ms. What
is due is looked up some at a time and in any order: several processes that look at the same then
seldom run the same, and if they do, one of them loses.
"""

from __future__ import annotations

import logging
import random
from collections import deque

import anyio
from anyio.abc import TaskGroup

from confect_server.engine import (
    Clock,
    Database,
    PausePoint,
    Randomness,
    Transaction,
)
from confect_server.runtime.alarm import Alarm
from confect_server.runtime.executor import Executor
from confect_server.runtime.job_history import JobHistory
from confect_server.runtime.job_runs import JobRuns
from confect_server.runtime.lease import Lease
from confect_server.scheduler.jobs import Job, now_ms, pending_jobs

_AHEAD = 4
"""How many times as many jobs are looked up as may run at once."""
_LATE_MS = 5_000.0
"""How much later than its longest run a mutation may commit; what it scheduled is due before."""
_WHOLE_EVERY_MS = 600_000.0
"""How long something stays unseen that comes later still, because clocks differ."""
_PAUSE_S = 1.0
_SEED_BYTES = 8
_FINISH_S = 2.0
"""How long mutations may go on when the server stops, and the states of actions be written."""

_log = logging.getLogger("confect")


class JobLoop:
    """Runs the scheduled functions of an application, in as many processes as there are."""

    def __init__(
        self, database: Database, clock: Clock, randomness: Randomness, executor: Executor
    ) -> None:
        settings = database.settings.scheduling
        self._database = database
        self._clock = clock
        self._alarm = Alarm(database, clock)
        self._lease = Lease(database, clock, executor.runner.transactions, settings.lease_s)
        self._history = JobHistory(database, clock)
        self._runs = JobRuns(database, clock, randomness, executor, self._lease)
        self._random = random.Random(randomness(_SEED_BYTES))
        self._at_once = settings.parallelism
        self._late_ms = database.settings.limits.run_time_s * 1000 + _LATE_MS
        self._from_ms: float | None = None
        self._whole_ms = float("-inf")
        self._running: set[str] = set()
        self._due: deque[Job] = deque()
        self._begun: dict[str, anyio.Event] = {}
        self._is_stopping = False

    async def run(self) -> None:
        """Run what is due until it is cancelled; what goes wrong is logged, and it goes on."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._lease.keep)
            tasks.start_soon(self._history.keep)
            while True:
                looked: Transaction | None = None
                next_ms: float | None = None
                if not self._due and self._has_room:
                    try:
                        looked = self._database.begin(is_read_only=True)
                        next_ms = await self._look(looked)
                    except Exception:
                        _log.exception("looking for what is due failed, and will be tried again")
                        await self._clock.sleep(_PAUSE_S)
                        continue
                self._start(tasks)
                await self._alarm.wait(looked, next_ms)

    def stop(self) -> None:
        """Begin nothing more; what runs goes on."""
        self._is_stopping = True

    async def finish(self) -> None:
        """Return once nothing runs that was begun, and how it ended is written, or after a while.

        A mutation that takes longer is undone, and run by whoever comes next.
        """
        self.stop()
        with anyio.move_on_after(_FINISH_S):
            while self._begun:
                await next(iter(self._begun.values())).wait()

    @property
    def _has_room(self) -> bool:
        return not self._is_stopping and len(self._running) < self._at_once

    async def _look(self, looked: Transaction) -> float | None:
        """Find some jobs that are due; if these are all, when the next one is."""
        now = now_ms(looked)
        # the clock may have been ahead, and set back since
        is_whole = not self._whole_ms <= now < self._whole_ms + _WHOLE_EVERY_MS
        at_most = len(self._running) + _AHEAD * self._at_once
        jobs = await pending_jobs(looked, at_most, None if is_whole else self._from_ms)
        if is_whole:
            self._whole_ms = now
        due_ms = [job.due_ms or 0.0 for job in jobs]
        self._from_ms = min([now - self._late_ms, *due_ms[:1]])
        found = [
            job
            for job, at_ms in zip(jobs, due_ms, strict=True)
            if at_ms <= now and job.id not in self._running
        ]
        self._random.shuffle(found)
        self._due.extend(found)
        again = [] if is_whole else [self._whole_ms + _WHOLE_EVERY_MS]
        return min([*[at_ms for at_ms in due_ms if at_ms > now][:1], *again], default=None)

    def _start(self, tasks: TaskGroup) -> None:
        while self._due and self._has_room:
            job = self._due.popleft()
            self._running.add(job.id)
            tasks.start_soon(self._run, job)

    async def _run(self, job: Job) -> None:
        try:
            await self._database.pauses.reached(PausePoint.JOB_DUE)
            if not self._is_stopping:
                self._begun[job.id] = ended = anyio.Event()
                try:
                    await self._runs.run(job)
                finally:
                    del self._begun[job.id]
                    ended.set()
        finally:
            self._running.discard(job.id)
            self._alarm.ring()
