"""`Batch`: the commits that share one durable write, and the head that they make before it.

A batch is open for a turn or two of the loop. A transaction that is committed into it has its
timestamp at once, and the next transaction begins on top of it without waiting for the disk: in one
process, handlers that do not suspend never conflict, however hot the document. Nothing of it is
shown to anyone but such transactions, and their own commits lie behind it: if it fails, so do they.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import anyio

from confect_core.values import Interval
from confect_server.engine.catalog import CATALOG_VERSION
from confect_server.engine.counts import COUNTS, Counting
from confect_server.engine.errors import SnapshotLost
from confect_server.engine.overlay import Overlay
from confect_server.engine.pauses import PausePoint, Pauses
from confect_server.engine.pending import WriteSet
from confect_server.engine.read_set import ReadSet
from confect_server.engine.write_log import WriteLog
from confect_server.store import (
    Admission,
    Commit,
    IndexedRevision,
    LogEntry,
    Order,
    Reads,
    Revision,
)

MAX_BATCH = 256
"""How many transactions share one durable write."""

_MOST_MOVED = 128  # beyond which it is cheaper to let the store sort them


class Batch(Reads):
    """Commits under one head lock. As a reader it sees them all, durable or not yet."""

    def __init__(
        self,
        documents: Reads,
        admission: Admission,
        now_ns: int,
        pauses: Pauses,
        counts: Mapping[int, int],
    ) -> None:
        self._documents = documents
        self._admission = admission
        self.log = WriteLog(admission.head.ts)
        """The commits of the batch, and the keys that they wrote."""
        self._now_ns = now_ns
        self._pauses = pauses
        self._unwritten: list[Commit] = []
        self._changed = Overlay()
        self._counting = Counting(admission, admission.head.ts, counts)
        self._writing = asyncio.Lock()
        self._settled = asyncio.Event()
        self._has_failed = False
        self._is_broken = False
        self._waiting: list[tuple[int, asyncio.Future[int]]] = []
        self.entries: list[LogEntry] = []
        self._is_open = True
        self.changes_catalog = False
        """Does it change what tables and indexes there are?"""

    @property
    def after_ts(self) -> int:
        """The head below the batch."""
        return self._admission.head.ts

    @property
    def beneath(self) -> Reads:
        """The head below the batch can be read here, as long as nothing is added."""
        return self._admission

    @property
    def ts(self) -> int:
        """The newest commit in the batch, or the head below it."""
        return self.log.ts

    @property
    def counts(self) -> Mapping[int, int]:
        """How many documents the tables have that are known, once the batch is written."""
        return self._counting.counts

    @property
    def is_head(self) -> bool:
        """May transactions begin on top of it? Not if it changes what tables there are."""
        return self._is_open and not self.changes_catalog

    @property
    def takes_more(self) -> bool:
        """May transactions be committed into it?"""
        return self.is_head and len(self.entries) < MAX_BATCH

    def check(self, reads: ReadSet, begin_ts: int) -> None:
        """Raise `Conflict` if a commit of the batch wrote what was read before it."""
        self.log.check(reads, max(begin_ts, self._admission.head.ts))

    def add(self, commit_id: bytes, writes: WriteSet) -> asyncio.Future[int]:
        """Stamp a transaction that was checked; the future has its timestamp once it is durable."""
        ts = self.log.ts + 1
        if ts < self._now_ns:
            ts = self._now_ns
        if writes.unstamped:
            writes.stamp(ts)
        changes = writes.changes
        commit = Commit(ts, commit_id, writes.documents, writes.index_rows, changes)
        self._unwritten.append(commit)
        self._changed.add(commit)
        if writes.growth:
            self._counting.add(ts, writes.growth, writes.documents)
        self.log.add(ts, changes)
        self.entries.append(LogEntry(ts, changes))
        self.changes_catalog = self.log.has_written_to(CATALOG_VERSION)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((ts, future))
        return future

    async def write(self) -> None:
        """Make everything durable, or undo it all and raise what stood against it."""
        self._is_open = False
        try:
            await self._append()
            await self._pauses.reached(PausePoint.COMMIT_APPENDED)
        except BaseException:
            await self._admission.abandon()
            raise
        await self._admission.commit()

    async def abandon(self) -> None:
        """Let go of the head lock with nothing written."""
        self._is_open = False
        await self._admission.abandon()

    def settle(self, error: Exception | None) -> None:
        """Tell whoever waits that the batch is durable, or that it failed."""
        self._has_failed = error is not None
        self._settled.set()
        for ts, future in self._waiting:
            if future.done():
                continue
            if error is None:
                future.set_result(ts)
            else:
                future.set_exception(error)

    async def wait_settled(self) -> None:
        """Return once the batch is durable or has failed."""
        await self._settled.wait()

    async def wait_durable(self) -> None:
        """Return once what was read on top of this batch is durable; raises `SnapshotLost`."""
        await self._settled.wait()
        self.check_not_lost()

    def check_not_lost(self) -> None:
        """Raise `SnapshotLost` if what was read on top of this batch never happened."""
        if self._has_failed:
            raise SnapshotLost

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, as this batch leaves it."""
        self.check_not_lost()
        if table_no == COUNTS:  # they are only counted when the batch is appended
            return await (await self._reads()).get(table_no, id, ts)
        left = self._changed.left(table_no, id)
        if left is None:  # as it is below the batch, which the lock keeps as it is
            return await self._documents.get(table_no, id, min(ts, self._admission.head.ts))
        if left.ts <= ts:
            return None if left.value is None else Revision(left.ts, left.value)
        return await (await self._reads()).get(table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`, as this batch leaves them."""
        if self._is_open:
            found = await self._overlaid(index_no, interval, ts, order, limit)
            if found is not None:
                return found
        return await (await self._reads()).scan(index_no, interval, ts, order, limit)

    async def _overlaid(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision] | None:
        """The same without the store's knowing of the batch, if that can be told."""
        moved = self._changed.moved(index_no, interval)
        if len(moved) > _MOST_MOVED:
            return None
        below, enough = min(ts, self._admission.head.ts), limit + len(moved)
        rows = await self._documents.scan(index_no, interval, below, order, enough)
        self.check_not_lost()
        found = self._changed.over(rows, moved, ts, order)
        return None if found is None else found[:limit]

    async def _reads(self) -> Reads:
        """Where what was committed can be read now: under the lock, or in the store after it."""
        if self._is_open:
            if self._unwritten or self._writing.locked() or self._is_broken:
                with anyio.CancelScope(shield=True):  # a reader that is cancelled is not alone
                    await self._append()
            return self._admission
        await self.wait_durable()
        return self._documents

    async def _append(self) -> None:
        """Append what was not yet; if that fails, so does the whole batch."""
        async with self._writing:
            if self._is_broken:
                raise SnapshotLost
            commits, self._unwritten = self._unwritten, []
            if commits:
                self._is_broken = True
                await self._counting.write()
                await self._admission.append(commits)
                self._is_broken = False
