"""What a document may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast

from confect_core.errors import ConfectError, refuse
from confect_core.values.errors import (
    ArrayTooLong,
    DocumentTooLarge,
    InvalidFieldName,
    TooManyFields,
    ValueTooDeep,
)
from confect_core.values.field_names import check_document_field_name, check_field_name
from confect_core.values.limits import (
    MAX_ARRAY_LENGTH,
    MAX_DOCUMENT_NESTING,
    MAX_DOCUMENT_SIZE,
    MAX_FIELDS,
)
from confect_core.values.place import Place
from confect_core.values.value import BigInt, Value, number_of, size_of

_NAMES_REMEMBERED = 1024
_LEAVES = frozenset({type(None), bool, float, BigInt, str, bytes})


def check_document(document: dict[str, Value]) -> int:
    """The size of a document; refuses one too large or too deep, or with fields of wrong names.

    The system fields may be there or not. Everything that is wrong is found in one look.
    """
    size = _size_if_flat(document)
    if size is not None and size <= MAX_DOCUMENT_SIZE:
        return size
    mistakes: list[ConfectError] = []
    _look_into(document, None, 1, mistakes)
    if (size := size_of(document)) > MAX_DOCUMENT_SIZE:
        mistakes.append(DocumentTooLarge(size, MAX_DOCUMENT_SIZE))
    refuse("the document", mistakes)
    return size


def _size_if_flat(document: dict[str, Value]) -> int | None:
    """The size of a document of usual names without containers, as most are; None of others.

    One look at each value instead of two and a half: 0.9 µs for eight fields instead of 1.6.
    """
    total = _size_of_usual(tuple(document))
    if total is None:
        return None
    for value in document.values():
        kind = type(value)
        if kind is str:
            text = cast("str", value)
            if not text.isascii():
                return None
            total += 2 + len(text)
        elif kind is float or kind is BigInt:
            total += 9
        elif kind is bool or value is None:
            total += 1
        else:
            return None
    return total


def with_floats(document: dict[str, Value]) -> dict[str, Value]:
    """A document that was checked, with each plain int in it as the number that it stands for."""
    if _LEAVES.issuperset(map(type, document.values())):
        return document
    return {name: _with_floats(value, (None, name)) for name, value in document.items()}


def _with_floats(value: Value, place: Place) -> Value:
    if isinstance(value, dict):
        return {name: _with_floats(item, (place, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_floats(item, (place, index)) for index, item in enumerate(value)]
    return number_of(value, place) if type(value) is int else value


def _look_into(value: Value, place: Place, depth: int, mistakes: list[ConfectError]) -> None:
    """Adds what is wrong with a container and with all that are inside it."""
    if isinstance(value, dict):
        if len(value) > MAX_FIELDS:
            mistakes.append(TooManyFields(len(value), MAX_FIELDS, place))
        mistakes += _mistaken_names(value, place)
        is_flat = _LEAVES.issuperset(map(type, value.values()))
        items: Iterable[tuple[str | int, Value]] = () if is_flat else value.items()
    elif isinstance(value, list):
        if len(value) > MAX_ARRAY_LENGTH:
            mistakes.append(ArrayTooLong(len(value), MAX_ARRAY_LENGTH, place))
        items = enumerate(value)
    else:
        return
    if depth > MAX_DOCUMENT_NESTING:
        mistakes.append(ValueTooDeep(MAX_DOCUMENT_NESTING, place))
        return
    for step, item in items:
        if type(item) not in _LEAVES:
            _look_into(item, (place, step), depth + 1, mistakes)


def _mistaken_names(fields: Iterable[str], place: Place) -> Iterator[InvalidFieldName]:
    check = check_document_field_name if place is None else check_field_name
    if place is None and _size_of_usual(tuple(fields)) is not None:
        return
    for name in fields:
        try:
            check(name, place)
        except InvalidFieldName as mistake:
            yield mistake


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _size_of_usual(names: tuple[str, ...]) -> int | None:
    """The size of a document of these fields without their values, unless a name cannot be.

    There are few kinds of documents and very many of each.
    """
    if len(names) > MAX_FIELDS:
        return None
    try:
        for name in names:
            check_document_field_name(name)
    except InvalidFieldName:
        return None
    return size_of(dict.fromkeys(names)) - len(names)
