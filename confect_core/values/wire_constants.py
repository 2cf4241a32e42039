"""Literals and enums on the wire: a constant travels as its value and as nothing else.

Constants are told apart by their type too, because to Python `True == 1 == 1.0`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, TypeAlias

from pydantic_core import PydanticKnownError, PydanticSerializationUnexpectedValue

from confect_core.values.limits import MAX_SAFE_INTEGER
from confect_core.values.value import Value

Decode: TypeAlias = Callable[[object], object]
Encode: TypeAlias = Callable[[Any], Value]


def is_constant(constant: object) -> bool:
    """Can this literal or this member of an enum cross the wire?"""
    value: object = constant.value if isinstance(constant, Enum) else constant
    if isinstance(value, int) and not isinstance(value, bool):
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    return isinstance(value, str | int | float | bool | bytes | None)


def are_texts(values: Iterable[object]) -> bool:
    """Are these constants plain strings, which pydantic-core itself keeps apart well enough?"""
    return all(type(value) is str for value in values)


def are_numbers(values: Iterable[object]) -> bool:
    """Are these constants whole numbers, booleans not counted?"""
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def literal_decoder(expected: list[Any]) -> Decode:
    """From the wire to the constant, for one of those that are expected."""
    known: dict[tuple[type[Any], object], object] = {}
    for constant in expected:
        wire = _wire(constant)
        known[type(wire), wire] = constant

    def decode(value: object) -> object:
        if not isinstance(value, list | dict) and (type(value), value) in known:
            return known[type(value), value]
        said = " or ".join(repr(constant) for constant in expected)
        raise PydanticKnownError("literal_error", {"expected": said})

    return decode


def literal_encoder(expected: list[Any]) -> Encode:
    """From one of the constants that are expected to the wire."""
    known: dict[tuple[type[Any], object], Value] = {
        (type(constant), constant): _wire(constant) for constant in expected
    }

    def encode(value: Any) -> Value:
        if value.__hash__ is not None and (type(value), value) in known:
            return known[type(value), value]
        raise PydanticSerializationUnexpectedValue(f"expected one of {expected}, got {value!r}")

    return encode


def enum_encoder(enum: type[Enum], members: list[Enum]) -> Encode:
    """From a member to the wire; a model with `use_enum_values` holds the bare value instead."""
    encode_bare = literal_encoder([member.value for member in members])

    def encode(value: Any) -> Value:
        return _wire(value) if isinstance(value, enum) else encode_bare(value)

    return encode


def _wire(constant: Any) -> Value:
    value = constant.value if isinstance(constant, Enum) else constant
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_number else value
