"""`JobHistory`: forgets how scheduled functions ended, and the runs of crons.

What ended long ago goes, whatever it was. Of each cron only the last runs stay besides, for one
that runs every second would have 600,000 of them in a week.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

from confect_core.values import Interval, decode_id, key_of
from confect_server.engine import (
    ALL_CRON_RUNS,
    CRON_RUNS,
    CRON_RUNS_BY_CRON,
    JOBS,
    JOBS_BY_COMPLETION,
    Clock,
    Conflict,
    Database,
    Transaction,
)
from confect_server.scheduler.jobs import now_ms

_AT_ONCE = 200
_SWEEPS = 100
"""Results are kept longer than they have to by one part in so many."""
_LEAST_SWEEP_S = 10.0
_REST_S = 0.01
_MS_PER_S = 1000

_log = logging.getLogger("confect")


class JobHistory:
    """Keeps as much of the past of scheduled functions as the settings say."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._results_s = database.settings.scheduling.results_s
        self._cron_runs = database.settings.scheduling.cron_runs

    async def keep(self) -> None:
        """Delete what was kept for long enough, again and again; what goes wrong is logged."""
        while True:
            try:
                await self._forget_old()
                await self._forget_surplus()
            except Exception:
                _log.exception("forgetting results failed, and will be tried again")
            await self._clock.sleep(max(self._results_s / _SWEEPS, _LEAST_SWEEP_S))

    async def _forget_old(self) -> None:
        while True:
            transaction = self._database.begin()
            oldest_ms = now_ms(transaction) - self._results_s * _MS_PER_S
            # what has not ended has no time of completion, which comes before all numbers
            old = Interval(key_of((float("-inf"),)), key_of((oldest_ms,)))
            found: list[tuple[int, bytes]] = []
            for table, index in ((JOBS, JOBS_BY_COMPLETION), (CRON_RUNS, ALL_CRON_RUNS)):
                rows = transaction.range(index, old, at_most=_AT_ONCE)
                found.extend([(table, each.id) async for each in rows])
            if not await self._deleted(transaction, found):
                return

    async def _forget_surplus(self) -> None:
        after: Interval | None = Interval.all()
        while after is not None:
            transaction = self._database.begin()
            cron, found = await self._surplus(transaction, after)
            if not await self._deleted(transaction, found):
                after = None if cron is None else Interval(cron.end or b"", None)

    async def _surplus(
        self, transaction: Transaction, after: Interval
    ) -> tuple[Interval | None, list[tuple[int, bytes]]]:
        """The runs of the next cron, and some of those that are too many, with what they ran."""
        runs: Interval | None = None
        async for each in transaction.range(CRON_RUNS_BY_CRON, after, at_most=1):
            runs = Interval.prefix(key_of((each.document["cron"],)))
        if runs is None:
            return None, []
        at_most = self._cron_runs + _AT_ONCE
        newest = transaction.range(CRON_RUNS_BY_CRON, runs, "desc", at_most=at_most)
        surplus = [each async for each in newest][self._cron_runs :]
        jobs = [decode_id(cast("str", each.document["job"]))[1] for each in surplus]
        return runs, [(CRON_RUNS, each.id) for each in surplus] + [(JOBS, id) for id in jobs]

    async def _deleted(self, transaction: Transaction, found: Sequence[tuple[int, bytes]]) -> bool:
        """Delete these, and say whether there may be more to delete here."""
        for table, id in found:
            await transaction.delete(table, id)
        try:
            await self._database.commit(transaction)
        except Conflict:
            return False  # another process deletes them
        if found:
            await self._clock.sleep(_REST_S)
        return bool(found)
