"""What clients did to lists and to accounts, and what they saw of them.

Lists only grow, and no element is appended twice: who reads one learns which transactions came
before, and in which order. That is what the checker lives on (it is Elle's list-append).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import anyio


@dataclass(frozen=True, slots=True)
class Append:
    """An element was put at the end of a list."""

    key: str
    element: int

    def __str__(self) -> str:
        return f"append {self.key} {self.element}"


@dataclass(frozen=True, slots=True)
class Read:
    """A list was seen as it is, with what the same transaction had appended to it."""

    key: str
    elements: tuple[int, ...]

    def __str__(self) -> str:
        return f"read {self.key} {list(self.elements)}"


Step: TypeAlias = Append | Read


class Outcome(Enum):
    """What a client knows of a transaction in the end."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(eq=False, slots=True)
class Transaction:
    """One transaction as its client saw it; moments are counted by one clock for all clients."""

    name: str
    client: str
    steps: Sequence[Step]
    outcome: Outcome = Outcome.UNKNOWN
    began: int | None = None
    """When it was asked for; none if it was not, but pushed by the server."""
    ended: int | None = None
    ts: int | None = None
    """When it happened, as the server says."""

    @property
    def appends(self) -> list[Append]:
        return [step for step in self.steps if isinstance(step, Append)]

    def __str__(self) -> str:
        steps = "; ".join(str(step) for step in self.steps)
        times = f"[{self.began}..{self.ended}] ts={self.ts}"
        return f"{self.name:<24} {self.outcome.value:<8} {times:<44} {steps}"


@dataclass(eq=False, slots=True)
class Transfer:
    """Money that was to be moved, and what its client knows of it."""

    name: str
    source: str
    target: str
    amount: int
    outcome: Outcome = Outcome.UNKNOWN

    def __str__(self) -> str:
        moved = f"{self.amount} from {self.source} to {self.target}"
        return f"{self.name:<24} {self.outcome.value:<8} {moved}"


@dataclass(frozen=True, slots=True)
class Balances:
    """All accounts, as one client saw them at once."""

    seen_by: str
    amounts: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.seen_by:<24} {sum(self.amounts.values())} = {dict(self.amounts)}"


@dataclass(slots=True)
class History:
    """Everything that some clients did and saw. What it ends with saw all that ever happened."""

    transactions: list[Transaction] = field(default_factory=list[Transaction])
    transfers: list[Transfer] = field(default_factory=list[Transfer])
    opening: dict[str, int] = field(default_factory=dict[str, int])
    balances: list[Balances] = field(default_factory=list[Balances])
    complaints: list[str] = field(default_factory=list[str])
    """What clients were told that nobody should be."""
    _moment: int = 0
    _awaited: dict[int, anyio.Event] = field(default_factory=dict[int, anyio.Event])

    def moment(self) -> int:
        """Now: later than everything before."""
        self._moment += 1
        awaited = self._awaited.pop(self._moment, None)
        if awaited is not None:
            awaited.set()
        return self._moment

    async def wait_moments(self, count: int) -> None:
        """Return once so much more has happened."""
        event = self._awaited.setdefault(self._moment + count, anyio.Event())
        await event.wait()

    def write(self, path: Path, found: Iterable[object]) -> None:
        """Leave a file for whoever wants to know how that came about."""
        parts = [
            ("Found", found),
            ("Transactions", self.transactions),
            ("Transfers", self.transfers),
            ("Balances", self.balances),
        ]
        text = "\n".join(
            f"# {title}\n\n" + "".join(f"{each}\n" for each in each_of) for title, each_of in parts
        )
        path.write_text(text)
