"""`VirtualClock`: time that passes when a test says so."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import anyio
import anyio.lowlevel

from confect_server.testing.idleness import settled

STARTS_AT = datetime(2025, 1, 1, tzinfo=UTC)
"""The time at which a test begins unless it says otherwise: a Wednesday, at midnight."""

PASSING_S = 1.0
"""What a call of a test waits for less than this, time passes for by itself."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_S = 1_000_000_000
_NS_PER_US = 1000

_passes: ContextVar[bool] = ContextVar("time passes by itself", default=False)


class VirtualClock:
    """A clock that stands until it is moved; whoever sleeps by it wakes at the right time."""

    def __init__(self, starts_at: datetime = STARTS_AT) -> None:
        self._now_ns = (starts_at - _EPOCH) // timedelta(microseconds=1) * _NS_PER_US
        self._sleepers: list[tuple[int, int, _Sleeper]] = []
        self._count = 0
        self._advancing = anyio.Lock()
        self._passes = anyio.Event()

    @property
    def now(self) -> datetime:
        """The time, in UTC, to the microsecond."""
        return _EPOCH + timedelta(microseconds=self._now_ns // _NS_PER_US)

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self._now_ns

    async def sleep(self, seconds: float, /) -> None:
        """Return once the clock has been moved on by so much.

        Inside `passing` a short sleep moves it itself, for its caller would wait for its own call.
        """
        if math.isinf(seconds):
            await anyio.sleep_forever()
        at_ns = self._now_ns + round(seconds * _NS_PER_S)
        if seconds < PASSING_S and _passes.get():
            await anyio.lowlevel.checkpoint()
            self.move_to(at_ns)
            return
        self._count += 1
        sleeper = _Sleeper()
        heappush(self._sleepers, (at_ns, self._count, sleeper))
        try:
            await sleeper.is_awake.wait()
        finally:
            sleeper.is_gone = True

    @property
    def next_ns(self) -> int | None:
        """When the next one who sleeps is to wake."""
        while self._sleepers and self._sleepers[0][2].is_gone:
            heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, by: timedelta) -> None:
        """Let so much time pass, from one moment at which somebody wakes to the next.

        Whoever has woken goes on to where it waits for something before time moves on.
        """
        async with self._advancing:
            end_ns = self._now_ns + by // timedelta(microseconds=1) * _NS_PER_US
            self._passes.set()
            try:
                await settled()
                while (next_ns := self.next_ns) is not None and next_ns <= end_ns:
                    self._wake_next()
                    await settled()
                self.move_to(end_ns)
            finally:
                self._passes = anyio.Event()

    async def advancing(self) -> None:
        """Return while somebody lets time pass, be it none at all."""
        await self._passes.wait()

    def _wake_next(self) -> None:
        # of several at one moment, the one who went to sleep first
        at_ns, _, sleeper = heappop(self._sleepers)
        self.move_to(at_ns)
        sleeper.wake()

    def move_to(self, at_ns: int) -> None:
        """Let it be so late, unless it is later; nobody is woken."""
        self._now_ns = max(self._now_ns, at_ns)

    @staticmethod
    @contextmanager
    def passing() -> Generator[None]:
        """Inside, and in what is started inside, time passes by itself where the wait is short."""
        before = _passes.set(True)
        try:
            yield
        finally:
            _passes.reset(before)


class _Sleeper:
    """Somebody who sleeps, or has gone since."""

    def __init__(self) -> None:
        self.is_awake = anyio.Event()
        self.is_gone = False

    def wake(self) -> None:
        self.is_gone = True
        self.is_awake.set()
