"""The data model of an application: its tables, and the classes that read and write them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from confect_core import Table
from confect_core.errors import SpecError
from confect_core.tables import definition_of, table_mistakes
from confect_server.db.description import describe
from confect_server.db.reader import DatabaseReader
from confect_server.db.stored_documents import check_of
from confect_server.db.widening import is_wider
from confect_server.db.writer import DatabaseWriter
from confect_server.engine import DeclaredShape, DeclaredTable


@dataclass(frozen=True)
class DataModel:
    """The tables of an application and the generated classes that read and write them."""

    tables: tuple[type[Table], ...] = ()
    reader: type[DatabaseReader] = DatabaseReader
    writer: type[DatabaseWriter] = DatabaseWriter

    def mistakes(self) -> list[SpecError]:
        """Everything in the tables that cannot be, now that all of their modules are loaded."""
        return [mistake for table in self.tables for mistake in table_mistakes(table)]

    @cached_property
    def declared(self) -> dict[str, DeclaredTable]:
        """The tables as the engine takes them: their indexes, and what their documents are like."""
        return {definition_of(table).name: _declared(table) for table in self.tables}


def _declared(table: type[Table]) -> DeclaredTable:
    definition = definition_of(table)
    indexes = {name: index.fields for name, index in definition.indexes.items()}
    text = describe(table)
    shape = DeclaredShape(text, check_of(table), follows=lambda old: is_wider(old, text))
    return DeclaredTable(indexes, shape)
