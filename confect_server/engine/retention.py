"""`Retention`: forgets what lies further back than the settings say, a little at a time.

The horizon is raised first, in a commit of its own: from then on older snapshots are refused, by
every process that shares the store. Only then is deleted what nobody can read any more, in short
turns under the head lock with a rest after each, so that commits wait for one such turn at most.
All of it may stop anywhere and go on in any process, and several may do it at once.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.lowlevel

from confect_core.values import Interval, key_of
from confect_server.engine.catalog import EMPTY_CATALOG, SESSION_REQUESTS, removed_indexes
from confect_server.engine.committer import Clock
from confect_server.engine.errors import Conflict
from confect_server.engine.pauses import PausePoint, Pauses
from confect_server.engine.snapshot import Snapshot
from confect_server.engine.transaction import Transaction
from confect_server.engine.write_log import WriteLog
from confect_server.settings import Retention as Windows
from confect_server.store import Admission, Store

_AT_ONCE = 200
"""How many changes a turn looks at: about a millisecond."""

_MOST_AT_ONCE = 1000
"""A sweep takes larger turns the longer it lasts, or it never caught up with 64 that write at once;
each turn gets its place in the row of commits, whatever they do."""

_REST_S = 0.01
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_REQUESTS = EMPTY_CATALOG.indexes_of(SESSION_REQUESTS)[0]

_log = logging.getLogger("confect")


class Retention:
    """Keeps the windows of the settings, and no more than them."""

    def __init__(
        self,
        store: Store,
        log: WriteLog,
        clock: Clock,
        windows: Windows,
        begin: Callable[[], Transaction],
        commit: Callable[[Transaction], Awaitable[int]],
        pauses: Pauses,
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._windows = windows
        self._begin = begin
        self._commit = commit
        self._pauses = pauses

    async def run(self) -> None:
        """Sweep again and again; what goes wrong is logged, and tried again with the next sweep."""
        while True:
            await self._clock.sleep(self._windows.sweep_s)
            try:
                await self.sweep()
            except Exception:
                _log.exception("forgetting the past failed, and will be tried again")

    async def sweep(self) -> None:
        """Forget everything that lies outside of the windows now."""
        now_ns = self._clock.now_ns()
        await self._raise_horizon(now_ns - round(self._windows.history_s * _NS_PER_S))
        await self._in_turns(_forget)
        await self._forget_indexes()
        log_start = now_ns - round(self._windows.log_s * _NS_PER_S)
        await self._in_turns(partial(_trim_log, log_start))
        while self._log.forget(log_start):
            await anyio.lowlevel.checkpoint()
        await self._forget_requests(now_ns)
        await self._in_turns(_give_back)

    async def _raise_horizon(self, ts: int) -> None:
        async with self._admitted() as admission:
            await admission.raise_horizon(ts)
        await self._pauses.reached(PausePoint.HORIZON_RAISED)

    async def _forget_indexes(self) -> None:
        """Delete the rows of indexes that were removed before the horizon."""
        horizon = (await self._store.head()).horizon
        for index_no in await removed_indexes(Snapshot(self._store, horizon)):
            await self._in_turns(partial(_forget_index, index_no))

    async def _in_turns(self, forget_some: Callable[[Admission, int], Awaitable[int]]) -> None:
        at_once = _AT_ONCE
        while True:
            async with self._admitted() as admission:
                count = await forget_some(admission, at_once)
                await self._pauses.reached(PausePoint.PAST_DELETED)
            if not count:
                return
            at_once = min(at_once + at_once // 20, _MOST_AT_ONCE)
            await anyio.sleep(_REST_S)

    async def _forget_requests(self, now_ns: int) -> None:
        """Delete the answers that no client asks for again."""
        oldest_ms = (now_ns - round(self._windows.requests_s * _NS_PER_S)) / _NS_PER_MS
        created = Interval(b"", key_of((oldest_ms,)))
        while True:
            if not await self._forgets_requests(created):
                return
            await anyio.sleep(_REST_S)

    async def _forgets_requests(self, created: Interval) -> bool:
        """Delete some answers, and say whether there may be more to delete here."""
        transaction = self._begin()
        found = [each async for each in transaction.range(_REQUESTS, created, at_most=_AT_ONCE)]
        for each in found:
            await transaction.delete(SESSION_REQUESTS, each.id)
        try:
            await self._commit(transaction)
        except Conflict:
            return False  # another process deletes them
        return bool(found)

    @asynccontextmanager
    async def _admitted(self) -> AsyncGenerator[Admission]:
        # shielded: a lock that was taken has to be let go of again
        with anyio.CancelScope(shield=True):
            admission = await self._store.admit()
            try:
                yield admission
            except BaseException:
                await admission.abandon()
                raise
            await admission.commit()


def _forget(admission: Admission, limit: int) -> Awaitable[int]:
    return admission.forget(limit)


def _forget_index(index_no: int, admission: Admission, limit: int) -> Awaitable[int]:
    return admission.forget_index(index_no, limit)


def _trim_log(ts: int, admission: Admission, limit: int) -> Awaitable[int]:
    return admission.trim_log(ts, limit)


def _give_back(admission: Admission, limit: int) -> Awaitable[int]:
    return admission.give_back(limit)
