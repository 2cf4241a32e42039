"""What the tests of the codec share."""

from __future__ import annotations

from typing import Any

from confect_core.values import BigInt, Value, dumps
from confect_core.values.codec import Codec, Mismatch

WIRE_TYPES = (type(None), bool, float, BigInt, str, bytes, list, dict)


def codec(annotation: Any) -> Codec[Any]:
    """The codec of any annotation, which refusals call `value`."""
    return Codec(annotation, what="value")


def encoded(annotation: Any, value: object) -> Value:
    """What travels; every part of it is exactly of a wire type, none of a subclass."""
    wire = codec(annotation).encode(value)
    assert_canonical(wire)
    return wire


def decoded(annotation: Any, wire: Value) -> Any:
    return codec(annotation).decode(wire)


def problem(annotation: Any, wire: Value) -> str:
    """What decoding says of a value that does not fit."""
    try:
        codec(annotation).decode(wire)
    except Mismatch as mismatch:
        return "\n".join(mismatch.problems)
    raise AssertionError(f"{wire!r} was taken for {annotation!r}")


def assert_canonical(wire: Value) -> None:
    assert type(wire) in WIRE_TYPES, f"{wire!r} is a {type(wire).__name__}"
    if isinstance(wire, list):
        for item in wire:
            assert_canonical(item)
    elif isinstance(wire, dict):
        for name, item in wire.items():
            assert type(name) is str
            assert_canonical(item)


def same(one: Value, other: Value) -> bool:
    """Do these travel alike? Unlike `==`, this tells True from 1.0, and 1.0 from BigInt(1)."""
    return dumps(one) == dumps(other)
