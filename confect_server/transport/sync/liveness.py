"""Whether a socket's client is still there, and whether it has to be told that we are.

Marks are set where something is sent or heard and turned into times only in `tick`, so that nothing
but the tick needs a clock. A mark is late by at most one tick, far less than clients allow for.
"""

from __future__ import annotations

PING_AFTER_MS = 15_000
"""How long nothing is sent before a Ping is; clients give a server up after 30 or 60 s."""

SILENT_AFTER_MS = 120_000
"""How long nothing is heard before the client is taken for gone."""


class Liveness:
    """When one socket last spoke and was last spoken to."""

    __slots__ = ("_heard_at_ms", "_sent_at_ms", "has_heard", "has_sent")

    def __init__(self) -> None:
        self.has_heard = True
        self.has_sent = True
        self._heard_at_ms = 0
        self._sent_at_ms = 0

    def tick(self, now_ms: int) -> None:
        """Give the marks that were set since the last tick their time."""
        if self.has_heard:
            self.has_heard, self._heard_at_ms = False, now_ms
        if self.has_sent:
            self.has_sent, self._sent_at_ms = False, now_ms

    def is_silent(self, now_ms: int) -> bool:
        """Whether the client has been silent for too long."""
        return now_ms - self._heard_at_ms >= SILENT_AFTER_MS

    def is_quiet(self, now_ms: int) -> bool:
        """Whether the client has been told nothing for long enough to worry."""
        return now_ms - self._sent_at_ms >= PING_AFTER_MS
