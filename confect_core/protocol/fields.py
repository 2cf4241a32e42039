"""Strict reading of the fields of a JSON object; every mismatch is a `MalformedMessage`."""

from __future__ import annotations

from typing import TypeAlias, cast

import orjson

from confect_core.protocol.errors import MalformedMessage
from confect_core.values.wire import Json

JsonObject: TypeAlias = dict[str, Json]
"""A JSON object as a parser gives it."""

_U32 = 2**32


def read_object(text: str | bytes) -> JsonObject:
    """The JSON object that a frame holds."""
    try:
        tree: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedMessage(f"it is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise MalformedMessage("it is not a JSON object")
    return tree


def string(fields: JsonObject, name: str) -> str:
    """A field that is a string."""
    value = fields.get(name)
    if not isinstance(value, str):
        raise MalformedMessage(f"{name} is not a string")
    return value


def optional_string(fields: JsonObject, name: str) -> str | None:
    """A field that is a string, null or not there."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedMessage(f"{name} is not a string")
    return value


def u32(fields: JsonObject, name: str) -> int:
    """A field that is an unsigned integer of 32 bits."""
    value = fields.get(name)
    if type(value) is not int or not 0 <= value < _U32:
        raise MalformedMessage(f"{name} is not an unsigned 32 bit integer")
    return value


def boolean(fields: JsonObject, name: str) -> bool:
    """A field that is true or false."""
    value = fields.get(name)
    if not isinstance(value, bool):
        raise MalformedMessage(f"{name} is not a boolean")
    return value


def optional_int(fields: JsonObject, name: str) -> int | None:
    """A field that is a whole number, null or not there."""
    value = fields.get(name)
    if value is not None and type(value) is not int:
        raise MalformedMessage(f"{name} is not an integer")
    return value


def object_field(fields: JsonObject, name: str) -> JsonObject:
    """A field that is an object."""
    value = fields.get(name)
    if not isinstance(value, dict):
        raise MalformedMessage(f"{name} is not an object")
    return value


def objects(fields: JsonObject, name: str) -> list[JsonObject]:
    """A field that is an array of objects."""
    value = fields.get(name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedMessage(f"{name} is not an array of objects")
    return cast("list[JsonObject]", value)


def strings(fields: JsonObject, name: str) -> tuple[str, ...]:
    """A field that is an array of strings."""
    value = fields.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MalformedMessage(f"{name} is not an array of strings")
    return tuple(cast("list[str]", value))
