"""`Range`, and how keyword bounds become one interval of an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from confect_core.values import Interval, Undefined, Value, key_of, successor
from confect_server.errors import BadRange

V = TypeVar("V")


class Unboundedness(Enum):
    """The type of `UNBOUNDED`; an enum so that type checkers keep it apart from any value."""

    UNBOUNDED = "unbounded"


UNBOUNDED: Final = Unboundedness.UNBOUNDED
"""No bound on a side; `None` and `ABSENT` are bounds, for fields that can be so."""

Unbounded: TypeAlias = Literal[Unboundedness.UNBOUNDED]


@dataclass(frozen=True, kw_only=True)
class Range(Generic[V]):
    """Bounds for one field of an index: `Range(gt=3)`, `Range(gte="a", lt="b")`."""

    gt: V | Unbounded = UNBOUNDED
    gte: V | Unbounded = UNBOUNDED
    lt: V | Unbounded = UNBOUNDED
    lte: V | Unbounded = UNBOUNDED

    @property
    def is_contradictory(self) -> bool:
        """Are there two lower or two upper bounds?"""
        lower = self.gt is not UNBOUNDED and self.gte is not UNBOUNDED
        return lower or (self.lt is not UNBOUNDED and self.lte is not UNBOUNDED)


def interval_of(
    table: str,
    index: str,
    fields: tuple[str, ...],
    bounds: Mapping[str, Value | Undefined | Range[Value | Undefined]],
) -> Interval:
    """The interval that these encoded bounds select: equal leading fields, then one range."""
    names = fields[: len(bounds)]
    if names != (*bounds,) and set(names) != set(bounds):
        raise BadRange(table, index, f"bounds on {', '.join(bounds)}")
    prefix = b""
    for position, name in enumerate(names):
        bound = bounds[name]
        if not isinstance(bound, Range):
            prefix += key_of((bound,))
            continue
        if bound.is_contradictory:
            raise BadRange(table, index, f"two bounds on one side of {name}")
        if position < len(names) - 1:
            raise BadRange(table, index, f"a Range on {name} before another field")
        return _bounded(prefix, bound)
    return Interval.prefix(prefix)


def _bounded(prefix: bytes, bound: Range[Value | Undefined]) -> Interval:
    start, end = prefix, successor(prefix)
    if bound.gte is not UNBOUNDED:
        start = prefix + key_of((bound.gte,))
    if bound.gt is not UNBOUNDED:
        start = _after(prefix + key_of((bound.gt,)))
    if bound.lt is not UNBOUNDED:
        end = prefix + key_of((bound.lt,))
    if bound.lte is not UNBOUNDED:
        end = _after(prefix + key_of((bound.lte,)))
    return Interval(start, end)


def _after(key: bytes) -> bytes:
    following = successor(key)
    assert following is not None, "a key never consists of the highest byte alone"
    return following
