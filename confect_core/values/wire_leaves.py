"""What single Python values become on the wire, and back: the leaves of `WireSchema`.

Encoders say that a value is none of theirs with `PydanticSerializationUnexpectedValue`, which is
how pydantic-core moves on to the next member of a union.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

from pydantic_core import (
    MultiHostUrl,
    PydanticSerializationUnexpectedValue,
    Url,
    to_jsonable_python,
)
from typing_extensions import TypeIs

from confect_core.values.absent import ABSENT
from confect_core.values.limits import MAX_SAFE_INTEGER
from confect_core.values.order import key_of
from confect_core.values.value import BigInt, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


_TEXTS: dict[str, tuple[Callable[[object], bool], Callable[[Any], str]]] = {
    "uuid": (lambda value: isinstance(value, UUID), str),
    "decimal": (lambda value: isinstance(value, Decimal), str),
    "date": (_is_date, date.isoformat),
    "time": (lambda value: isinstance(value, time), time.isoformat),
    "url": (lambda value: isinstance(value, Url), str),
    "multi-host-url": (lambda value: isinstance(value, MultiHostUrl), str),
}
TEXT_KINDS = frozenset(_TEXTS)
"""The kinds of core schema whose values travel as text."""


def number(value: object) -> float:
    """A float, or an int that stands for one."""
    if type(value) is float:
        return value
    if isinstance(value, float) or (is_whole(value) and abs(value) <= MAX_SAFE_INTEGER):
        return float(value)
    raise _unexpected("a float", value)


def integer(value: object) -> float:
    """An int that a float64 carries exactly."""
    if type(value) is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return float(value)
    if is_whole(value) and abs(value) <= MAX_SAFE_INTEGER:
        return float(value)
    raise _unexpected("an int within ±(2**53 - 1), beyond which a field is Int64", value)


def int64(value: object) -> BigInt:
    """An int that travels as int64."""
    if is_whole(value):
        return BigInt(value)
    raise _unexpected("an int", value)


def text_of(kind: str) -> Callable[[object], str]:
    """What writes a UUID, a date, a Decimal and their like as their canonical text."""
    is_of_kind, write = _TEXTS[kind]

    def text(value: object) -> str:
        if is_of_kind(value):
            return write(value)
        raise _unexpected(f"a {kind}", value)

    return text


def ms_of_instant(value: object) -> float:
    """Milliseconds since the epoch; an instant without a time zone is none."""
    if not isinstance(value, datetime):
        raise _unexpected("a datetime", value)
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
    return (value - _EPOCH) / _MILLISECOND


def instant_of_ms(value: object) -> object:
    """The instant in UTC; anything that is no number is left for the schema to refuse."""
    if not isinstance(value, float):
        raise ValueError("an instant is a number of milliseconds")
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError("an instant is between the years 1 and 9999") from None


def ms_of_span(value: object) -> float:
    """A span in milliseconds."""
    if isinstance(value, timedelta):
        return value / _MILLISECOND
    raise _unexpected("a timedelta", value)


def span_of_ms(value: object) -> object:
    """The span that so many milliseconds are."""
    if not isinstance(value, float):
        raise ValueError("a span is a number of milliseconds")
    try:
        return timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError("a span is at most 999999999 days") from None


def in_order(values: Iterable[Value]) -> list[Value]:
    """The members of a set, sorted as values sort, so that equal sets travel equal."""
    return sorted(values, key=lambda value: key_of((value,)))


def sorted_list(value: object, inner: Callable[[object], list[Value]]) -> list[Value]:
    """A set as a list of its members in order; `inner` encodes them."""
    if isinstance(value, set | frozenset):
        return in_order(inner(list(cast("Iterable[object]", value))))
    raise _unexpected("a set", value)


def as_list(value: object, inner: Callable[[object], list[Value]]) -> list[Value]:
    """A sequence of any class as a list; `inner` encodes its parts."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return inner(list(cast("Iterable[object]", value)))
    raise _unexpected("a sequence", value)


def plain_list(value: object, inner: Callable[[object], Iterable[Value]]) -> list[Value]:
    """A tuple as a list; `inner` encodes its parts."""
    return list(inner(value))


def canonical(value: object) -> Value:
    """Anything that an `Any` field may hold, in its wire form."""
    if value is None or isinstance(value, bool | BigInt):
        return value
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, float | int):
        return float(value) if isinstance(value, float) else integer(value)
    if isinstance(value, Mapping):
        record = cast("Mapping[object, object]", value)
        return {_key(key): canonical(item) for key, item in record.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [canonical(item) for item in cast("Iterable[object]", value)]
        return in_order(items) if isinstance(value, set | frozenset) else items
    if isinstance(value, datetime):
        return ms_of_instant(value)
    if isinstance(value, timedelta):
        return ms_of_span(value)
    return canonical(to_jsonable_python(value))


def is_whole(value: object) -> TypeIs[int]:
    """Is this an int, and not one of the booleans, which Python also counts as such?"""
    return isinstance(value, int) and not isinstance(value, bool)


def is_absent(choice: Any) -> bool:
    """Is this member of a union the annotation `Absent`?"""
    return isinstance(choice, dict) and cast("dict[str, object]", choice).get("expected") == [
        ABSENT
    ]


def _key(key: object) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise ValueError(f"{key!r} is no field name; the keys of a record are strings")


def _unexpected(wanted: str, value: object) -> PydanticSerializationUnexpectedValue:
    return PydanticSerializationUnexpectedValue(f"expected {wanted}, got {value!r}")
