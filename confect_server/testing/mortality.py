"""Dying in a test: from one moment on nothing reaches the store, as if the process were gone.

Tasks cannot be taken away without running what they do last, so it is the store that is taken away
from them: whatever they still do is lost. A commit is one step of the store, which happens before
the death or not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

from confect_core.values import Interval
from confect_server.engine import PausePoint
from confect_server.storage import Blob, Blobs
from confect_server.store import (
    Admission,
    Commit,
    Head,
    IndexedRevision,
    Located,
    LogEntry,
    Order,
    Revision,
    Store,
)
from confect_server.testing.clock import VirtualClock
from confect_server.testing.errors import ProcessDied

P = ParamSpec("P")
T = TypeVar("T")


class Mortality:
    """Is the process alive? Whoever has to know asks here."""

    def __init__(self) -> None:
        self.is_dead = False

    def check(self) -> None:
        """Raise `ProcessDied` if it is dead."""
        if self.is_dead:
            raise ProcessDied

    async def alive(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a step gives, unless the process is dead before it or dies meanwhile."""
        self.check()
        done = await step(*args, **kwargs)
        self.check()
        return done


class MortalStore:
    """Another store, as one process reaches it: no longer, once that is dead."""

    def __init__(self, store: Store, mortality: Mortality) -> None:
        self._store = store
        self._mortality = mortality
        self._alive = mortality.alive

    async def open(self) -> None:
        """Make the store ready."""
        await self._store.open()

    async def close(self) -> None:
        """Let go of everything; whoever comes next opens it again."""
        await self._store.close()

    async def head(self) -> Head:
        """The newest durable commit."""
        return await self._alive(self._store.head)

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, unless it did not exist."""
        return await self._alive(self._store.get, table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`."""
        return await self._alive(self._store.scan, index_no, interval, ts, order, limit)

    async def locate(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[Located]:
        """Where `scan` finds its documents."""
        return await self._alive(self._store.locate, index_no, interval, ts, order, limit)

    async def log_after(self, ts: int) -> list[LogEntry]:
        """The commits after `ts`, in order."""
        return await self._alive(self._store.log_after, ts)

    async def admit(self) -> Admission:
        """Take the head lock; a process that died while it waited lets go of it."""
        self._mortality.check()
        admission = await self._store.admit()
        if self._mortality.is_dead:
            await admission.abandon()
            raise ProcessDied
        return _MortalAdmission(admission, self._mortality)

    async def ts_of(self, commit_id: bytes, after: int = 0) -> int | None:
        """The timestamp of a commit after `after`, or None if it never happened."""
        return await self._alive(self._store.ts_of, commit_id, after)


class _MortalAdmission:
    """The head lock of a process; when it dies, what was not committed never is."""

    def __init__(self, admission: Admission, mortality: Mortality) -> None:
        self._admission = admission
        self._mortality = mortality
        self._alive = mortality.alive
        self.head = admission.head

    async def log_after(self, ts: int) -> list[LogEntry]:
        return await self._alive(self._admission.log_after, ts)

    async def append(self, commits: Sequence[Commit]) -> None:
        await self._alive(self._admission.append, commits)

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        return await self._alive(self._admission.get, table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        return await self._alive(self._admission.scan, index_no, interval, ts, order, limit)

    async def raise_horizon(self, ts: int) -> None:
        await self._alive(self._admission.raise_horizon, ts)

    async def forget(self, limit: int) -> int:
        return await self._alive(self._admission.forget, limit)

    async def forget_index(self, index_no: int, limit: int) -> int:
        return await self._alive(self._admission.forget_index, index_no, limit)

    async def trim_log(self, ts: int, limit: int) -> int:
        return await self._alive(self._admission.trim_log, ts, limit)

    async def give_back(self, limit: int) -> int:
        return await self._alive(self._admission.give_back, limit)

    async def commit(self) -> None:
        if self._mortality.is_dead:
            await self._admission.abandon()
            raise ProcessDied
        await self._admission.commit()

    async def abandon(self) -> None:
        await self._admission.abandon()


class MortalBlobs:
    """The bytes of files, as one process reaches them; what it stored stays stored."""

    def __init__(self, blobs: Blobs, mortality: Mortality) -> None:
        self._blobs = blobs
        self._alive = mortality.alive
        self.read = blobs.read
        self.stored_before = blobs.stored_before

    async def write(self, chunks: AsyncIterable[bytes], at_most: int) -> Blob:
        """Store what comes."""
        return await self._alive(self._blobs.write, chunks, at_most)

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        await self._alive(self._blobs.delete, key)


class DeadlyPauses:
    """Ends the process at the next arrival at a point that a test has named.

    What is due begins only while the test lets time pass, so that until then a test sees it wait.
    """

    def __init__(self, die: Callable[[], None], clock: VirtualClock) -> None:
        self._die = die
        self._clock = clock
        self._points: set[PausePoint] = set()

    def die_at(self, point: PausePoint) -> None:
        """The next arrival there is the last thing that happens."""
        self._points.add(point)

    async def reached(self, point: PausePoint) -> None:
        """Go on, once what is there may happen, or die."""
        if point is PausePoint.JOB_DUE:
            await self._clock.advancing()
        if point in self._points:
            self._points.discard(point)
            self._die()
            raise ProcessDied
