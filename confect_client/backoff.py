"""`Backoff`: how long to wait before the next connection, by why and how often others ended."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.1
LONGEST_S = 16.0

LONGEST_OFFLINE_S = 2.0
"""The same while no attempt leaves this machine: nobody is spared, and the network may be back."""

_BUSY_S = 3.0
_BROKEN_S = 1.0
_FIRST_BY_REASON_S = {
    "InternalServerError": _BROKEN_S,
    "VectorIndexesUnavailable": _BROKEN_S,
    "SearchIndexesUnavailable": _BROKEN_S,
    "TableSummariesUnavailable": _BROKEN_S,
    "SubscriptionsWorkerFullError": _BUSY_S,
    "TooManyConcurrentRequests": _BUSY_S,
    "TooManyConcurrentMutations": _BUSY_S,
    "TooManyConcurrentActions": _BUSY_S,
    "CommitterFullError": _BUSY_S,
    "AwsTooManyRequestsException": _BUSY_S,
    "ExecuteFullError": _BUSY_S,
    "SystemTimeoutError": _BUSY_S,
    "ExpiredInQueue": _BUSY_S,
    "VectorIndexTooLarge": _BUSY_S,
    "SearchIndexTooLarge": _BUSY_S,
    "TooManyWritesInTimePeriod": _BUSY_S,
}
"""Where waiting begins if the server says that it is in trouble, by how the reason begins."""


class Backoff:
    """Waits twice as long after each failure, and by chance a half more or less.

    A connection is no failure if all was well on it and it lasted longer than the wait before it:
    a server that answers and then breaks off, again and again, is not asked ten times a second.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._failures = 0
        self._last_s = 0.0

    def lasted(self, seconds: float) -> None:
        """A connection on which all was well has ended, after so long."""
        if seconds >= self._last_s:
            self._failures = 0

    def next_s(self, reason: str, *, is_offline: bool = False) -> float:
        """How long to wait now that the last attempt ended for this reason."""
        first_s = next(
            (first for start, first in _FIRST_BY_REASON_S.items() if reason.startswith(start)),
            FIRST_S,
        )
        bound_s = LONGEST_OFFLINE_S if is_offline else LONGEST_S
        longest_s = min(first_s * 2.0**self._failures, bound_s)
        self._failures = min(self._failures + 1, 32)  # a power that stays a float
        self._last_s = longest_s * (0.5 + self._chance())
        return self._last_s
