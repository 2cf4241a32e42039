"""The clock of a running server."""

from __future__ import annotations

import time


class SystemClock:
    """The time of this machine."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()
