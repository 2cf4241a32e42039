"""Shapes for people to read: `string`, `id of rooms | null`, `array of {city: string}`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from confect_server.db.shapes import Shape


def readable(shape: Shape) -> str:
    """One line that says what a value may be."""
    checks = [_named(check) for check in shape.get("checks", ())]
    where = [f"{key} {_value(value)}" for key, value in sorted(shape.get("where", {}).items())]
    told = [*where, *(f"checked by {name}" for name in checks)]
    return f"{_kind(shape)} ({', '.join(told)})" if told else _kind(shape)


def _kind(shape: Shape) -> str:
    kind: str = shape["kind"]
    if kind == "literal":
        return " | ".join(map(_value, shape["values"]))
    if kind == "id":
        return f"id of {shape['table'] or 'any table'}"
    if kind in ("array", "set", "tuple", "record"):
        return f"{kind} of {_inside(shape)}"
    if kind == "object":
        return f"{{{_fields(shape)}}}"
    if kind == "union":
        return " | ".join(map(readable, _null_last(shape["of"])))
    if kind == "tagged":
        return " | ".join(readable(each["shape"]) for each in shape["of"])
    if kind == "recursive":
        return readable(shape["shape"])
    if kind == "again":
        return "the same again"
    meaning: str = shape.get("as", kind)
    return meaning


def _inside(shape: Shape) -> str:
    items: Shape | Sequence[Shape] = shape["values" if shape["kind"] == "record" else "items"]
    if not isinstance(items, Mapping):
        return f"({', '.join(map(readable, items))})"
    text = readable(items)
    return f"({text})" if items["kind"] == "union" else text


def _fields(shape: Shape) -> str:
    optional: Sequence[str] = shape.get("optional", ())
    fields: Mapping[str, Shape] = shape["fields"]
    return ", ".join(
        f"{name}{'?' if name in optional else ''}: {readable(each)}"
        for name, each in sorted(fields.items())
    )


def _null_last(shapes: Sequence[Shape]) -> Sequence[Shape]:
    return sorted(shapes, key=lambda each: each["kind"] == "null")


def _named(check: str) -> str:
    """The name of a validator, without the digest of its code."""
    _, _, identity = check.partition(" ")
    name, digest, _ = identity.partition("#")
    return name if digest else "pydantic"


def _value(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)
