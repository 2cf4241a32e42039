"""The data model of an application: its tables, and the classes that read and write them."""

from __future__ import annotations

from dataclasses import dataclass

from confect_core import Table
from confect_core.errors import SpecError
from confect_core.tables import definition_of, table_mistakes
from confect_server.db.reader import DatabaseReader
from confect_server.db.writer import DatabaseWriter


@dataclass(frozen=True)
class DataModel:
    """The tables of an application and the generated classes that read and write them."""

    tables: tuple[type[Table], ...] = ()
    reader: type[DatabaseReader] = DatabaseReader
    writer: type[DatabaseWriter] = DatabaseWriter

    def mistakes(self) -> list[SpecError]:
        """Everything in the tables that cannot be, now that all of their modules are loaded."""
        return [mistake for table in self.tables for mistake in table_mistakes(table)]

    @property
    def indexes(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The declared tables with the fields of their indexes, as the engine takes them."""
        return {
            definition.name: {name: index.fields for name, index in definition.indexes.items()}
            for definition in map(definition_of, self.tables)
        }
