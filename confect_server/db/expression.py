"""`Expr`: a condition or a value that is computed from a document, as a value of its own.

A filter that is an expression is evaluated on the stored document, before that becomes a model,
and a cursor knows it by all that it says. A function can do neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel

from confect_core import Int64
from confect_core.values.codec import Codec
from confect_server.db.evaluation import (
    Constant,
    Evaluated,
    Evaluation,
    Field,
    Node,
    Operation,
    evaluation_of,
    fingerprint_of,
)
from confect_server.db.field_path import path_to
from confect_server.errors import ExpressionIsNoBool

M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)

_BOOL = Codec(bool, what="a condition").encode
_NUMBER = Codec(float, what="a number").encode
_INT64 = Codec(Int64, what="an int64").encode


def field_of(model: type[M], reach: Callable[[M], V]) -> Expr[V]:
    """The value of a field, for filters: `field_of(Note, lambda note: note.address.city)`.

    `present` goes on behind a field that may be None, and `[...]` into a record.
    """
    path = path_to(model, reach)
    return Expr(Field(path.path), path.encoder(), is_int64=path.is_int64)


class Expr(Generic[V_co]):
    """A value that is computed from a document: `field_of(Note, lambda n: n.at) > 3`.

    Comparisons follow the total order of values, as indexes do, and `+ - * / %` are Convex's: of
    two numbers or of two int64. Conditions are joined by `&`, `|` and `~`; Python's `and`, `or`,
    `not` and `if` are refused. Only a condition that is `True` holds.
    """

    __slots__ = ("_encode", "_is_int64", "_node")
    __hash__ = None  # type: ignore[assignment]  # two of them are never simply equal

    def __init__(
        self, node: Node, encode: Callable[[Any], Evaluated], *, is_int64: bool = False
    ) -> None:
        self._node = node
        self._encode = encode
        self._is_int64 = is_int64

    @property
    def evaluation(self) -> Evaluation:
        """A function from a stored document to the value."""
        return evaluation_of(self._node)

    @property
    def fingerprint(self) -> object:
        """Something whose `repr` is the same for the same expression, and for no other one."""
        return fingerprint_of(self._node)

    def __eq__(self, other: V_co | Expr[V_co]) -> Expr[bool]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # says what it is compared with
        return self._compared("==", other)

    def __ne__(self, other: V_co | Expr[V_co]) -> Expr[bool]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # as above
        return self._compared("!=", other)

    def __lt__(self, other: V_co | Expr[V_co]) -> Expr[bool]:
        return self._compared("<", other)

    def __le__(self, other: V_co | Expr[V_co]) -> Expr[bool]:
        return self._compared("<=", other)

    def __gt__(self, other: V_co | Expr[V_co]) -> Expr[bool]:
        return self._compared(">", other)

    def __ge__(self, other: V_co | Expr[V_co]) -> Expr[bool]:
        return self._compared(">=", other)

    def __add__(self: Expr[float], other: float | Expr[float]) -> Expr[float]:
        return self._calculated("+", self._node, self._number(other))

    def __radd__(self: Expr[float], other: float) -> Expr[float]:
        return self._calculated("+", self._number(other), self._node)

    def __sub__(self: Expr[float], other: float | Expr[float]) -> Expr[float]:
        return self._calculated("-", self._node, self._number(other))

    def __rsub__(self: Expr[float], other: float) -> Expr[float]:
        return self._calculated("-", self._number(other), self._node)

    def __mul__(self: Expr[float], other: float | Expr[float]) -> Expr[float]:
        return self._calculated("*", self._node, self._number(other))

    def __rmul__(self: Expr[float], other: float) -> Expr[float]:
        return self._calculated("*", self._number(other), self._node)

    def __truediv__(self: Expr[float], other: float | Expr[float]) -> Expr[float]:
        return self._calculated("/", self._node, self._number(other))

    def __rtruediv__(self: Expr[float], other: float) -> Expr[float]:
        return self._calculated("/", self._number(other), self._node)

    def __mod__(self: Expr[float], other: float | Expr[float]) -> Expr[float]:
        return self._calculated("%", self._node, self._number(other))

    def __rmod__(self: Expr[float], other: float) -> Expr[float]:
        return self._calculated("%", self._number(other), self._node)

    def __neg__(self: Expr[float]) -> Expr[float]:
        return self._calculated("-", self._node)

    def __and__(self: Expr[bool], other: Expr[bool]) -> Expr[bool]:
        return Expr(Operation("&", (self._node, other._node)), _BOOL)

    def __or__(self: Expr[bool], other: Expr[bool]) -> Expr[bool]:
        return Expr(Operation("|", (self._node, other._node)), _BOOL)

    def __invert__(self: Expr[bool]) -> Expr[bool]:
        return Expr(Operation("~", (self._node,)), _BOOL)

    def __bool__(self) -> NoReturn:
        raise ExpressionIsNoBool(str(self._node))

    def __repr__(self) -> str:
        return str(self._node)

    def _compared(self, symbol: str, other: object) -> Expr[bool]:
        return Expr(Operation(symbol, (self._node, _node_of(other, self._encode))), _BOOL)

    def _number(self, other: object) -> Node:
        return _node_of(other, _INT64 if self._is_int64 else _NUMBER)

    def _calculated(self, symbol: str, *operands: Node) -> Expr[float]:
        encode: Callable[[Any], Evaluated] = _INT64 if self._is_int64 else _NUMBER
        return Expr(Operation(symbol, operands), encode, is_int64=self._is_int64)


def _node_of(operand: object, encode: Callable[[Any], Evaluated]) -> Node:
    return operand._node if isinstance(operand, Expr) else Constant(encode(operand))
