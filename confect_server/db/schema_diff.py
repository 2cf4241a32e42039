"""`schema_diff`: what declaring an application's tables would change in a database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from confect_core.values import Value
from confect_server.db.shape_text import readable
from confect_server.db.shapes import Shape, text_of
from confect_server.engine import Catalog, DeclaredTable
from confect_server.engine.index import BY_CREATION_TIME

Sign: TypeAlias = Literal["+", "-", "~"]
"""Is something new, gone, or changed?"""

Tag: TypeAlias = str | None
"""Which variant of a table's documents this is, if it has variants; as JSON."""


@dataclass(frozen=True)
class StoredIndex:
    """An index that a database has; one that is being filled cannot be read yet."""

    name: str
    fields: tuple[str, ...]
    is_ready: bool = True


@dataclass(frozen=True)
class StoredTable:
    """A table that a database has, with the description of what it was last declared to hold."""

    shape: str | None
    indexes: tuple[StoredIndex, ...]
    documents: int


@dataclass(frozen=True)
class FieldChange:
    """A field of a table's documents that is new, gone, or of another type."""

    sign: Sign
    name: str
    was: str | None
    now: str | None
    variant: str | None = None


@dataclass(frozen=True)
class IndexChange:
    """An index that is new, gone, or over other fields; what is not gone has to be filled."""

    sign: Sign
    name: str
    was: tuple[str, ...] | None
    now: tuple[str, ...] | None


@dataclass(frozen=True)
class TableDiff:
    """What changes about a table; one that is no longer declared keeps documents and indexes."""

    sign: Sign
    name: str
    documents: int
    fields: tuple[FieldChange, ...] = ()
    indexes: tuple[IndexChange, ...] = ()
    has_new_shape: bool = False
    """Is anything else required of its documents than before?"""
    is_validated: bool = False
    """May a stored document no longer fit, so that each has to be looked at?"""

    @property
    def is_filled(self) -> bool:
        """Does an index have to be filled with what is stored?"""
        return self.documents > 0 and any(each.sign != "-" for each in self.indexes)


@dataclass(frozen=True)
class SchemaDiff:
    """All that changes, by table; empty if the database is as the application declares it."""

    tables: tuple[TableDiff, ...]

    @property
    def documents_to_validate(self) -> int:
        """How many stored documents have to be looked at."""
        return sum(each.documents for each in self.tables if each.is_validated)

    @property
    def indexes_to_fill(self) -> int:
        """How many indexes have to be filled with documents that are stored."""
        return sum(
            change.sign != "-" for each in self.tables if each.is_filled for change in each.indexes
        )

    def as_json(self) -> dict[str, object]:
        """The same as JSON."""
        return {
            "tables": [asdict(each) for each in self.tables],
            "documents_to_validate": self.documents_to_validate,
            "indexes_to_fill": self.indexes_to_fill,
        }


def stored_tables(catalog: Catalog, documents: Mapping[str, int]) -> dict[str, StoredTable]:
    """The tables of a catalog by name, with how many documents each has."""
    return {
        table.name: StoredTable(
            table.shape,
            tuple(
                StoredIndex(index.name, index.fields, index.is_ready)
                for index in catalog.indexes_of(table.number)
                if index.name != BY_CREATION_TIME
            ),
            documents[table.name],
        )
        for table in catalog.tables
    }


def schema_diff(
    stored: Mapping[str, StoredTable], declared: Mapping[str, DeclaredTable]
) -> SchemaDiff:
    """What changes when these tables are declared for a database with those."""
    found = [
        _of_table(name, stored.get(name), declared.get(name))
        for name in sorted(stored.keys() | declared.keys())
    ]
    return SchemaDiff(tuple(each for each in found if each is not None))


def fields_of(shape: str) -> dict[Tag, dict[str, str]]:
    """The fields of a described table with their types to read, for each of its variants."""
    return {tag: _field_texts(each) for tag, each in _variants(_parsed(shape)).items()}


def _of_table(
    name: str, stored: StoredTable | None, declared: DeclaredTable | None
) -> TableDiff | None:
    if stored is None and declared is not None:
        fields = _field_changes(None, declared.text)
        return TableDiff("+", name, 0, fields, _index_changes((), declared.indexes), True)
    if stored is None:
        return None
    if declared is None:
        # one without a shape was never declared: functions made it as they went
        return None if stored.shape is None else TableDiff("-", name, stored.documents)
    return _of_changed(name, stored, declared)


