"""`Catalog`: which tables and indexes there are, and their numbers.

Tables and indexes are documents of system tables, written by ordinary transactions; so every
process that shares a database numbers them alike. The system tables themselves have fixed numbers.
The number of a table also stands for its index by id, in read sets and in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from confect_core.values import Interval, Value
from confect_server.engine.index import BY_CREATION_TIME, Document, IndexDefinition
from confect_server.engine.snapshot import Snapshot

TABLES = 513
INDEXES = 514
SESSION_REQUESTS = 515

FIRST_USER_TABLE = 10_001
FIRST_USER_INDEX = 1_000_001

BY_REQUEST = IndexDefinition(104, "by_request", SESSION_REQUESTS, ("session", "request"))

_SYSTEM_TABLES = {"_tables": TABLES, "_indexes": INDEXES, "_session_requests": SESSION_REQUESTS}
_SYSTEM_INDEXES = (
    IndexDefinition(101, BY_CREATION_TIME, TABLES, ()),
    IndexDefinition(102, BY_CREATION_TIME, INDEXES, ()),
    IndexDefinition(103, BY_CREATION_TIME, SESSION_REQUESTS, ()),
    BY_REQUEST,
)


@dataclass(frozen=True)
class TableEntry:
    """A table and its indexes by name."""

    name: str
    number: int
    indexes: Mapping[str, IndexDefinition] = field(default_factory=dict[str, IndexDefinition])


class Catalog:
    """The tables and indexes of one moment."""

    def __init__(self, tables: Mapping[str, int], indexes: tuple[IndexDefinition, ...]) -> None:
        numbered = {**_SYSTEM_TABLES, **tables}
        every = (*_SYSTEM_INDEXES, *indexes)
        self._by_number = {
            number: TableEntry(
                name, number, {each.name: each for each in every if each.table_no == number}
            )
            for name, number in numbered.items()
        }
        self._by_name = {entry.name: entry for entry in self._by_number.values()}

    def table(self, name: str) -> TableEntry:
        """A table by its name."""
        return self._by_name[name]

    def has(self, name: str) -> bool:
        """Is there such a table?"""
        return name in self._by_name

    def indexes_of(self, table_no: int) -> tuple[IndexDefinition, ...]:
        """The indexes of a table."""
        return tuple(self._by_number[table_no].indexes.values())

    @property
    def next_table(self) -> int:
        """The number of the next table to be made."""
        return max([FIRST_USER_TABLE - 1, *self._by_number]) + 1

    @property
    def next_index(self) -> int:
        """The number of the next index to be made."""
        numbers = [i.number for each in self._by_number.values() for i in each.indexes.values()]
        return max([FIRST_USER_INDEX - 1, *numbers]) + 1


EMPTY_CATALOG = Catalog({}, ())
"""A database in which nobody has declared a table yet."""


async def read_catalog(snapshot: Snapshot) -> Catalog:
    """The catalog as of a snapshot."""
    tables = {
        cast("str", row["name"]): int(cast("float", row["number"]))
        for row in await _rows(snapshot, TABLES)
    }
    indexes = [_index_of(row) for row in await _rows(snapshot, INDEXES)]
    return Catalog(tables, tuple(indexes))


def table_document(name: str, number: int) -> dict[str, Value]:
    """How the catalog stores a table."""
    return {"name": name, "number": float(number)}


def index_document(index: IndexDefinition) -> dict[str, Value]:
    """How the catalog stores an index."""
    return {
        "name": index.name,
        "number": float(index.number),
        "table": float(index.table_no),
        "fields": list(index.fields),
    }


async def _rows(snapshot: Snapshot, table_no: int) -> list[Document]:
    by_creation_time = EMPTY_CATALOG.indexes_of(table_no)[0]
    found = snapshot.range(by_creation_time.number, Interval.all(), "asc")
    return [row.document async for row in found]


def _index_of(row: Document) -> IndexDefinition:
    return IndexDefinition(
        int(cast("float", row["number"])),
        cast("str", row["name"]),
        int(cast("float", row["table"])),
        tuple(cast("list[str]", row["fields"])),
    )
