"""`Meta`: what a run has used of its limits, so that it can stop in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

N = TypeVar("N", int, float, default=int)


@dataclass(frozen=True, slots=True)
class Amount(Generic[N]):
    """How much of one limit is used; the names of the limits are those of `Limits`."""

    used: N
    limit: N

    @property
    def remaining(self) -> N:
        """How much may still be used."""
        return max(self.limit - self.used, self.limit - self.limit)


@dataclass(frozen=True, slots=True)
class Meta:
    """What a run has used until now, with all that it called and all that called it.

    What an undone nested mutation used is used all the same.
    """

    documents_read: Amount
    bytes_read: Amount
    ranges_read: Amount
    documents_written: Amount
    bytes_written: Amount
    functions_scheduled: Amount
    bytes_scheduled: Amount
    nesting: Amount
    """How deep this function was called; what remains is how deep it may call."""
    run_time_s: Amount[float]
    """The only one that differs when a query runs again on the same data."""
