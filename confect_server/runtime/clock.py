"""The clock of a running server."""

from __future__ import annotations

from time import monotonic, time_ns

import anyio

_STEP_S = 15.0
"""How late it is noticed at most that the clock was set, or that the machine was suspended."""
_SET_BY_S = 1.0
_NS_PER_S = 1e9


class SystemClock:
    """The time of this machine."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time_ns()

    async def sleep(self, seconds: float, /) -> None:
        """Return once so much time has passed, or soon after the clock of the machine was set.

        Who waits for a time of day would wait too long otherwise, and has to look at it anyway.
        """
        started_s, ends_s = self._ahead_s(), monotonic() + seconds
        while (left_s := ends_s - monotonic()) > _STEP_S:
            await anyio.sleep(_STEP_S)
            if abs(self._ahead_s() - started_s) > _SET_BY_S:
                return
        await anyio.sleep(max(left_s, 0.0))  # a short sleep may be over by now

    def _ahead_s(self) -> float:
        """How far it is ahead of the time since the machine was started, which nobody sets."""
        return self.now_ns() / _NS_PER_S - monotonic()
