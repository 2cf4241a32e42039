"""`Wakeup`: lets one task sleep until there is something to do.

asyncio directly, because every commit that anybody is told of goes this way: a future takes 1 µs,
and an `Event` of anyio, which is made anew for each time, holds a deque for those who wait, where
there is never but one.
"""

from __future__ import annotations

import asyncio


class Wakeup:
    """What one task waits for, again and again; being told twice is being told once."""

    __slots__ = ("_is_told", "_sleeper")

    def __init__(self) -> None:
        self._is_told = False
        self._sleeper: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Let whoever waits, or waits next, go on."""
        self._is_told = True
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    async def wait(self) -> None:
        """Return once told; what was told before counts until then."""
        if not self._is_told:
            self._sleeper = asyncio.get_running_loop().create_future()
            try:
                await self._sleeper
            finally:
                self._sleeper = None
        self._is_told = False
