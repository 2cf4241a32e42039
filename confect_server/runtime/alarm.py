"""`Alarm`: waits for whatever comes first: a time, a commit that writes what was read, a ring."""

from __future__ import annotations

import anyio

from confect_server.engine import Clock, Database, Subscription, Transaction

_MS_PER_S = 1000


class Alarm:
    """Wakes the one that waits; what rings while nobody waits wakes the next one at once.

    So that nothing is missed, look first and wait then, with the transaction that has looked.
    Nothing happens in between: no period is shorter than the time until something is to be done.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rung = anyio.Event()

    def ring(self) -> None:
        """Wake whoever waits."""
        self._rung.set()

    async def wait(self, looked: Transaction | None, until_ms: float | None) -> None:
        """Return once it rings, once what was read is written, or when it is time."""
        subscription: Subscription | None = None
        if looked is not None:
            reads, ts = looked.reads, looked.begin_ts
            subscription = self._database.subscribe(reads, ts, lambda _: self.ring())
        try:
            async with anyio.create_task_group() as tasks:
                if until_ms is not None:
                    tasks.start_soon(self._sleep, until_ms)
                await self._rung.wait()
                tasks.cancel_scope.cancel()
        finally:
            if subscription is not None:
                subscription.release()
        self._rung = anyio.Event()

    async def _sleep(self, until_ms: float) -> None:
        left_s = (until_ms - self._clock.now_ns() / 1e6) / _MS_PER_S
        if left_s > 0:
            await self._clock.sleep(left_s)
        self.ring()
