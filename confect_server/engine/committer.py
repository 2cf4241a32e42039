"""`Committer`: puts finished transactions into one order, durably, in batches.

The first transaction that is committed opens a `Batch` and takes the head lock; whatever is
committed in the same turn of the loop, or the next one, joins it, so the cost of a durable write
(150 µs for one row, 350 µs for a hundred) is shared. Checking and stamping happen at once, in the
caller's own step. asyncio's futures and locks are used directly: a round trip through a future
takes 4 µs and through an anyio task group 20 µs, and anyio's lock suspends even when it is free.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import anyio

from confect_core.errors import DatabaseError
from confect_server.engine.batch import Batch
from confect_server.engine.errors import DatabaseClosed, OutcomeUnknown, TurnTooLong
from confect_server.engine.pauses import PausePoint, Pauses
from confect_server.engine.pending import WriteSet
from confect_server.engine.read_set import ReadSet
from confect_server.engine.transaction import Randomness
from confect_server.engine.write_log import WriteLog
from confect_server.store import Log, Reads, Store, StoreFailed

_BATCH_ID_BYTES = 16
_TURNS_IN_A_ROW = 8
_REST_S = 0.002
_LOGGER = logging.getLogger("confect")


class Timepiece(Protocol):
    """Tells the time."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        ...


class Clock(Timepiece, Protocol):
    """Tells the time, and when some of it is over; whatever is done now and then goes by it."""

    async def sleep(self, seconds: float, /) -> None:
        """Return once so much time has passed by this clock."""
        ...


class Turn:
    """The right to commit once while all others wait, in every process that shares the store.

    The head lock is held meanwhile: what is read in the turn is the newest there is, and stays so.
    """

    def __init__(self) -> None:
        self.is_over = asyncio.Event()
        self.batch: Batch | None = None
        """What the turn commits, until it has done so."""

    @property
    def head(self) -> tuple[Reads, int]:
        """Where the transaction of this turn reads, and as of when."""
        assert self.batch is not None, "a turn is for one transaction"
        return self.batch.beneath, self.batch.after_ts


