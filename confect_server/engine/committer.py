"""`Committer`: puts finished transactions into one order, durably, in batches.

The first transaction that is committed opens a `Batch` and takes the head lock; whatever is
committed in the same turn of the loop joins it, so the cost of a durable write (150 µs for one row,
350 µs for a hundred) is shared. Checking and stamping happen at once, in the caller's own step.
asyncio's futures and locks are used directly: a round trip through a future takes 4 µs and through
an anyio task group 20 µs, and anyio's lock suspends even when it is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import anyio

from confect_server.engine.batch import Batch
from confect_server.engine.errors import DatabaseClosed, OutcomeUnknown
from confect_server.engine.pauses import PausePoint, Pauses
from confect_server.engine.pending import WriteSet
from confect_server.engine.read_set import ReadSet
from confect_server.engine.transaction import Randomness
from confect_server.engine.write_log import WriteLog
from confect_server.store import LogEntry, Reads, Store

_COMMIT_ID_BYTES = 16


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        ...


class Turn:
    """The right to commit while all others of this process wait."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()


class Committer:
    """The only one who commits in this process."""

    def __init__(
        self,
        store: Store,
        documents: Reads,
        log: WriteLog,
        clock: Clock,
        randomness: Randomness,
        publish: Callable[[Sequence[LogEntry]], Awaitable[None]],
        pauses: Pauses,
    ) -> None:
        self._store = store
        self._documents = documents
        self._log = log
        self._clock = clock
        self._randomness = randomness
        self._publish = publish
        self._pauses = pauses
        self._batch: Batch | None = None
        self._commit_ids: list[bytes] = []
        self._lock = asyncio.Lock()  # held while a batch is opened, and while it is written
        self._opened = asyncio.Event()
        self._joining = 0  # how many commits have come and are in no batch yet
        self._turn: Turn | None = None
        self._turns = asyncio.Lock()
        self._is_closed = False

    @property
    def head(self) -> tuple[Reads, int]:
        """Where the next transaction that writes reads, and as of when."""
        batch = self._batch
        if batch is None or not batch.is_head:
            return self._documents, self._log.ts
        return batch, batch.ts

    async def commit(
        self, reads: ReadSet, begin_ts: int, writes: WriteSet, turn: Turn | None = None
    ) -> int:
        """The timestamp of the commit, once it is durable; raises `Conflict`."""
        if self._is_closed:
            raise DatabaseClosed
        self._joining += 1
        try:
            batch = await self._joined(turn)
        finally:
            self._joining -= 1
            if self._is_closed:
                self._opened.set()
        self._log.check(reads, begin_ts)
        batch.check(reads, begin_ts)
        # a caller that is cancelled takes its future away, not its transaction: it is under way
        return await batch.add(self._commit_id(), writes)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Turn]:
        """Inside, nobody else in this process commits: what is read stays as it is."""
        async with self._turns:
            self._turn = Turn()
            try:
                yield self._turn
            finally:
                self._turn.is_over.set()
                self._turn = None

    async def run(self) -> None:
        """Write each batch a turn of the loop after it was opened, until all is closed."""
        # shielded: whoever waits has to be answered, even if all else is cancelled
        with anyio.CancelScope(shield=True):
            while not self._is_closed or self._batch is not None or self._joining:
                await self._opened.wait()
                self._opened.clear()
                await asyncio.sleep(0)
                async with self._lock:
                    if self._batch is not None:
                        await self._write(self._batch)

    def close(self) -> None:
        """Take nothing more; `run` ends once everything that was committed is written."""
        self._is_closed = True
        self._opened.set()

    async def _joined(self, turn: Turn | None) -> Batch:
        """The batch that a commit joins, opened if there is none."""
        while True:
            batch = self._batch
            if self._turn is not None and turn is not self._turn:
                await self._turn.is_over.wait()
            elif batch is None:
                await self._open()
            elif batch.takes_more:
                return batch
            else:
                await batch.wait_settled()

    async def _open(self) -> None:
        # shielded: a lock that was taken has to be let go of again
        with anyio.CancelScope(shield=True):
            async with self._lock:
                if self._batch is None:
                    self._batch = await self._admitted()
                    self._opened.set()

    async def _admitted(self) -> Batch:
        admission = await self._store.admit()
        try:
            await self._publish(await admission.log_after(self._log.ts))
            await self._pauses.reached(PausePoint.COMMIT_ADMITTED)
        except BaseException:
            await admission.abandon()
            raise
        self._commit_ids = []
        return Batch(self._documents, admission, self._clock.now_ns(), self._pauses)

    async def _write(self, batch: Batch) -> None:
        error: Exception | None = None
        try:
            await batch.write()
        except Exception as failure:
            error = await self._resolved(failure)
        if error is None:
            await self._pauses.reached(PausePoint.COMMIT_DURABLE)
            await self._publish(batch.entries)
            await self._pauses.reached(PausePoint.COMMIT_PUBLISHED)
        self._batch = None
        batch.settle(error)

    async def _resolved(self, error: Exception) -> Exception | None:
        """A batch failed: its commit may have happened all the same, and the store knows.

        If even the store does not say, the next batch finds out: it reads the log before it checks.
        """
        try:
            is_durable = await self._store.ts_of(self._commit_ids[0]) is not None
        except Exception:
            return OutcomeUnknown()
        return None if is_durable else error

    def _commit_id(self) -> bytes:
        commit_id = self._randomness(_COMMIT_ID_BYTES)
        self._commit_ids.append(commit_id)
        return commit_id
