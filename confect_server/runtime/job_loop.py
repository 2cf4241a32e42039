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

from confect_core.values import Interval, key_of
from confect_server.engine import (
    ALL_CRON_RUNS,
    CRON_RUNS,
    JOBS,
    JOBS_BY_COMPLETION,
    Clock,
    Conflict,
    Database,
    Randomness,
    Transaction,
)
from confect_server.runtime.alarm import Alarm
from confect_server.runtime.executor import Executor
from confect_server.runtime.job_runs import JobRuns
from confect_server.runtime.lease import Lease
from confect_server.scheduler.jobs import Job, now_ms, pending_jobs

_AHEAD = 4
"""How many times as many jobs are looked up as may run at once."""
_LATE_MS = 5_000.0
"""How much later than its longest run a mutation may commit; what it scheduled is due before."""
_WHOLE_EVERY_MS = 600_000.0
"""How long something stays unseen that comes later still, because clocks differ."""
_FORGOTTEN_AT_ONCE = 200
_SWEEPS = 100
"""Results are kept longer than they have to by one part in so many."""
_LEAST_SWEEP_S = 10.0
_REST_S = 0.01
_PAUSE_S = 1.0
_SEED_BYTES = 8

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
        self._runs = JobRuns(database, clock, randomness, executor, self._lease)
        self._random = random.Random(randomness(_SEED_BYTES))
        self._at_once = settings.parallelism
        self._results_s = settings.results_s
        self._late_ms = database.settings.limits.run_time_s * 1000 + _LATE_MS
        self._from_ms: float | None = None
        self._whole_ms = float("-inf")
        self._running: set[str] = set()
        self._due: deque[Job] = deque()

    async def run(self) -> None:
        """Run what is due until it is cancelled; what goes wrong is logged, and it goes on."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._lease.keep)
            tasks.start_soon(self._forget)
            while True:
                looked: Transaction | None = None
                next_ms: float | None = None
                if not self._due and len(self._running) < self._at_once:
                    try:
                        looked = self._database.begin(is_read_only=True)
                        next_ms = await self._look(looked)
                    except Exception:
                        _log.exception("looking for what is due failed, and will be tried again")
                        await self._clock.sleep(_PAUSE_S)
                        continue
                self._start(tasks)
                await self._alarm.wait(looked, next_ms)

    async def _look(self, looked: Transaction) -> float | None:
        """Find some jobs that are due; if these are all, when the next one is."""
        now = now_ms(looked)
        is_whole = now >= self._whole_ms + _WHOLE_EVERY_MS
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
        while self._due and len(self._running) < self._at_once:
            job = self._due.popleft()
            self._running.add(job.id)
            tasks.start_soon(self._run, job)

    async def _run(self, job: Job) -> None:
        try:
            await self._runs.run(job)
        finally:
            self._running.discard(job.id)
            self._alarm.ring()

    async def _forget(self) -> None:
        """Delete the results that were kept for long enough, again and again."""
        while True:
            try:
                await self._forget_results()
            except Exception:
                _log.exception("forgetting results failed, and will be tried again")
            await self._clock.sleep(max(self._results_s / _SWEEPS, _LEAST_SWEEP_S))

    async def _forget_results(self) -> None:
        while True:
            if not await self._forgets_some():
                return
            await self._clock.sleep(_REST_S)

    async def _forgets_some(self) -> bool:
        """Delete some results, and say whether there may be more to delete here."""
        transaction = self._database.begin()
        oldest_ms = now_ms(transaction) - self._results_s * 1000
        # what has not ended has no time of completion, which comes before all numbers
        old = Interval(key_of((float("-inf"),)), key_of((oldest_ms,)))
        count = 0
        for table, index in ((JOBS, JOBS_BY_COMPLETION), (CRON_RUNS, ALL_CRON_RUNS)):
            found = transaction.range(index, old, at_most=_FORGOTTEN_AT_ONCE)
            ids = [each.id async for each in found]
            count += len(ids)
            for id in ids:
                await transaction.delete(table, id)
        try:
            await self._database.commit(transaction)
        except Conflict:
            return False  # another process deletes them
        return bool(count)
