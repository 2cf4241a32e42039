"""The total order of values, and index keys: bytes that sort as the values do.

`undefined < null < int64 < float64 < boolean < string < bytes < array < object`. Int64 and float64
are never compared as numbers, so `BigInt(2)` comes before `1.0`. Floats sort by IEEE's total order.

A value's key is a tag and what follows it; a key of several values is their concatenation:

====== =========== =============================================================================
01     undefined
03     null
04-0C  int64       08 is zero; 1, 2, 4 or 8 bytes follow a tag 1-4 above it, below if negative
0D     float64     8 bytes with the sign flipped, or with all bits flipped if negative
0E 0F  false, true
10     string      UTF-8 with each 00 written as 00 FF, then 00
11     bytes       the same
12     array       the items' keys, then 00
15     object      in name order each name as in a string and the value's key, then 00; the empty
                   name is 00 FF, so that it differs from the end
====== =========== =============================================================================

`compare` looks at values and `key_of` makes bytes; neither uses the other, so that tests can hold
one against the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import copysign, isnan
from struct import Struct

from confect_core.values.errors import LoneSurrogate, MalformedKey, NotAValue, ValueTooDeep
from confect_core.values.limits import MAX_NESTING
from confect_core.values.value import UNDEFINED, BigInt, Undefined, Value, number_of

_INT64_ZERO, _FLOAT64, _STRING, _BYTES, _ARRAY, _OBJECT = 0x08, 0x0D, 0x10, 0x11, 0x12, 0x15
_INT64_TAGS = range(0x04, 0x0D)
_UNDEFINED = 0x01
_CONSTANTS: dict[int, Value] = {0x03: None, 0x0E: False, 0x0F: True}
_END = b"\x00"
_NOT_THE_END = b"\x00\xff"

# a bool is an int to Python and a BigInt too: the kinds that are more special come first
_RANKS = {type(None): 1, BigInt: 2, bool: 4, float: 3, int: 3, str: 5, bytes: 6, list: 7, dict: 8}

_DOUBLE = Struct(">d")
_BITS = Struct(">Q")
_TAGGED_BITS = Struct(">BQ")
_TAGGED_DOUBLE = Struct(">Bd")
_SIGN_BIT = 1 << 63
_ALL_BITS = (1 << 64) - 1


def key_of(values: Iterable[Value | Undefined]) -> bytes:
    """The index key of a sequence of values: keys compare as the sequences do."""
    return b"".join([b"\x01" if value is UNDEFINED else _key(value, 0) for value in values])


def key_of_value(value: Value | Undefined) -> bytes:
    """The index key of one value, which keys of several begin with or go on with."""
    return b"\x01" if value is UNDEFINED else _key(value, 0)


def decode_key(key: bytes) -> list[Value | Undefined]:
    """The values that a key was made of."""
    reader = _KeyReader(key)
    values: list[Value | Undefined] = []
    while not reader.is_done:
        values.append(reader.component())
    return values


def successor(prefix: bytes) -> bytes | None:
    """The end of all keys whose first values are those of `prefix`; None if there is no end.

    What follows whole values in a key is the tag of another value, never FF. FF after a string
    means that the string goes on, so the keys that begin with `"a"` must end before it: counting up
    the last byte would let in `"a\\0b"` too. This holds only while all of a key comes from
    `key_of`: other bytes behind the values could begin with FF.
    """
    return prefix + b"\xff" if prefix else None


def compare(a: Value | Undefined, b: Value | Undefined) -> int:
    """Negative, zero or positive, as `a` comes before, equals or comes after `b`."""
    rank, other_rank = _rank(a), _rank(b)
    if rank != other_rank:
        return rank - other_rank
    if isinstance(a, list) and isinstance(b, list):
        return _compare_items(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return _compare_items(_fields_in_order(a), _fields_in_order(b))
    if isinstance(a, BigInt) and isinstance(b, BigInt):
        return (a > b) - (a < b)
    if isinstance(a, str) and isinstance(b, str):
        return (a > b) - (a < b)  # code points are ordered as their UTF-8 is
    if isinstance(a, bytes) and isinstance(b, bytes):
        return (a > b) - (a < b)
    if isinstance(a, float | int) and isinstance(b, float | int):
        number, other = _place_of_float(float(a)), _place_of_float(float(b))
        return (number > other) - (number < other)
    return 0


def _compare_items(a: list[Value], b: list[Value]) -> int:
    for item, other in zip(a, b, strict=False):
        if result := compare(item, other):
            return result
    return len(a) - len(b)


def _fields_in_order(fields: dict[str, Value]) -> list[Value]:
    """Name, value, name, value ...: objects compare as this sequence."""
    return [part for name in sorted(fields) for part in (name, fields[name])]


def _rank(value: Value | Undefined) -> int:
    if value is UNDEFINED:
        return 0
    for kind, rank in _RANKS.items():
        if isinstance(value, kind):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everyone who calls has types
            return rank
    raise NotAValue(value)


def _place_of_float(value: float) -> tuple[int, float, float]:
    """-NaN, numbers, NaN; zeros by their sign, and NaNs by their payload."""
    sign = copysign(1.0, value)
    if not isnan(value):
        return 0, value, sign
    (bits,) = _BITS.unpack(_DOUBLE.pack(value))
    return int(sign), sign * (bits & ~_SIGN_BIT), sign


def _key(value: Value, depth: int) -> bytes:
    if isinstance(value, str):
        text = value.encode() if value.isascii() else _utf8(value)
        return b"\x10" + text.replace(_END, _NOT_THE_END) + _END
    if isinstance(value, float):
        return _float_key(value)
    if isinstance(value, bytes):
        return b"\x11" + value.replace(_END, _NOT_THE_END) + _END
    if value is None:
        return b"\x03"
    if isinstance(value, bool):
        return b"\x0f" if value else b"\x0e"
    if isinstance(value, BigInt):
        return _int64_key(value)
    if isinstance(value, int):
        return _float_key(number_of(value))
    return _container_key(value, depth + 1)


def _container_key(value: list[Value] | dict[str, Value], depth: int) -> bytes:
    if depth > MAX_NESTING:
        raise ValueTooDeep(MAX_NESTING)
    if isinstance(value, list):
        return b"\x12" + b"".join([_key(item, depth) for item in value]) + _END
    if isinstance(value, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everyone who calls has types
        fields = [_name_key(name) + _key(value[name], depth) for name in sorted(value)]
        return b"\x15" + b"".join(fields) + _END
    raise NotAValue(value)


def _name_key(name: str) -> bytes:
    return _escaped(_utf8(name)) + _END if name else _NOT_THE_END


def _float_key(value: float) -> bytes:
    if value > 0:
        # its sign flipped; what comes here most are times, counts and amounts
        return _TAGGED_DOUBLE.pack(_FLOAT64, -value)
    (bits,) = _BITS.unpack(_DOUBLE.pack(value))
    return _TAGGED_BITS.pack(_FLOAT64, bits ^ (_ALL_BITS if bits & _SIGN_BIT else _SIGN_BIT))


def _int64_key(value: int) -> bytes:
    if value == 0:
        return b"\x08"
    bits = (value if value > 0 else ~value).bit_length() + 1
    width = 1 + (bits > 8) + (bits > 16) + (bits > 32)
    tag = _INT64_ZERO + (width if value > 0 else -width)
    return bytes((tag,)) + value.to_bytes(1 << (width - 1), "big", signed=True)


def _escaped(data: bytes) -> bytes:
    return data.replace(_END, _NOT_THE_END)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LoneSurrogate(text) from None


class _KeyReader:
    """Reads one key from its first byte to its last."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._position = 0

    @property
    def is_done(self) -> bool:
        return self._position >= len(self._key)

    def component(self) -> Value | Undefined:
        if self._key[self._position] == _UNDEFINED:
            self._position += 1
            return UNDEFINED
        return self._value(0)

    def _value(self, depth: int) -> Value:
        tag = self._take(1)[0]
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _INT64_TAGS:
            return self._int64(tag - _INT64_ZERO)
        if tag == _FLOAT64:
            return self._float64()
        if tag == _STRING:
            return self._text()
        if tag == _BYTES:
            return self._unescaped()
        if tag not in (_ARRAY, _OBJECT):
            raise self._malformed(f"{tag:#04x} is no tag")
        if depth == MAX_NESTING:
            raise ValueTooDeep(MAX_NESTING)
        return self._array(depth + 1) if tag == _ARRAY else self._object(depth + 1)

    def _int64(self, width: int) -> BigInt:
        data = self._take(1 << (abs(width) - 1)) if width else b""
        return BigInt(int.from_bytes(data, "big", signed=True))

    def _float64(self) -> float:
        (bits,) = _BITS.unpack(self._take(8))
        flipped = _BITS.pack(bits ^ (_SIGN_BIT if bits & _SIGN_BIT else _ALL_BITS))
        number: float = _DOUBLE.unpack(flipped)[0]
        return number

    def _array(self, depth: int) -> list[Value]:
        items: list[Value] = []
        while not self._skip(_END):
            items.append(self._value(depth))
        return items

    def _object(self, depth: int) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        if self._skip(_NOT_THE_END):
            fields[""] = self._value(depth)
        while not self._skip(_END):
            name = self._text()
            fields[name] = self._value(depth)
        return fields

    def _text(self) -> str:
        try:
            return self._unescaped().decode()
        except UnicodeDecodeError:
            raise self._malformed("a string is no UTF-8") from None

    def _unescaped(self) -> bytes:
        start = position = self._position
        while (position := self._key.find(_END, position)) >= 0:
            if self._key[position + 1 : position + 2] != b"\xff":
                self._position = position + 1
                return self._key[start:position].replace(_NOT_THE_END, _END)
            position += 2
        raise self._malformed("something is missing")

    def _take(self, length: int) -> bytes:
        data = self._key[self._position : self._position + length]
        if len(data) < length:
            raise self._malformed("something is missing")
        self._position += length
        return data

    def _skip(self, expected: bytes) -> bool:
        found = self._key.startswith(expected, self._position)
        self._position += len(expected) if found else 0
        return found

    def _malformed(self, problem: str) -> MalformedKey:
        return MalformedKey(self._key, self._position, problem)
