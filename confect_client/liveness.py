"""`Liveness`: notices that this machine or this program has slept, so that nobody waits in vain.

A server forgets a client that sleeps, and often no word of that arrives. The monotonic clock of
Linux and macOS stands still meanwhile, so nothing that it measures seems to take long; the wall
clock goes on, but is also set by hand. So a jump of either is a reason to ask the server whether it
is there, and not to give it up.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SLEPT_S = 5.0


class Liveness:
    """Compares what two clocks say has passed with what should have."""

    def __init__(
        self,
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clocks = (wall_s, monotonic_s)
        self._last_s = wall_s(), monotonic_s()

    def has_slept(self, expected_s: float) -> bool:
        """Whether much more has passed than expected since this was asked last."""
        now_s = self._clocks[0](), self._clocks[1]()
        passed_s = max(now - last for now, last in zip(now_s, self._last_s, strict=True))
        self._last_s = now_s
        return passed_s > expected_s + SLEPT_S
