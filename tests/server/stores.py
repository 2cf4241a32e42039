"""The stores that tests of the store and of the engine run on, and databases on them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from confect_core.values import Interval
from confect_server.engine import Clock, Database, IndexDefinition, Pauses
from confect_server.settings import Settings, Sharing
from confect_server.store import (
    Admission,
    Commit,
    Head,
    IndexedRevision,
    Located,
    LogEntry,
    MemoryStore,
    Order,
    Revision,
    SqliteStore,
    Store,
)

T = TypeVar("T")

StoreKind = Literal["memory", "sqlite", "suspending"]
STORE_KINDS: tuple[StoreKind, ...] = ("memory", "sqlite", "suspending")
NOW_NS = 1_700_000_000_000_000_000


def new_store(kind: StoreKind, folder: Path) -> Store:
    """A store of this kind that nobody used before."""
    if kind == "memory":
        return MemoryStore()
    store = SqliteStore(folder / "data.db")
    return store if kind == "sqlite" else SuspendingStore(store)


class SettableClock:
    """A clock that stands until it is set."""

    def __init__(self, at_ns: int = NOW_NS) -> None:
        self.at_ns = at_ns

    def now_ns(self) -> int:
        return self.at_ns

    async def sleep(self, seconds: float, /) -> None:
        """By the loop's clock: this one stands."""
        await anyio.sleep(seconds)


NOTHING_BY_ITSELF = Settings(sharing=Sharing(poll_s=None))
"""A database sees what others commit when the test says so, not some time later."""


def opened(
    store: Store,
    *,
    seed: int = 0,
    clock: Clock | None = None,
    settings: Settings = NOTHING_BY_ITSELF,
    pauses: Pauses | None = None,
) -> AbstractAsyncContextManager[Database]:
    """A database on a store; each of several on one store needs its own seed."""
    randomness = random.Random(seed).randbytes
    return Database.open(store, clock or SettableClock(), randomness, settings, pauses)


def index_of(database: Database, table: str, index: str = "by_creation_time") -> IndexDefinition:
    return database.catalog.table(table).indexes[index]


class SuspendingStore:
    """Another store, as if it were on the other end of a network: every call of it suspends."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def open(self) -> None:
        await checkpoint()
        await self._store.open()

    async def close(self) -> None:
        await checkpoint()
        await self._store.close()

    async def head(self) -> Head:
        await checkpoint()
        head = await self._store.head()
        await checkpoint()
        return head

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        await checkpoint()
        found = await self._store.get(table_no, id, ts)
        await checkpoint()
        return found

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        await checkpoint()
        found = await self._store.scan(index_no, interval, ts, order, limit)
        await checkpoint()
        return found

    async def locate(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[Located]:
        await checkpoint()
        located = await self._store.locate(index_no, interval, ts, order, limit)
        await checkpoint()
        return located

    async def log_after(self, ts: int) -> list[LogEntry]:
        await checkpoint()
        entries = await self._store.log_after(ts)
        await checkpoint()
        return entries

    async def admit(self) -> Admission:
        await checkpoint()
        admission = await self._store.admit()
        await checkpoint()
        return SuspendingAdmission(admission)

    async def ts_of(self, commit_id: bytes, after: int = 0) -> int | None:
        await checkpoint()
        return await self._store.ts_of(commit_id, after)


@asynccontextmanager
async def admitted(store: Store) -> AsyncGenerator[Admission]:
    """The head lock of a store: committed at the end, abandoned on an error."""
    admission = await store.admit()
    try:
        yield admission
    except BaseException:
        with anyio.CancelScope(shield=True):
            await admission.abandon()
        raise
    await admission.commit()


class SuspendingAdmission:
    """The head lock of another store, each call of which suspends."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.head = admission.head

    async def log_after(self, ts: int) -> list[LogEntry]:
        await checkpoint()
        entries = await self._admission.log_after(ts)
        await checkpoint()
        return entries

    async def append(self, commits: Sequence[Commit]) -> None:
        await checkpoint()
        await self._admission.append(commits)
        await checkpoint()

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        await checkpoint()
        return await self._admission.get(table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        await checkpoint()
        return await self._admission.scan(index_no, interval, ts, order, limit)

    async def raise_horizon(self, ts: int) -> None:
        await checkpoint()
        await self._admission.raise_horizon(ts)

    async def forget(self, limit: int) -> int:
        await checkpoint()
        return await self._admission.forget(limit)

    async def forget_index(self, index_no: int, limit: int) -> int:
        await checkpoint()
        return await self._admission.forget_index(index_no, limit)

    async def trim_log(self, ts: int, limit: int) -> int:
        await checkpoint()
        return await self._admission.trim_log(ts, limit)

    async def give_back(self, limit: int) -> int:
        await checkpoint()
        return await self._admission.give_back(limit)

    async def commit(self) -> None:
        await checkpoint()
        await self._admission.commit()
        await checkpoint()

    async def abandon(self) -> None:
        await checkpoint()
        await self._admission.abandon()


class Running:
    """A database that is open on a loop of its own, for tests that are no coroutines."""

    def __init__(self, store: Store) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_done = asyncio.Event()
        opening: asyncio.Future[Database] = self._loop.create_future()
        self._host = self._loop.create_task(self._serve(store, opening))
        self.database = self._loop.run_until_complete(opening)

    def run(self, work: Coroutine[object, object, T]) -> T:
        """The result of a coroutine."""
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self._is_done.set()
        self._loop.run_until_complete(self._host)
        self._loop.close()

    async def _serve(self, store: Store, opening: asyncio.Future[Database]) -> None:
        async with opened(store) as database:
            opening.set_result(database)
            await self._is_done.wait()
