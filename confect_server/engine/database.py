"""`Database`: transactions over a store, and who is told of their commits."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import anyio

from confect_server.engine.batch import Batch
from confect_server.engine.catalog import (
    EMPTY_CATALOG,
    Catalog,
    is_catalog_change,
    read_catalog,
)
from confect_server.engine.committer import Clock, Committer, Turn
from confect_server.engine.document_cache import DocumentCache
from confect_server.engine.errors import Conflict, SnapshotBeforeSchema
from confect_server.engine.limits import UNLIMITED
from confect_server.engine.pauses import NoPauses, PausePoint, Pauses
from confect_server.engine.read_set import ReadSet
from confect_server.engine.retention import Retention
from confect_server.engine.schema_change import Backfill, SchemaChange
from confect_server.engine.schema_plan import DeclaredIndexes, DeclaredTable
from confect_server.engine.snapshot import Snapshot
from confect_server.engine.subscription import Subscription, Subscriptions
from confect_server.engine.transaction import Randomness, Transaction
from confect_server.engine.write_log import WriteLog
from confect_server.settings import Limits, Settings
from confect_server.store import Head, Log, LogEntry, LogTrimmed, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one process does with a database, in numbers."""

    commits: int
    """Transactions that it has made durable."""
    batches: int
    """How many durable writes that took."""
    waiting: int
    """Transactions that wait to be durable."""
    read_sets: int
    """Different sets of keys that somebody is told about when they are written."""
    cached_bytes: int
    """The memory of the cache of documents."""