def _of_changed(name: str, stored: StoredTable, declared: DeclaredTable) -> TableDiff | None:
    shape, text, before = declared.shape, declared.text, stored.shape
    is_validated = shape is not None and stored.documents > 0 and not shape.takes_all_of(before)
    indexes = _index_changes(stored.indexes, declared.indexes)
    if text == before and not indexes:
        return None
    fields = _field_changes(before, text) if text != before else ()
    return TableDiff("~", name, stored.documents, fields, indexes, text != before, is_validated)


def _index_changes(
    stored: Sequence[StoredIndex], declared: Mapping[str, tuple[str, ...]]
) -> tuple[IndexChange, ...]:
    ready = {each.name: each.fields for each in stored if each.is_ready}
    changes = [
        IndexChange("~" if name in ready else "+", name, ready.get(name), fields)
        for name, fields in declared.items()
        if ready.get(name) != fields
    ]
    changes += [
        IndexChange("-", name, fields, None)
        for name, fields in ready.items()
        if name not in declared
    ]
    changes += [
        IndexChange("-", each.name, each.fields, None)
        for each in stored
        if not each.is_ready and declared.get(each.name) != each.fields
    ]
    return tuple(sorted(changes, key=lambda each: (each.name, each.sign)))


def _field_changes(before: str | None, now: str | None) -> tuple[FieldChange, ...]:
    shapes = [_NO_FIELDS if text is None else _parsed(text) for text in (before, now)]
    told_apart_by = next((each["by"] for each in shapes if each["kind"] == "tagged"), None)
    old, new = (_variants(each, told_apart_by) for each in shapes)
    tags = sorted(old.keys() | new.keys(), key=lambda tag: tag or "")
    return tuple(
        change
        for tag in tags
        for change in _changes_in(tag, old.get(tag, _NO_FIELDS), new.get(tag, _NO_FIELDS))
    )


_NO_FIELDS: Shape = {"kind": "object", "fields": {}}


def _changes_in(tag: Tag, old: Shape, new: Shape) -> Iterator[FieldChange]:
    texts, texts_before = _field_texts(new), _field_texts(old)
    for name in sorted(texts.keys() | texts_before.keys()):
        was, now = texts_before.get(name), texts.get(name)
        if was is None or now is None:
            yield FieldChange("+" if was is None else "-", name, was, now, tag)
        elif was != now or _in(old, name) != _in(new, name):
            yield FieldChange("~", name, was, now, tag)


def _in(shape: Shape, name: str) -> str:
    return text_of(shape["fields"][name])


def _field_texts(shape: Shape) -> dict[str, str]:
    optional: Sequence[str] = shape.get("optional", ())
    fields: Mapping[str, Shape] = shape["fields"]
    return {
        name: f"{readable(each)}, optional" if name in optional else readable(each)
        for name, each in fields.items()
    }


def _variants(shape: Shape, told_apart_by: str | None = None) -> dict[Tag, Shape]:
    """The objects that documents may be; a single variant is one with the tag in a field."""
    if shape["kind"] == "tagged":
        variants: Sequence[Shape] = shape["of"]
        return {_tag(each["tag"]): _unwrapped(each["shape"]) for each in variants}
    tag: Shape = shape["fields"].get(told_apart_by, _NO_FIELDS)
    tags: Sequence[Value] = tag["values"] if tag["kind"] == "literal" else ()
    return {_tag(value): shape for value in tags} or {None: shape}


def _unwrapped(shape: Shape) -> Shape:
    if shape["kind"] == "recursive":
        return _unwrapped(shape["shape"])
    # a table whose documents write themselves has no fields that are known here
    return shape if "fields" in shape else {"kind": "object", "fields": {"(all of it)": shape}}


def _tag(value: Value) -> str:
    return value if isinstance(value, str) else text_of(value)


def _parsed(text: str) -> Shape:
    shape: Shape = json.loads(text)
    return shape if shape["kind"] == "tagged" else _unwrapped(shape)
