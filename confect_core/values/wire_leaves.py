"""What single Python values become on the wire, and back: the leaves of `WireSchema`.

Encoders say that a value is none of theirs with `PydanticSerializationUnexpectedValue`, which is how
pydantic-core moves on to the next member of a union.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, cast

from pydantic_core import PydanticSerializationUnexpectedValue, to_jsonable_python

from confect_core.values.absent import ABSENT
from confect_core.values.limits import MAX_SAFE_INTEGER
from confect_core.values.order import key_of
from confect_core.values.value import BigInt, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def number(value: object) -> float:
    """A float, or an int that stands for one."""
    if type(value) is float:
        return value
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return float(value)
    raise _unexpected("a float", value)


def integer(value: object) -> float:
    """An int that a float64 carries exactly."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unexpected("an int", value)
    if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return float(value)
    raise ValueError(f"{value} is outside ±(2**53 - 1); declare the field as Int64")


def int64(value: object) -> BigInt:
    """An int that travels as int64."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unexpected("an int", value)
    return BigInt(value)


def constant(value: object) -> Value:
    """The value of a literal or of an enum's member."""
    inner: object = value.value if isinstance(value, Enum) else value
    if isinstance(inner, int) and not isinstance(inner, bool):
        return float(inner)
    if inner is None or isinstance(inner, str | bool | float | bytes):
        return inner
    raise _unexpected("a constant", value)


def text(value: object) -> str:
    """The canonical text of a UUID, a date, a Decimal and their like."""
    if isinstance(value, str):
        raise _unexpected("no text", value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportAttributeAccessIssue]  # date and time share no base


def ms_of_instant(value: object) -> float:
    """Milliseconds since the epoch; an instant without a time zone is none."""
    if not isinstance(value, datetime):
        raise _unexpected("a datetime", value)
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
    return (value - _EPOCH) / _MILLISECOND


def instant_of_ms(value: object) -> object:
    """The instant in UTC; anything that is no number is left for the schema to refuse."""
    if isinstance(value, float):
        return _EPOCH + timedelta(milliseconds=value)
    raise ValueError("an instant is a number of milliseconds")


def ms_of_span(value: object) -> float:
    """A span in milliseconds."""
    if isinstance(value, timedelta):
        return value / _MILLISECOND
    raise _unexpected("a timedelta", value)


def span_of_ms(value: object) -> object:
    """The span that so many milliseconds are."""
    if isinstance(value, float):
        return timedelta(milliseconds=value)
    raise ValueError("a span is a number of milliseconds")


def in_order(values: Iterable[Value]) -> list[Value]:
    """The members of a set, sorted as values sort, so that equal sets travel equal."""
    return sorted(values, key=lambda value: key_of((value,)))


def canonical(value: object) -> Value:
    """Anything that an `Any` field may hold, in its wire form."""
    if value is None or isinstance(value, bool | str | bytes | BigInt):
        return value
    if isinstance(value, float | int):
        return number(value) if isinstance(value, float) else integer(value)
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


def is_absent(choice: Any) -> bool:
    """Is this member of a union the annotation `Absent`?"""
    return isinstance(choice, dict) and cast("dict[str, object]", choice).get("expected") == [
        ABSENT
    ]


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    raise ValueError(f"{key!r} is no field name; the keys of a record are strings")


def _unexpected(wanted: str, value: object) -> PydanticSerializationUnexpectedValue:
    return PydanticSerializationUnexpectedValue(f"expected {wanted}, got {value!r}")