class Database:
    """An open database; everything that reads or writes it begins a transaction here."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        head: Head,
        settings: Settings,
        pauses: Pauses,
    ) -> None:
        self.incarnation = head.incarnation
        """Which life of the database this is; random, the same in all of its processes."""
        self.settings = settings
        """How much everything may use."""
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._pauses = pauses
        self._log = WriteLog(head.ts)
        self._subscriptions = Subscriptions(self._log)
        self._documents = DocumentCache(
            store, self._log, max_bytes=settings.memory.document_cache_bytes
        )
        self._committer = Committer(
            store,
            self._documents,
            self._log,
            clock,
            randomness,
            self._publish_batch,
            self._catch_up,
            pauses,
            settings.sharing.turn_s,
        )
        self._retention = Retention(
            store, self._log, clock, settings.retention, self.begin, self.commit, pauses
        )
        self._commits = self._batches = 0
        self._catalog = EMPTY_CATALOG
        self._catalog_ts = head.ts  # since when there is no other, as far as is known here

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        settings: Settings | None = None,
        pauses: Pauses | None = None,
    ) -> AsyncGenerator[Database]:
        """The database in a store, while the context lasts; leaving it commits what is queued."""
        await store.open()
        failure: Exception | None = None
        try:
            database = cls(
                store,
                clock,
                randomness,
                await store.head(),
                settings or Settings(),
                pauses or NoPauses(),
            )
            database._catalog = await read_catalog(Snapshot(store, database.newest_ts))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(database._committer.run)
                background = anyio.CancelScope()
                tasks.start_soon(database._work, background)
                try:
                    yield database
                except Exception as error:
                    failure = error  # kept from the task group, which would wrap it in a group
                finally:
                    background.cancel()
                    database._committer.close()
        finally:
            with anyio.CancelScope(shield=True):
                await store.close()
        if failure is not None:
            raise failure

    @property
    def newest_ts(self) -> int:
        """The newest commit that is durable and that everybody here was told of."""
        return self._log.ts

    @property
    def pauses(self) -> Pauses:
        """What is told of the pause points that are reached on behalf of this database."""
        return self._pauses

    @property
    def catalog(self) -> Catalog:
        """The tables and indexes that there are."""
        return self._catalog

    def begin(
        self,
        ts: int | None = None,
        *,
        is_read_only: bool = False,
        limits: Limits = UNLIMITED,
        turn: Turn | None = None,
    ) -> Transaction:
        """A transaction at the newest snapshot, or at an older one, by the newest catalog.

        One that may write begins on top of what is committed but not durable yet; its own commit,
        and `confirm`, wait for that. The one of a turn has nothing to wait for.
        """
        if ts is not None and ts < self._catalog_ts:
            raise SnapshotBeforeSchema(ts, self._catalog_ts)
        if turn is not None:
            snapshot = Snapshot(*turn.head)
        elif is_read_only or ts is not None:
            snapshot = Snapshot(self._documents, self.newest_ts if ts is None else ts)
        else:
            snapshot = Snapshot(*self._committer.head)
        now_ns = self._clock.now_ns()
        return Transaction(
            snapshot,
            self._catalog,
            now_ns,
            self._randomness,
            is_read_only=is_read_only,
            limits=limits,
        )

    async def commit(self, transaction: Transaction, turn: Turn | None = None) -> int:
        """Make a transaction durable; raises `Conflict` if something that it read was written."""
        writes = transaction.finished()
        if not writes:
            await self.confirm(transaction)
            return transaction.begin_ts
        return await self._committer.commit(
            transaction.base, transaction.reads, transaction.begin_ts, writes, turn
        )

    async def confirm(self, transaction: Transaction) -> None:
        """Return once everything that the transaction read is durable; raises `Conflict`."""
        base = transaction.base
        if type(base) is Batch:
            await base.wait_durable()

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        """Inside, nobody else commits, in any process; for whoever has lost too often.

        What is begun and committed with the turn cannot conflict; it raises `TurnTooLong` if it
        takes longer than the settings allow.
        """
        return self._committer.turn()

    def subscribe(
        self, reads: ReadSet, ts: int, on_written: Callable[[int], None]
    ) -> Subscription | None:
        """Be told once when something that was read at `ts` is written; perhaps at once."""
        return self._subscriptions.subscribe(reads, ts, on_written)

    def subscription(self, on_written: Callable[[int], None]) -> Subscription:
        """What watches nothing yet, for whoever reads again and again and renews it each time."""
        return Subscription(self._subscriptions, on_written)

    def is_unchanged(self, reads: ReadSet, ts: int) -> bool:
        """Is all that was read known to be as it was at `ts`, by every commit since?"""
        try:
            self._log.check(reads, ts)
        except Conflict:
            return False
        return True

    def figures(self) -> Figures:
        """What this process has done with the database, and what it holds of it."""
        return Figures(
            commits=self._commits,
            batches=self._batches,
            waiting=self._committer.waiting,
            read_sets=len(self._subscriptions),
            cached_bytes=self._documents.held_bytes,
        )

    async def refresh(self) -> None:
        """Learn of the commits of other processes."""
        await self._committer.learn()

    async def forget(self) -> None:
        """Forget now what lies further back than the settings say; done in the background, too."""
        await self._retention.sweep()

    async def declare(
        self,
        tables: Mapping[str, DeclaredIndexes | DeclaredTable],
        tell: Callable[[Backfill], None] = lambda _: None,
    ) -> None:
        """Bring the database to the tables that are declared; nothing is written if it is there.

        Everybody goes on reading and writing meanwhile; `tell` hears how far new indexes are
        filled. Raises what the check of a stored document raises, and then nothing has changed.
        """
        declared = {
            name: each if isinstance(each, DeclaredTable) else DeclaredTable(each)
            for name, each in tables.items()
        }
        await SchemaChange(self, declared, self._log.written_since, tell).apply()

    async def _work(self, background: anyio.CancelScope) -> None:
        """Do what is done in the background, until it is cancelled."""
        with background:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._retention.run)
                if self.settings.sharing.poll_s is not None:
                    tasks.start_soon(self._committer.poll, self.settings.sharing.poll_s)

    async def _catch_up(self, log: Log) -> None:
        """Learn of what was committed by others, or forget everything if the log lacks some."""
        try:
            entries = await log.log_after(self._log.ts)
        except LogTrimmed:
            await self._pauses.reached(PausePoint.LOG_LOST)
            await self._start_over()
        else:
            await self._publish(entries)

    async def _start_over(self) -> None:
        """Take the newest state as it is: whatever was read before may have been written since."""
        ts = (await self._store.head()).ts
        catalog = await read_catalog(Snapshot(self._store, ts))
        if ts <= self._log.ts:
            return  # somebody else was faster
        self._catalog, self._catalog_ts = catalog, ts
        self._log.start_over(ts)
        self._documents.clear()
        self._subscriptions.lost(ts)

    async def _publish_batch(self, batch: Batch) -> None:
        """Let the commits of a durable batch be seen: all those that were not seen yet."""
        self._batches += 1
        self._commits += len(batch.entries)
        if batch.changes_catalog or not batch.log.follows(self._log):
            await self._publish(batch.entries)
        else:
            self._log.take_over(batch.log)
            self._tell(batch.entries)

    async def _publish(self, entries: Sequence[LogEntry]) -> None:
        """Let durable commits be seen: all up to the last of these that were not seen yet.

        Others may publish while the catalog is read. Log, caches, catalog and snapshots then move
        in one step, and never back, so that a transaction never writes by an older catalog than it
        reads.
        """
        catalog: Catalog | None = None
        if any(is_catalog_change(entry) for entry in entries):
            catalog = await read_catalog(Snapshot(self._store, entries[-1].ts))
        unseen = [entry for entry in entries if entry.ts > self._log.ts]
        if not unseen:
            return
        if catalog is not None:
            self._catalog, self._catalog_ts = catalog, unseen[-1].ts
        self._log.extend(unseen)
        self._tell(unseen)

    def _tell(self, entries: Sequence[LogEntry]) -> None:
        self._documents.forget(entries)
        self._subscriptions.published(entries)
