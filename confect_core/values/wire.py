"""Values as JSON: the lossless form of the wire and the store, and the two forms of HTTP results.

JSON has no int64 and no bytes, and no NaN, infinity or negative zero; these travel as objects of
one field (`$integer`, `$bytes`, `$float`). Every other number is a float64. No field may therefore
be called `$` and something, in either direction.

orjson can write a canonical value as it stands, in a tenth of the time that building a tree takes.
Asking first whether it is canonical costs as much as the tree, so this is for the caller to say:
`dumps_canonical` only looks at the text for what orjson gets wrong, and where something looks so,
as every None does, at the value. Ten documents with one None each took 29 µs and take 17.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import copysign, isfinite, isnan
from struct import Struct

import orjson
from typing_extensions import TypeAliasType

from confect_core.values.commit_ts import PENDING_COMMIT_TS
from confect_core.values.errors import (
    LoneSurrogate,
    MalformedWireValue,
    NotAValue,
    NotJson,
    UnsettledCommitTs,
    ValueTooDeep,
)
from confect_core.values.field_names import check_field_names
from confect_core.values.limits import MAX_NESTING
from confect_core.values.place import Place
from confect_core.values.value import BigInt, Value, number_of

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
"""What JSON can say, as a JSON parser returns it."""

_INT64 = Struct("<q")
_FLOAT64 = Struct("<d")
_SURELY_FINITE = 2**53
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS


def encode(value: Value) -> Json:
    """The value as JSON, with nothing lost."""
    return _tree(value, _LOSSLESS, None, 0)


def clean(value: Value) -> Json:
    """The value as JSON without `$` forms: int64 and special floats as text, bytes as base64."""
    return _tree(value, _CLEAN, None, 0)


def export_json(value: Value) -> Json:
    """The value as JSON with int64 as plain integers and everything else as `encode` says it."""
    return _tree(value, _EXPORT, None, 0)


def decode(json: Json) -> Value:
    """The canonical value that a JSON tree stands for."""
    return _object(json, None, 0) if type(json) is dict else _value(json, None, 0)


def dumps(value: Value) -> bytes:
    """The JSON text of a value; equal values have equal texts."""
    return orjson.dumps(encode(value), option=orjson.OPT_SORT_KEYS)


def dumps_canonical(value: Value) -> bytes:
    """What `dumps` returns, faster, for values that a codec, `loads` or the store made.

    The caller vouches that the value is canonical (of the types of `Value` exactly, with no plain
    int) and neither too deep nor with fields of unprintable names. Special floats and names that
    begin with `$` are still noticed.
    """
    try:
        text = orjson.dumps(value, default=_tagged, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return dumps(value)
    # orjson writes NaN and infinities as null; the search for one character is a fast one
    if b"null" in text or b"-0.0" in text or (b"$" in text and b'"$' in text):
        return text if _is_as_said(value) else dumps(value)
    return text


def loads(text: bytes | str) -> Value:
    """The value that a JSON text stands for."""
    return decode(_parsed(text))


def loads_canonical(text: bytes) -> Value:
    """The value that `dumps` made this text of: faster than `loads`, and without its checks."""
    if b"$" in text and b'"$' in text:
        return loads(text)
    value: Value = orjson.loads(text)
    return value


@dataclass(frozen=True, slots=True)
class _Forms:
    """How the values that JSON lacks are said."""

    int64: Callable[[BigInt], Json]
    special_float: Callable[[float], Json]
    bytes_: Callable[[bytes], Json]


def _integer_form(value: BigInt) -> Json:
    return {"$integer": _base64(_INT64.pack(value))}


def _float_form(value: float) -> Json:
    return {"$float": _base64(_FLOAT64.pack(value))}


def _bytes_form(value: bytes) -> Json:
    return {"$bytes": _base64(value)}


def _clean_float(value: float) -> Json:
    if isnan(value):
        return "NaN"
    if value == 0:
        return value
    return "Infinity" if value > 0 else "-Infinity"


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


_LOSSLESS = _Forms(_integer_form, _float_form, _bytes_form)
_CLEAN = _Forms(int.__repr__, _clean_float, _base64)
_EXPORT = _Forms(int, _float_form, _bytes_form)


def _tree(value: Value, forms: _Forms, place: Place, depth: int) -> Json:
    if isinstance(value, str):
        return _text(value, place)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return forms.special_float(value) if _is_special(value) else float(value)
    if isinstance(value, BigInt):
        if value is PENDING_COMMIT_TS:
            raise UnsettledCommitTs
        return forms.int64(value)
    if isinstance(value, int):
        return number_of(value, place)
    if isinstance(value, bytes):
        return forms.bytes_(value)
    return _container_tree(value, forms, place, depth + 1)


def _container_tree(
    value: list[Value] | dict[str, Value], forms: _Forms, place: Place, depth: int
) -> Json:
    if depth > MAX_NESTING:
        raise ValueTooDeep(MAX_NESTING)
    if isinstance(value, list):
        return [_tree(item, forms, (place, index), depth) for index, item in enumerate(value)]
    if isinstance(value, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everyone who calls has types
        check_field_names(value, place)
        return {name: _tree(item, forms, (place, name), depth) for name, item in value.items()}
    raise NotAValue(value, place)


def _is_special(value: float) -> bool:
    return not isfinite(value) or (value == 0 and copysign(1.0, value) < 0)


def _is_as_said(value: Value) -> bool:
    """Does orjson, asking for what JSON lacks, write this canonical value as it has to be?"""
    if isinstance(value, float):
        return not _is_special(value)
    if isinstance(value, dict):
        return not any(name[:1] == "$" for name in value) and _are_as_said(value.values())
    return not isinstance(value, list) or _are_as_said(value)


def _are_as_said(values: Iterable[Value]) -> bool:
    for value in values:
        kind = type(value)
        if kind is not str and kind is not bool and not _is_as_said(value):
            return False
    return True


def _text(text: str, place: Place) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise LoneSurrogate(text, place) from None
    return text if type(text) is str else str.__str__(text)


def _tagged(value: BigInt | bytes) -> Json:
    """What orjson asks about: the canonical values that JSON lacks."""
    return _tree(value, _LOSSLESS, None, 0)


def _parsed(text: bytes | str) -> Json:
    try:
        tree: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotJson(str(error)) from None
    return tree


def _value(json: Json, place: Place, depth: int) -> Value:
    if isinstance(json, str):
        return _text(json, place)
    if json is None or isinstance(json, bool):
        return json
    if isinstance(json, float):
        return _number(json, place)
    if isinstance(json, int):
        return _number(json, place)
    if depth == MAX_NESTING:
        raise ValueTooDeep(MAX_NESTING)
    if isinstance(json, list):
        return [_value(item, (place, index), depth + 1) for index, item in enumerate(json)]
    if isinstance(json, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everyone who calls has types
        return _object(json, place, depth)
    raise NotAValue(json, place)


def _number(json: float, place: Place) -> float:
    try:
        number = float(json)
    except OverflowError:
        raise NotJson("a number is larger than every float64", place) from None
    if not isfinite(number):
        raise NotJson(f"{number} is no JSON number", place)
    return number


def _object(json: dict[str, Json], place: Place, depth: int) -> Value:
    if len(json) == 1:
        ((name, content),) = json.items()
        if reader := _READERS.get(name):
            return reader(content, place)
    check_field_names(json, place)
    value: dict[str, Value] = {}
    for name, item in json.items():
        # what most are is seen here in a third of the time that it takes to see what others are
        if (type(item) is str and item.isascii()) or type(item) is bool:
            value[name] = item
        elif type(item) is int and -_SURELY_FINITE < item < _SURELY_FINITE:
            value[name] = float(item)
        elif type(item) is float and item - item == 0:  # neither infinite nor no number
            value[name] = item
        else:
            value[name] = _value(item, (place, name), depth + 1)
    return value


def _read_integer(content: Json, place: Place) -> Value:
    number: int = _INT64.unpack(_eight_bytes("$integer", content, place))[0]
    return BigInt(number)


def _read_float(content: Json, place: Place) -> Value:
    number: float = _FLOAT64.unpack(_eight_bytes("$float", content, place))[0]
    if _is_special(number):
        return number
    raise MalformedWireValue("$float", f"holds {number}, which travels as a number", place)


def _read_bytes(content: Json, place: Place) -> bytes:
    return _from_base64("$bytes", content, place)


_READERS: dict[str, Callable[[Json, Place], Value]] = {
    "$integer": _read_integer,
    "$float": _read_float,
    "$bytes": _read_bytes,
}


def _eight_bytes(form: str, content: Json, place: Place) -> bytes:
    data = _from_base64(form, content, place)
    if len(data) != 8:
        raise MalformedWireValue(form, f"holds {len(data)} bytes instead of 8", place)
    return data


def _from_base64(form: str, content: Json, place: Place) -> bytes:
    if not isinstance(content, str):
        raise MalformedWireValue(form, "holds no text", place)
    try:
        return a2b_base64(content, strict_mode=True)
    except ValueError:  # which binascii's own error is
        raise MalformedWireValue(form, "holds text that is no base64", place) from None
