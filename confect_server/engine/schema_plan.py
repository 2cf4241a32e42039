"""What an application declares of its tables, and what has to happen to a catalog for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from confect_server.engine.catalog import Catalog, TableEntry
from confect_server.engine.errors import OtherSchema
from confect_server.engine.index import BY_CREATION_TIME, Document, IndexDefinition

DeclaredIndexes: TypeAlias = Mapping[str, tuple[str, ...]]
"""The indexes of a table with their fields, by name."""

DocumentCheck: TypeAlias = Callable[[Document, Catalog], None]
"""Raises if a document does not fit; the catalog knows which tables its ids are of."""


@dataclass(frozen=True)
class DeclaredShape:
    """What the documents of a table have to be like.

    Two shapes with the same text are the same. `follows` says of the text of an older one whether
    every document that fitted it fits this one too, so that none has to be looked at.
    """

    text: str
    check: DocumentCheck
    follows: Callable[[str], bool]

    def takes_all_of(self, before: str | None) -> bool:
        """Does every document fit that fitted the shape of this text? Without one, nobody knows."""
        return before is not None and (before == self.text or self.follows(before))


@dataclass(frozen=True)
class DeclaredTable:
    """A table as an application declares it; without a shape its documents may be anything."""

    indexes: DeclaredIndexes
    shape: DeclaredShape | None = None

    @property
    def text(self) -> str | None:
        """The text of its shape, if it has one."""
        return None if self.shape is None else self.shape.text

    @property
    def wanted(self) -> dict[str, tuple[str, ...]]:
        """All indexes that the table is to have."""
        return {BY_CREATION_TIME: (), **self.indexes}


def check_fits(tables: Mapping[str, DeclaredTable], catalog: Catalog) -> None:
    """Raise `OtherSchema` if a table was declared otherwise since it was declared like this."""
    for name, declared in tables.items():
        if not catalog.has(name) or catalog.table(name).shape != declared.text:
            raise OtherSchema(name)


class SchemaPlan:
    """What has to happen to the tables of a catalog."""

    def __init__(self, catalog: Catalog, tables: Mapping[str, DeclaredTable]) -> None:
        self.catalog = catalog
        self.to_make = {name: each for name, each in tables.items() if not catalog.has(name)}
        self.to_check: list[tuple[TableEntry, DeclaredShape]] = []
        self.to_describe: list[tuple[TableEntry, str | None]] = []
        self.to_fill: list[tuple[TableEntry, str, tuple[str, ...]]] = []
        self.to_remove: list[IndexDefinition] = []
        self.half_filled: list[tuple[TableEntry, IndexDefinition]] = []
        self.half_filled_for_nobody: list[IndexDefinition] = []
        for table in catalog.tables:
            declared = tables.get(table.name)
            self._plan_shape(table, declared)
            self._plan_indexes(table, declared)

    @property
    def is_empty(self) -> bool:
        """Is everything as it has to be?"""
        return not (
            self.to_make
            or self.to_describe
            or self.to_fill
            or self.to_remove
            or self.half_filled
            or self.half_filled_for_nobody
        )

    def _plan_shape(self, table: TableEntry, declared: DeclaredTable | None) -> None:
        """A table that is no longer declared has no shape: what it holds is checked by nobody."""
        shape = None if declared is None else declared.shape
        text = None if shape is None else shape.text
        if text == table.shape:
            return
        self.to_describe.append((table, text))
        if shape is not None and not shape.takes_all_of(table.shape):
            self.to_check.append((table, shape))

    def _plan_indexes(self, table: TableEntry, declared: DeclaredTable | None) -> None:
        """The indexes of a table that is no longer declared stay, as its documents do."""
        wanted = None if declared is None else declared.wanted
        there: set[str] = set()
        for index in self.catalog.indexes_of(table.number):
            is_wanted = wanted is not None and wanted.get(index.name) == index.fields
            if is_wanted:
                there.add(index.name)
            if not index.is_ready and is_wanted:
                self.half_filled.append((table, index))
            elif not index.is_ready:
                self.half_filled_for_nobody.append(index)
            elif wanted is not None and not is_wanted:
                self.to_remove.append(index)
        for name, fields in (wanted or {}).items():
            if name not in there:
                self.to_fill.append((table, name, fields))
