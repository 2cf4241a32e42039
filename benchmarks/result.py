"""`Result`: what a benchmark found, and whether that is good enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["/s", "µs", "ms", "KiB", "MiB"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure and its unit."""

    value: float
    unit: Unit

    def __str__(self) -> str:
        digits = 0 if self.value >= 100 else 1 if self.value >= 10 else 2
        return f"{self.value:,.{digits}f}{'' if self.unit == '/s' else ' '}{self.unit}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure has to keep to (the floor), and what it is meant to reach (the goal).

    It is about the ratio of ours to the peer's, or about ours alone where there is no peer.
    """

    better: Literal["more", "less"]
    floor: float
    goal: float

    def is_kept_by(self, figure: float) -> bool:
        """Does the figure keep to the floor?"""
        return figure >= self.floor if self.better == "more" else figure <= self.floor


def at_least(floor: float, goal: float) -> Target:
    """The more, the better."""
    return Target("more", floor, goal)


def at_most(floor: float, goal: float) -> Target:
    """The less, the better."""
    return Target("less", floor, goal)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What ours is held against."""

    name: str
    quantity: Quantity
    ratio: float
    """Ours by the peer's: the median over the rounds, each with its own ratio."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of a benchmark's outcome."""

    what: str
    ours: Quantity
    peer: Peer | None = None
    target: Target | None = None

    @property
    def figure(self) -> float:
        """What the target is about."""
        return self.ours.value if self.peer is None else self.peer.ratio

    @property
    def is_missed(self) -> bool:
        """Is the floor of its target not kept?"""
        return self.target is not None and not self.target.is_kept_by(self.figure)
