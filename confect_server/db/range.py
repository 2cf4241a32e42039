"""`Range`, and how keyword bounds become one interval of an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from confect_core.values import UNDEFINED, Interval, Undefined, Value, key_of, successor
from confect_server.errors import BadRange

V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class Range(Generic[V]):
    """Bounds for one field of an index: `Range(gt=3)`, `Range(gte="a", lt="b")`."""

    gt: V | Undefined = UNDEFINED
    gte: V | Undefined = UNDEFINED
    lt: V | Undefined = UNDEFINED
    lte: V | Undefined = UNDEFINED

    @property
    def is_contradictory(self) -> bool:
        """Are there two lower or two upper bounds?"""
        lower = self.gt is not UNDEFINED and self.gte is not UNDEFINED
        return lower or (self.lt is not UNDEFINED and self.lte is not UNDEFINED)


def interval_of(
    table: str,
    index: str,
    fields: tuple[str, ...],
    bounds: Mapping[str, Value | Undefined | Range[Value | Undefined]],
) -> Interval:
    """The interval that these encoded bounds select: equal leading fields, then one range."""
    names = list(bounds)
    if names != list(fields[: len(names)]):
        raise BadRange(table, index, f"bounds on {', '.join(names) or 'nothing'}")
    prefix = b""
    for position, (name, bound) in enumerate(bounds.items()):
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
    if bound.gte is not UNDEFINED:
        start = prefix + key_of((bound.gte,))
    if bound.gt is not UNDEFINED:
        start = _after(prefix + key_of((bound.gt,)))
    if bound.lt is not UNDEFINED:
        end = prefix + key_of((bound.lt,))
    if bound.lte is not UNDEFINED:
        end = _after(prefix + key_of((bound.lte,)))
    return Interval(start, end)


def _after(key: bytes) -> bytes:
    following = successor(key)
    assert following is not None, "a key never consists of the highest byte alone"
    return following
