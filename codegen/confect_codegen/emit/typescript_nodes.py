"""The types of TypeScript that `api.ts` is made of."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True)
class Field:
    """A property of an object; `doc` is what is said above it."""

    name: str
    type: Type
    is_optional: bool = False
    doc: str = ""


@dataclass(frozen=True)
class Object:
    """An object type; one that is not open has one line if that is enough."""

    fields: tuple[Field, ...]
    is_open: bool = True


@dataclass(frozen=True)
class ArrayOf:
    """Any number of items."""

    item: Type


@dataclass(frozen=True)
class Tuple:
    """So many items, each of its own type."""

    items: tuple[Type, ...]


@dataclass(frozen=True)
class Record:
    """Values by names, whichever these are."""

    value: Type


@dataclass(frozen=True)
class Union:
    """One of several types."""

    items: tuple[Type, ...]


@dataclass(frozen=True)
class Applied:
    """A generic type with its arguments."""

    name: str
    arguments: tuple[Type, ...]


@dataclass(frozen=True)
class Reference:
    """A type that the file declares under a name, by what it is declared for.

    `is_sent` says which of its forms is meant, if it has two.
    """

    key: object
    is_sent: bool = False


Type: TypeAlias = str | Object | ArrayOf | Tuple | Record | Union | Applied | Reference


def union(*types: Type) -> Type:
    """Any of these types, each mentioned once, `null` at the end."""
    flat = [one for each in types for one in (each.items if isinstance(each, Union) else (each,))]
    if "any" in flat:
        return "any"
    ordered = sorted(dict.fromkeys(flat), key=lambda each: each == "null")
    return ordered[0] if len(ordered) == 1 else Union(tuple(ordered))


def as_received(node: Type) -> Type:
    """A type that is sent, with references to what is received."""
    if isinstance(node, Reference):
        return Reference(node.key)
    return mapped(node, as_received)


def constant(value: object) -> str:
    """The type of one constant of the wire."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bytes):
        return "ArrayBuffer"
    if isinstance(value, float) and not value.is_integer():
        return repr(value).replace("e+", "e") if math.isfinite(value) else "number"
    assert isinstance(value, int | float), "no other constant crosses the wire"
    return str(int(value))


def _string(text: str) -> str:
    """In double quotes unless single ones save backslashes."""
    quoted = json.dumps(text, ensure_ascii=False)
    if text.count('"') <= text.count("'"):
        return quoted
    body = quoted[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{body}'"


def references(node: Type) -> Iterator[Reference]:
    """All that a type refers to by name."""
    if isinstance(node, Reference):
        yield node
    for part in _parts(node):
        yield from references(part)


def _parts(node: Type) -> tuple[Type, ...]:
    match node:
        case Object(fields):
            return tuple(each.type for each in fields)
        case ArrayOf(inner) | Record(inner):
            return (inner,)
        case Tuple(items) | Union(items) | Applied(_, items):
            return items
        case _:
            return ()


def mapped(node: Type, change: Callable[[Type], Type]) -> Type:
    """The same type made of changed parts."""
    match node:
        case Object(fields, is_open):
            changed = tuple(replace(each, type=change(each.type)) for each in fields)
            return Object(changed, is_open)
        case ArrayOf(item):
            return ArrayOf(change(item))
        case Record(value):
            return Record(change(value))
        case Tuple(items):
            return Tuple(tuple(map(change, items)))
        case Union(items):
            return union(*map(change, items))
        case Applied(name, arguments):
            return Applied(name, tuple(map(change, arguments)))
        case _:
            return node
