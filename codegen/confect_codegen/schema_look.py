"""`SchemaLook`: a project's tables beside those of its database, as commands show them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from confect_codegen.report import print_line
from confect_codegen.schema_report import lines_of_diff, lines_of_refused, lines_of_tables
from confect_codegen.stored import StoredDatabase
from confect_core import Table
from confect_server.db import DataModel
from confect_server.db.schema_diff import SchemaDiff, StoredTable, schema_diff
from confect_server.errors import SchemaRefusesDocument


@dataclass(frozen=True)
class SchemaLook:
    """What would change in a database, and what would keep it from changing."""

    path: Path
    exists: bool
    diff: SchemaDiff
    refused: Sequence[SchemaRefusesDocument] | None
    """Documents that do not fit, the first of each table; None if nobody looked for them."""

    @classmethod
    async def of(cls, path: Path, tables: Sequence[type[Table]], check: bool) -> SchemaLook:
        """The look at one file."""
        declared = DataModel(tuple(tables)).declared
        async with StoredDatabase.open(path) as database:
            stored = {} if database is None else await database.tables()
            diff = schema_diff(stored, declared)
            refused: Sequence[SchemaRefusesDocument] | None = None
            if check:
                refused = [] if database is None else await database.refused(diff, declared)
        return cls(path, database is not None, diff, refused)

    def as_json(self) -> str:
        """The whole as JSON."""
        refused = None if self.refused is None else [*map(_refusal, self.refused)]
        found = {
            "database": str(self.path),
            "exists": self.exists,
            **self.diff.as_json(),
            "refused": refused,
        }
        return json.dumps(found, indent=2)

    def print(self) -> None:
        """Print it, in colour on a terminal."""
        if not self.exists:
            print_line(f"there is no database in {self.path} yet: everything is new")
        for line in lines_of_diff(self.diff):
            print_line(line)
        for line in lines_of_refused(self.refused or ()):
            print_line(line)
        if not self.diff.tables:
            print_line("nothing to change")
        elif self.refused == [] and self.diff.documents_to_validate:
            print_line("all of them fit")


def _refusal(refused: SchemaRefusesDocument) -> dict[str, str]:
    return {"table": refused.table, "id": refused.id, "problem": refused.problem}


async def tables_in_file(path: Path) -> dict[str, StoredTable] | None:
    """The tables of a database file, or None if there is no such file."""
    async with StoredDatabase.open(path) as database:
        return None if database is None else await database.tables()


def json_of_tables(tables: Mapping[str, StoredTable] | None) -> str:
    """Tables as JSON, with the descriptions of their documents; null for no database."""
    if tables is None:
        return "null"
    found = {
        name: {**asdict(table), "shape": table.shape and json.loads(table.shape)}
        for name, table in sorted(tables.items())
    }
    return json.dumps(found, indent=2)


def print_tables(path: Path, tables: Mapping[str, StoredTable] | None) -> None:
    """Print tables with their fields and indexes."""
    if tables is None:
        print_line(f"there is no database in {path} yet")
    elif not tables:
        print_line("the database has no tables yet")
    for line in lines_of_tables(tables or {}):
        print_line(line)
