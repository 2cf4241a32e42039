"""The clock of a running server."""

from __future__ import annotations

import time

import anyio


class SystemClock:
    """The time of this machine."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()

    async def sleep(self, seconds: float, /) -> None:
        """Return once so much time has passed."""
        await anyio.sleep(seconds)