class Committer:
    """The only one who commits in this process."""

    def __init__(
        self,
        store: Store,
        documents: Reads,
        log: WriteLog,
        clock: Clock,
        randomness: Randomness,
        publish: Callable[[Batch], Awaitable[None]],
        catch_up: Callable[[Log], Awaitable[None]],
        pauses: Pauses,
        turn_s: float,
    ) -> None:
        self._turn_s = turn_s
        self._store = store
        self._documents = documents
        self._log = log
        self._clock = clock
        self._randomness = randomness
        self._publish = publish
        self._catch_up = catch_up
        self._pauses = pauses
        self._batch: Batch | None = None
        self._batch_id = b""
        self._counts: Mapping[int, int] = {}  # as of a commit of this process
        self._counts_ts = 0
        self._lock = asyncio.Lock()  # held while a batch is opened, and while it is written
        self._opened = asyncio.Event()
        self._joining = 0  # how many commits have come and are in no batch yet
        self._turn: Turn | None = None
        self._turns = asyncio.Lock()
        self._turns_taken = 0
        self._is_closed = False

    @property
    def head(self) -> tuple[Reads, int]:
        """Where the next transaction that writes reads, and as of when."""
        batch = self._batch
        if batch is None or not batch.is_head:
            return self._documents, self._log.ts
        return batch, batch.ts

    @property
    def waiting(self) -> int:
        """How many transactions wait to be durable."""
        return self._joining + (0 if self._batch is None else len(self._batch.entries))

    def commit(
        self, base: Reads, reads: ReadSet, begin_ts: int, writes: WriteSet, turn: Turn | None = None
    ) -> Awaitable[int]:
        """The timestamp of the commit, once it is durable; raises `Conflict`.

        Most join a batch that is open, which takes no coroutine.
        """
        if self._is_closed:
            raise DatabaseClosed
        if turn is not None:
            return self._commit_alone(turn, reads, begin_ts, writes)
        batch = self._batch
        if batch is None or self._turn is not None or not batch.takes_more:
            return self._commit_later(base, reads, begin_ts, writes)
        return self._put_into(batch, base, reads, begin_ts, writes)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Turn]:
        """Inside, nobody else commits, not in other processes either, and not for long.

        Raises `TurnTooLong` in place of whatever takes longer than a turn may.
        """
        async with self._turns:
            await self._let_others_in()
            turn = self._turn = Turn()
            try:
                async with self._lock:
                    with anyio.CancelScope(shield=True):
                        turn.batch = await self._alone()
                    async with self._limited(turn):
                        yield turn
            finally:
                self._turn = None
                turn.is_over.set()

    async def run(self) -> None:
        """Write each batch a turn of the loop after it was opened, until all is closed.

        Two turns if several are in it: while they ran, what was sent by those who were answered
        last has come. Of 64 sockets that wait for their answers, 60 share a write instead of 32.
        """
        # shielded: whoever waits has to be answered, even if all else is cancelled
        with anyio.CancelScope(shield=True):
            while not self._is_closed or self._batch is not None or self._joining:
                await self._opened.wait()
                self._opened.clear()
                await asyncio.sleep(0)
                if self._batch is not None and len(self._batch.entries) > 1:
                    await asyncio.sleep(0)
                async with self._lock:
                    if self._batch is not None:
                        await self._write(self._batch)
            async with self._lock:
                pass  # a turn that is under way ends first

    async def learn(self) -> None:
        """Learn of the commits of other processes.

        A batch learns of them itself. Until it is published nobody else publishes it, for its
        callers are answered in the same step.
        """
        async with self._lock:
            if self._batch is None and (await self._store.head()).ts > self._log.ts:
                await self._catch_up(self._store)

    async def poll(self, longest_s: float) -> None:
        """Learn of the commits of others again and again, less often while they make none."""
        wait_s = longest_s
        while True:
            await self._clock.sleep(wait_s)
            seen_ts = self._log.ts
            try:
                await self.learn()
            except Exception:
                _LOGGER.exception("looking for the commits of others failed; it goes on")
            is_quiet = self._log.ts == seen_ts
            wait_s = min(longest_s, 1.5 * wait_s) if is_quiet else longest_s / 5

    def close(self) -> None:
        """Take nothing more; `run` ends once everything that was committed is written."""
        self._is_closed = True
        self._opened.set()

    async def _alone(self) -> Batch:
        """A batch that nobody joins, once all that was committed before is written."""
        if self._is_closed:
            raise DatabaseClosed
        try:
            if self._batch is not None:
                await self._write(self._batch)
            return await self._admitted()
        except DatabaseError:
            raise
        except Exception as error:  # nothing has run yet, and whoever waited may try again
            raise StoreFailed(error) from error

    @asynccontextmanager
    async def _limited(self, turn: Turn) -> AsyncGenerator[None]:
        """The time that a turn may take; at its end the head lock is let go of."""
        try:
            with anyio.move_on_after(self._turn_s) as time:
                yield
        finally:
            batch, turn.batch = turn.batch, None
            if batch is not None:
                with anyio.CancelScope(shield=True):
                    await batch.abandon()
        if time.cancelled_caught:
            raise TurnTooLong(self._turn_s)

    async def _let_others_in(self) -> None:
        """Rest now and then: other processes look for the lock, and it is free for moments only.

        Before a turn and not after it: whoever has committed goes on in the step that published it,
        so that a client has its answer before it is pushed what it wrote.
        """
        self._turns_taken += 1
        if self._turns_taken % _TURNS_IN_A_ROW == 0:
            await anyio.sleep(_REST_S)

    async def _commit_alone(
        self, turn: Turn, reads: ReadSet, begin_ts: int, writes: WriteSet
    ) -> int:
        batch = turn.batch
        assert batch is not None, "a turn is for one transaction"
        self._log.check(reads, begin_ts)
        future = batch.add(self._commit_id(0), writes)
        turn.batch = None
        with anyio.CancelScope(shield=True):
            await self._write(batch)
        return await future

    async def _commit_later(
        self, base: Reads, reads: ReadSet, begin_ts: int, writes: WriteSet
    ) -> int:
        return await self._put_into(await self._joined(), base, reads, begin_ts, writes)

    def _put_into(
        self, batch: Batch, base: Reads, reads: ReadSet, begin_ts: int, writes: WriteSet
    ) -> asyncio.Future[int]:
        """Check a transaction, and let a batch that takes more have it."""
        if type(base) is Batch:  # `isinstance` asks a protocol, which takes 2 µs to say no
            base.check_not_lost()  # it may have failed while a batch to join was waited for
        self._log.check(reads, begin_ts)
        batch.check(reads, begin_ts)
        # a caller that is cancelled takes its future away, not its transaction: it is under way
        return batch.add(self._commit_id(len(batch.entries)), writes)

    async def _joined(self) -> Batch:
        """The batch that a commit joins, opened if there is none."""
        self._joining += 1
        try:
            while True:
                batch = self._batch
                if self._turn is not None:
                    await self._turn.is_over.wait()
                elif batch is None:
                    await self._open()
                elif batch.takes_more:
                    return batch
                else:
                    await batch.wait_settled()
        finally:
            self._joining -= 1
            if self._is_closed:
                self._opened.set()

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
            await self._catch_up(admission)
            await self._pauses.reached(PausePoint.COMMIT_ADMITTED)
        except BaseException:
            await admission.abandon()
            raise
        self._batch_id = self._randomness(_BATCH_ID_BYTES)
        if self._counts_ts != admission.head.ts:  # somebody else has committed
            self._counts = {}
        return Batch(self._documents, admission, self._clock.now_ns(), self._pauses, self._counts)

    async def _write(self, batch: Batch) -> None:
        error: Exception | None = None
        try:
            await batch.write()
        except Exception as failure:
            error = await self._resolved(failure, batch)
        if error is None:
            self._counts, self._counts_ts = batch.counts, batch.ts
            error = await self._published(batch)
        self._batch = None
        batch.settle(error)

    async def _published(self, batch: Batch) -> Exception | None:
        """A batch is durable: let it be seen, or say what its callers have to be told.

        If that fails the next batch does it: it publishes the log before it checks.
        """
        try:
            await self._pauses.reached(PausePoint.COMMIT_DURABLE)
            await self._publish(batch)
            await self._pauses.reached(PausePoint.COMMIT_PUBLISHED)
        except Exception as failure:
            unknown = OutcomeUnknown()
            unknown.__cause__ = failure
            return unknown
        return None

    async def _resolved(self, error: Exception, batch: Batch) -> Exception | None:
        """A batch failed: its commit may have happened all the same, and the store knows.

        If even the store does not say, the next batch finds out: it reads the log before it checks.
        """
        try:
            ts = await self._store.ts_of(self._commit_id(0), batch.after_ts)
        except Exception:
            return OutcomeUnknown()
        return error if ts is None else None

    def _commit_id(self, number: int) -> bytes:
        """The id of a commit of the batch that has the lock; its first one tells of them all."""
        return self._batch_id + number.to_bytes(2, "big")
