"""`Catalog`: which tables and indexes there are, and their numbers.

Tables and indexes are documents of system tables, written by ordinary transactions; so every
process that shares a database numbers them alike. The system tables themselves have fixed numbers.
The number of a table also stands for its index by id, in read sets and in the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from confect_core.values import Interval, Value
from confect_server.engine.index import BY_CREATION_TIME, Document, IndexDefinition
from confect_server.engine.snapshot import Snapshot
from confect_server.store import KeyChange, LogEntry

TABLES = 513
INDEXES = 514
SESSION_REQUESTS = 515
BACKFILLS = 517

STORAGE = 525
BLOBS = 526

CATALOG_VERSION = 518
"""Every change of the catalog says that it wrote here, and every transaction has read it."""
VERSION_KEY = b"\x00"

ENVIRONMENT = 530
JOBS = 519
CRONS = 520
CRON_RUNS = 521
RUNNERS = 522
PENDING_JOBS = 523
"""Under this number it is counted how many scheduled functions wait; it is no table."""
DUE = "due"
"""The field that a scheduled function has for as long as it waits."""

FIRST_USER_TABLE = 10_001
FIRST_USER_INDEX = 1_000_001

JOBS_BY_STATE = IndexDefinition(107, "by_state", JOBS, ("state.kind", "due"))
JOBS_BY_COMPLETION = IndexDefinition(108, "by_completion", JOBS, ("completed_time",))
CRONS_BY_NAME = IndexDefinition(111, "by_name", CRONS, ("name",))
ALL_CRON_RUNS = IndexDefinition(112, BY_CREATION_TIME, CRON_RUNS, ())
CRON_RUNS_BY_CRON = IndexDefinition(113, "by_cron", CRON_RUNS, ("cron",))
ALL_RUNNERS = IndexDefinition(109, BY_CREATION_TIME, RUNNERS, ())

ENVIRONMENT_ROWS = IndexDefinition(130, BY_CREATION_TIME, ENVIRONMENT, ())
BLOBS_BY_KEY = IndexDefinition(122, "by_key", BLOBS, ("key",))
BLOBS_BY_FILE = IndexDefinition(123, "by_file", BLOBS, ("file",))
BLOBS_BY_DELETION = IndexDefinition(124, "by_deletion", BLOBS, ("deletedAt",))

_SYSTEM_TABLES = {
    "_tables": TABLES,
    "_indexes": INDEXES,
    "_session_requests": SESSION_REQUESTS,
    "_backfills": BACKFILLS,
    "_environment": ENVIRONMENT,
    "_scheduled_functions": JOBS,
    "_crons": CRONS,
    "_cron_runs": CRON_RUNS,
    "_runners": RUNNERS,
    "_storage": STORAGE,
    "_blobs": BLOBS,
}
_SYSTEM_INDEXES = (
    IndexDefinition(101, BY_CREATION_TIME, TABLES, ()),
    IndexDefinition(102, BY_CREATION_TIME, INDEXES, ()),
    IndexDefinition(103, BY_CREATION_TIME, SESSION_REQUESTS, ()),
    IndexDefinition(105, BY_CREATION_TIME, BACKFILLS, ()),
    ENVIRONMENT_ROWS,
    IndexDefinition(106, BY_CREATION_TIME, JOBS, ()),
    JOBS_BY_STATE,
    JOBS_BY_COMPLETION,
    IndexDefinition(110, BY_CREATION_TIME, CRONS, ()),
    CRONS_BY_NAME,
    ALL_CRON_RUNS,
    CRON_RUNS_BY_CRON,
    ALL_RUNNERS,
    IndexDefinition(120, BY_CREATION_TIME, STORAGE, ()),
    IndexDefinition(121, BY_CREATION_TIME, BLOBS, ()),
    BLOBS_BY_KEY,
    BLOBS_BY_FILE,
    BLOBS_BY_DELETION,
)

IndexState: TypeAlias = Literal["ready", "backfilling", "removed"]
"""Read and written; written only, until what was there before is entered; neither."""


@dataclass(frozen=True)
class TableEntry:
    """A table and its indexes by name."""

    name: str
    number: int
    indexes: Mapping[str, IndexDefinition] = field(default_factory=dict[str, IndexDefinition])
    """Those that can be read, by name."""
    shape: str | None = None
    """What its documents are like, as whoever declared it said; each of them has been checked."""
    is_new: bool = False
    """Is it being made by the transaction that has this catalog?"""


class Catalog:
    """The tables and indexes of one moment, and the numbers of the next ones to be made."""

    def __init__(
        self,
        tables: Mapping[str, int],
        shapes: Mapping[str, str],
        indexes: Sequence[IndexDefinition],
        next_index: int,
    ) -> None:
        numbered = {**_SYSTEM_TABLES, **tables}
        indexes_of: dict[int, list[IndexDefinition]] = defaultdict(list)
        for index in (*_SYSTEM_INDEXES, *indexes):
            indexes_of[index.table_no].append(index)
        self._by_name = {
            name: TableEntry(
                name,
                number,
                {each.name: each for each in indexes_of[number] if each.is_ready},
                shapes.get(name),
            )
            for name, number in numbered.items()
        }
        self._indexes = {number: tuple(several) for number, several in indexes_of.items()}
        self.next_table = max([FIRST_USER_TABLE - 1, *tables.values()]) + 1
        self.next_index = next_index

    @property
    def tables(self) -> list[TableEntry]:
        """The tables that applications made."""
        return [entry for entry in self._by_name.values() if entry.number >= FIRST_USER_TABLE]

    def table(self, name: str) -> TableEntry:
        """A table by its name."""
        return self._by_name[name]

    def table_name(self, number: int) -> str | None:
        """The name of the table with this number."""
        return next((name for name, entry in self._by_name.items() if entry.number == number), None)

    def has(self, name: str) -> bool:
        """Is there such a table?"""
        return name in self._by_name

    def with_table(self, name: str) -> Catalog:
        """The same with a new table, which has no indexes but that by creation time."""
        index = IndexDefinition(self.next_index, BY_CREATION_TIME, self.next_table, ())
        entry = TableEntry(name, self.next_table, {BY_CREATION_TIME: index}, is_new=True)
        larger = copy(self)
        larger._by_name = {**self._by_name, name: entry}
        larger._indexes = {**self._indexes, entry.number: (index,)}
        larger.next_table, larger.next_index = self.next_table + 1, self.next_index + 1
        return larger

    def has_index(self, index: IndexDefinition) -> bool:
        """Is there this index, and is it the same as here?"""
        indexes = self._indexes[index.table_no]
        for each in indexes:  # it is one of these objects, and to compare others takes 1 µs
            if each is index:
                return True
        return index in indexes

    def indexes_of(self, table_no: int) -> tuple[IndexDefinition, ...]:
        """The indexes of a table, those that are being filled too: all that its writes enter."""
        return self._indexes[table_no]


EMPTY_CATALOG = Catalog({}, {}, (), FIRST_USER_INDEX)
"""A database in which nobody has declared a table yet."""


async def read_catalog(snapshot: Snapshot) -> Catalog:
    """The catalog as of a snapshot."""
    tables: dict[str, int] = {}
    shapes: dict[str, str] = {}
    for row in await _rows(snapshot, TABLES):
        name = cast("str", row["name"])
        tables[name] = number_of(row)
        if "shape" in row:
            shapes[name] = cast("str", row["shape"])
    rows = await _rows(snapshot, INDEXES)
    indexes = [index_of(row) for row in rows if row["state"] != "removed"]
    next_index = max([FIRST_USER_INDEX - 1, *map(number_of, rows)]) + 1
    return Catalog(tables, shapes, indexes, next_index)


async def removed_indexes(snapshot: Snapshot) -> list[int]:
    """The numbers of the indexes that are no longer there as of a snapshot."""
    return [number_of(row) for row in await _rows(snapshot, INDEXES) if row["state"] == "removed"]


def is_catalog_change(entry: LogEntry) -> bool:
    """Did this commit change the catalog?"""
    return any(change.index_no == CATALOG_VERSION for change in entry.changes)


def change_of_catalog() -> KeyChange:
    """What a commit that changes the catalog says of it."""
    return KeyChange(CATALOG_VERSION, VERSION_KEY, VERSION_KEY)


def table_document(name: str, number: int, shape: str | None = None) -> dict[str, Value]:
    """How the catalog stores a table."""
    document: dict[str, Value] = {"name": name, "number": float(number)}
    return document if shape is None else {**document, "shape": shape}


def index_document(index: IndexDefinition, state: IndexState = "ready") -> dict[str, Value]:
    """How the catalog stores an index.

    A removed one stays, so that its number is not given again: its rows are still in the store.
    """
    return {
        "name": index.name,
        "number": float(index.number),
        "table": float(index.table_no),
        "fields": list(index.fields),
        "state": state,
    }


def index_of(row: Document) -> IndexDefinition:
    """The index that the catalog has in this document."""
    return IndexDefinition(
        number_of(row),
        cast("str", row["name"]),
        int(cast("float", row["table"])),
        tuple(cast("list[str]", row["fields"])),
        is_ready=row["state"] == "ready",
    )


def number_of(row: Document) -> int:
    """The number of the table or of the index that the catalog has in this document."""
    return int(cast("float", row["number"]))


async def _rows(snapshot: Snapshot, table_no: int) -> list[Document]:
    by_creation_time = EMPTY_CATALOG.indexes_of(table_no)[0]
    found = snapshot.range(by_creation_time.number, Interval.all(), "asc")
    return [each.document async for each in found]
