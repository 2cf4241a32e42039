"""`Value`: what travels, what is stored and what indexes order.

One Python form for each kind of value, so that equal values have equal forms. A Convex number is
always a `float` and an int64 always a `BigInt`; a plain `int` does not occur. Where one is passed
nevertheless it means the number, if a float64 carries it exactly.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, Self, TypeAlias, cast

from typing_extensions import TypeAliasType

from confect_core.values.errors import NotAValue, NotInt64, UnsafeInteger
from confect_core.values.limits import INT64_MAX, INT64_MIN, MAX_SAFE_INTEGER
from confect_core.values.place import Place


class BigInt(int):
    """An int that travels as int64, a JavaScript bigint; refuses what 64 bits cannot hold."""

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        if not INT64_MIN <= value <= INT64_MAX:
            raise NotInt64(value)
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return f"BigInt({int.__repr__(self)})"

    __str__ = int.__repr__


class Undefinedness(Enum):
    """The type of `UNDEFINED`; an enum so that type checkers narrow `is UNDEFINED`."""

    UNDEFINED = "undefined"

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefinedness.UNDEFINED
"""Stands for a missing field in index keys; documents leave the field out instead."""

Undefined: TypeAlias = Literal[Undefinedness.UNDEFINED]

Value = TypeAliasType(
    "Value", "bool | float | BigInt | str | bytes | list[Value] | dict[str, Value] | None"
)
"""Any value that can be sent, stored or indexed, in its canonical Python form."""


def number_of(value: int, place: Place = None) -> float:
    """The float64 that a plain int stands for; refused where it would not be exact."""
    if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return float(value)
    raise UnsafeInteger(value, place)


def size_of(value: Value) -> int:
    """The size of a value as limits count it, which is not the length of its text."""
    total = 0
    pending: list[Value] = [value]
    for item in pending:  # which grows meanwhile
        kind = type(item)
        if kind is float:  # most are of these, and a look at the type is the fastest
            total += 9
        elif kind is bool:
            total += 1
        elif kind is dict:
            fields = cast("dict[str, Value]", item)
            total += 2 + len(fields) + _utf8_length("".join(fields))
            pending.extend(fields.values())
        elif isinstance(item, str):
            total += 2 + (len(item) if item.isascii() else _utf8_length(item))
        elif item is None or isinstance(item, bool):
            total += 1
        elif isinstance(item, (float, int)):
            total += 9
        elif isinstance(item, bytes):
            total += 2 + len(item)
        elif isinstance(item, list):
            total += 2
            pending.extend(item)
        elif isinstance(item, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everyone who calls has types
            total += 2 + len(item) + _utf8_length("".join(item))
            pending.extend(item.values())
        else:
            raise NotAValue(item)
    return total


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
