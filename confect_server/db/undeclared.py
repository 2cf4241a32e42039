"""Tables that no class declares: documents are dictionaries, and the first insert makes the table.

An application has these only if it says so: its reader and writer then extend the classes below.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast

from confect_core.errors import refuse
from confect_core.spec.names import name_mistakes
from confect_core.values import Interval, MalformedId, Value, decode_id
from confect_core.values.absent import ABSENT
from confect_core.values.codec import Codec
from confect_core.values.commit_ts import COMMIT_TS, PENDING_COMMIT_TS
from confect_core.values.field_names import SYSTEM_FIELDS
from confect_server.db.query import Query
from confect_server.db.reader import DatabaseReader
from confect_server.db.writer import DatabaseWriter
from confect_server.engine import TableEntry
from confect_server.errors import DeclaredTable, NoSuchDocument, WrongTable

UndeclaredDocument: TypeAlias = dict[str, Value]
"""A document as it is stored, with its `_id` and its `_creationTime`."""

_NOTHING: Final = Interval(b"", b"")


class UndeclaredTablesReader(DatabaseReader):
    """A `ctx.db` in which queries may also read tables that no class declares."""

    def undeclared_table(self, name: str) -> UndeclaredTableReader:
        """A table by its name; refuses those that are declared."""
        return UndeclaredTableReader(self, name)


class UndeclaredTablesWriter(UndeclaredTablesReader, DatabaseWriter):
    """A `ctx.db` in which mutations may also write tables that no class declares."""

    def undeclared_table(self, name: str) -> UndeclaredTableWriter:
        """A table by its name, made with its first document; refuses those that are declared."""
        return UndeclaredTableWriter(self, name)


class UndeclaredTableReader:
    """Reads a table that no class declares; nothing is in one that does not exist."""

    def __init__(self, db: DatabaseReader, name: str) -> None:
        refuse(f"table {name!r}", name_mistakes("table", name))
        if name in db._tables.by_name:
            raise DeclaredTable(name)
        self._name = name
        self._tables = db._tables
        self._transaction = db._transaction
        self._paging = db._paging
        self._codec = codec_of(name)

    async def get(self, id: str) -> UndeclaredDocument | None:
        """The document with this id, or None if there is none; refuses ids of other tables."""
        internal = self._internal(id)
        table = self._table
        row = await self._transaction.get(table.number, internal) if table else None
        return None if row is None else self._codec.decode(row)

    def normalize_id(self, text: str) -> str | None:
        """The text if it is an id of this table, or None; the document need not exist."""
        try:
            number, _ = decode_id(text)
        except MalformedId:
            return None
        table = self._table
        return text if table is not None and table.number == number else None

    async def count(self) -> int:
        """How many documents the table has; not one of them is read."""
        table = self._table
        return 0 if table is None else await self._transaction.count(table.number)

    def query(self) -> Query[UndeclaredDocument]:
        """All documents of the table in order of creation."""
        table, interval = self._table, Interval.all()
        if table is None:
            # of a table that does exist; who reads depends on which ones do in any case
            table, interval = self._transaction.catalog.table("_tables"), _NOTHING
        index = table.indexes["by_creation_time"]
        return Query(self._transaction, self._codec, self._name, index, interval, self._paging)

    @property
    def _table(self) -> TableEntry | None:
        catalog = self._transaction.catalog
        return catalog.table(self._name) if catalog.has(self._name) else None

    def _internal(self, id: str) -> bytes:
        number, internal = decode_id(id)
        table = self._table
        if table is None or table.number != number:
            raise WrongTable(id, self._name, self._tables.table_name(number) or f"number {number}")
        return internal


class UndeclaredTableWriter(UndeclaredTableReader):
    """Reads and writes a table that no class declares."""

    def __init__(self, db: DatabaseWriter, name: str) -> None:
        super().__init__(db, name)
        self._writes = db._writes

    async def insert(self, fields: Mapping[str, object]) -> str:
        """Add a document and give its id; the first one makes the table."""
        encoded = self._encoded(fields)
        table = await self._transaction.table_to_fill(self._name)
        return await self._writes.insert(table.number, encoded)

    async def patch(self, id: str, changes: Mapping[str, object]) -> None:
        """Change the fields that are mentioned; `ABSENT` removes one."""
        internal, table = self._internal(id), self._table
        if table is None or not await self._writes.change(
            table.number, internal, lambda current: self._encoded({**current, **changes})
        ):
            raise NoSuchDocument("patch", id)

    async def replace(self, id: str, fields: Mapping[str, object]) -> None:
        """Give a document a new content; it keeps its id and its creation time."""
        if not await self._put(id, fields):
            raise NoSuchDocument("replace", id)

    async def delete(self, id: str) -> None:
        """Delete a document; refuses one that does not exist with `NoSuchDocument`."""
        internal, table = self._internal(id), self._table
        if table is None or not await self._writes.delete(table.number, internal):
            raise NoSuchDocument("delete", id)

    async def _put(self, id: str, fields: Mapping[str, object]) -> bool:
        internal, table, encoded = self._internal(id), self._table, self._encoded(fields)
        return table is not None and await self._writes.replace(table.number, internal, encoded)

    def _encoded(self, fields: Mapping[str, object]) -> dict[str, Value]:
        present = {
            name: _awaiting(value)
            for name, value in fields.items()
            if value is not ABSENT and name not in SYSTEM_FIELDS
        }
        return cast("dict[str, Value]", self._codec.encode(present))


@lru_cache
def codec_of(name: str) -> Codec[Any]:
    """The codec of an undeclared table, made once: it takes 66 µs, and each function asks."""
    return Codec(dict[str, Any], what=name)


def _awaiting(value: object) -> object:
    """The value with the commit's timestamp to come wherever `COMMIT_TS` says so.

    No declared type says it here; but as an `int` it is larger than any that a document can hold.
    """
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return {name: _awaiting(item) for name, item in entries.items()}
    if isinstance(value, list):
        return [_awaiting(item) for item in cast("list[object]", value)]
    return PENDING_COMMIT_TS if type(value) is int and value == COMMIT_TS else value
