"""Indexes: which key a document has in each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from confect_core.values import UNDEFINED, Undefined, Value, key_of, key_of_value

Document: TypeAlias = dict[str, Value]
"""A document with its system fields, under their names on the wire."""

CREATION_TIME = "_creationTime"
ID = "_id"
BY_CREATION_TIME = "by_creation_time"


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """An index of a table, over dotted field paths; the creation time and the id come last."""

    number: int
    name: str
    table_no: int
    fields: tuple[str, ...]
    is_ready: bool = True
    """Can it be read? One that is being filled is written only."""

    def key(self, id: bytes, document: Document) -> bytes:
        """Where the document stands in this index; no two documents have the same key."""
        return self._front(document) + _end(id, document)

    def _front(self, document: Document) -> bytes:
        fields = self.fields
        if len(fields) == 1 and "." not in fields[0]:  # as most are
            return key_of_value(document.get(fields[0], UNDEFINED))
        return key_of([value_at(document, path) for path in fields])


def keys_of(indexes: Sequence[IndexDefinition], id: bytes, document: Document) -> list[bytes]:
    """Where the document stands in each of these indexes.

    All keys of a document end alike, so their end is made once: 3 µs less for three indexes.
    """
    end = _end(id, document)
    return [index._front(document) + end if index.fields else end for index in indexes]


def _end(id: bytes, document: Document) -> bytes:
    # the id is a value like the others: bare bytes may begin with FF, where intervals end
    return key_of_value(document[CREATION_TIME]) + key_of_value(id)


def copy_of(document: Document) -> Document:
    """The same document for somebody who may change it."""
    return {name: _copied(value) for name, value in document.items()}


def _copied(value: Value) -> Value:
    if isinstance(value, dict):
        return copy_of(value)
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def value_at(document: Document, path: str) -> Value | Undefined:
    """The value at a dotted path, undefined where the path leaves the document."""
    if "." not in path:
        return document.get(path, UNDEFINED)
    return value_along(document, path.split("."))


def value_along(document: Document, names: Iterable[str]) -> Value | Undefined:
    """The value that names lead to one after another, undefined where they leave the document."""
    value: Value = document
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return UNDEFINED
        value = value[name]
    return value
