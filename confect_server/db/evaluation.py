"""What an expression is made of, and how it is evaluated on a stored document.

Values compare by the total order of values, as in an index: kinds in their order, undefined first,
-0 before 0, and NaN equal to itself. A tree is compiled to nested functions once per query: walking
it for each document took twice as long.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from math import copysign, fmod, inf, isnan, nan
from typing import Any, TypeAlias

from confect_core.values import UNDEFINED, BigInt, NotInt64, Undefined, Value, compare, key_of
from confect_server.engine import Document
from confect_server.engine.index import value_along
from confect_server.errors import NotNumbers

Evaluated: TypeAlias = Value | Undefined
Evaluation: TypeAlias = Callable[[Document], Evaluated]


@dataclass(frozen=True, slots=True)
class Field:
    """The value at a path, undefined where the path leaves the document."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value for every document."""

    value: Evaluated

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator on what other expressions give."""

    symbol: str
    operands: tuple[Node, ...]

    def __str__(self) -> str:
        if len(self.operands) == 1:
            return f"{self.symbol}{self.operands[0]}"
        return f"({f' {self.symbol} '.join(map(str, self.operands))})"


Node: TypeAlias = Field | Constant | Operation


def fingerprint_of(node: Node) -> object:
    """Something whose `repr` is the same for the same expression, and for no other one."""
    if isinstance(node, Field):
        return "field", node.path
    if isinstance(node, Constant):
        return "constant", key_of((node.value,))
    return node.symbol, tuple(fingerprint_of(each) for each in node.operands)


def evaluation_of(node: Node) -> Evaluation:
    """A function from a document to the value that the expression has for it."""
    if isinstance(node, Field):
        return _reading(node.path)
    if isinstance(node, Constant):
        value = node.value
        return lambda document: value
    operands = [evaluation_of(each) for each in node.operands]
    if len(operands) == 1:
        return _UNARY[node.symbol](operands[0])
    if node.symbol in _COMPARISONS:
        return _comparing(_COMPARISONS[node.symbol], *operands)
    if node.symbol in _CALCULATIONS:
        return _calculating(node.symbol, *operands)
    return _CONNECTIVES[node.symbol](*operands)


def _reading(path: tuple[str, ...]) -> Evaluation:
    if len(path) == 1:
        (name,) = path
        return lambda document: document.get(name, UNDEFINED)
    return lambda document: value_along(document, path)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED_AS_IN_PYTHON = frozenset({str, bytes, bool, BigInt})


def _comparing(
    holds: Callable[[Any, Any], bool], left: Evaluation, right: Evaluation
) -> Evaluation:
    def is_so(document: Document) -> bool:
        a, b = left(document), right(document)
        kind = type(a)
        if kind is type(b) and (
            kind in _ORDERED_AS_IN_PYTHON
            # Python knows neither an order of NaN nor one of the two zeros
            or (kind is float and a == a and b == b and (a or b))
        ):
            return holds(a, b)
        return holds(compare(a, b), 0)

    return is_so


def _both(left: Evaluation, right: Evaluation) -> Evaluation:
    return lambda document: left(document) is True and right(document) is True


def _either(left: Evaluation, right: Evaluation) -> Evaluation:
    return lambda document: left(document) is True or right(document) is True


_CONNECTIVES: dict[str, Callable[[Evaluation, Evaluation], Evaluation]] = {
    "&": _both,
    "|": _either,
}


def _denying(operand: Evaluation) -> Evaluation:
    return lambda document: operand(document) is not True


def _negating(operand: Evaluation) -> Evaluation:
    def negate(document: Document) -> Evaluated:
        value = operand(document)
        if isinstance(value, BigInt):
            return _int64("-", 0, value, -value)
        if isinstance(value, float):
            return -value
        raise NotNumbers("-", [value])

    return negate


_UNARY: dict[str, Callable[[Evaluation], Evaluation]] = {"~": _denying, "-": _negating}


def _calculating(symbol: str, left: Evaluation, right: Evaluation) -> Evaluation:
    of_floats, of_int64s = _CALCULATIONS[symbol]

    def calculate(document: Document) -> Evaluated:
        a, b = left(document), right(document)
        if isinstance(a, float) and isinstance(b, float):
            return of_floats(a, b)
        if isinstance(a, BigInt) and isinstance(b, BigInt):
            if b == 0 and symbol in "/%":
                raise NotNumbers(symbol, [a, b])
            return _int64(symbol, a, b, of_int64s(a, b))
        raise NotNumbers(symbol, [a, b])

    return calculate


def _int64(symbol: str, a: int, b: int, result: int) -> BigInt:
    try:
        return BigInt(result)
    except NotInt64:
        raise NotNumbers(symbol, [BigInt(a), BigInt(b)]) from None


def _quotient(a: float, b: float) -> float:
    """What IEEE says, and JavaScript: nothing is refused."""
    if b:
        return a / b
    return nan if not a or isnan(a) else copysign(inf, a) * copysign(1.0, b)


def _remainder(a: float, b: float) -> float:
    return fmod(a, b) if b and abs(a) != inf else nan


def _whole_quotient(a: int, b: int) -> int:
    """Rounded towards zero, as everywhere but in Python."""
    whole = abs(a) // abs(b)
    return whole if (a < 0) == (b < 0) else -whole


def _whole_remainder(a: int, b: int) -> int:
    return a - b * _whole_quotient(a, b)


_CALCULATIONS: dict[str, tuple[Callable[[float, float], float], Callable[[int, int], int]]] = {
    "+": (operator.add, operator.add),
    "-": (operator.sub, operator.sub),
    "*": (operator.mul, operator.mul),
    "/": (_quotient, _whole_quotient),
    "%": (_remainder, _whole_remainder),
}
