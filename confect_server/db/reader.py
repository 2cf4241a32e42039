"""Reading: the typed face of a transaction."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Generic, cast

from typing_extensions import TypeVar

from confect_core import Id, Table
from confect_core.values import Interval, MalformedId, decode_id
from confect_server.db.open_tables import IndexAccess, OpenTables, TableAccess
from confect_server.db.page import Paging
from confect_server.db.query import Query
from confect_server.db.system import SystemReader
from confect_server.engine import Transaction
from confect_server.errors import UnknownIndex, UnknownTable, WrongTable

D = TypeVar("D", bound=Table)
Key = TypeVar("Key", bound=Table, default=D)


class DatabaseReader:
    """What `ctx.db` offers in a query; the generated subclass has an attribute for each table."""

    def __init__(self, transaction: Transaction, tables: OpenTables, paging: Paging) -> None:
        self._transaction = transaction
        self._tables = tables
        self._paging = paging

    async def get(self, id: Id[D]) -> D | None:
        """The document with this id, or None if there is none."""
        return cast("D | None", await self._get(*self._located(id)))

    def table(self, table: type[D]) -> TableReader[D]:
        """One table by its class, for code that knows no generated names."""
        return TableReader(self, table)

    @cached_property
    def system(self) -> SystemReader:
        """The system tables; nobody writes them by hand."""
        return SystemReader(self._transaction, self._paging)

    async def _get(self, access: TableAccess, internal: bytes) -> Table | None:
        row = await self._transaction.get(access.number, internal)
        return None if row is None else cast("Table", access.codec.decode(row))

    def _located(self, id: str) -> tuple[TableAccess, bytes]:
        number, internal = decode_id(id)
        access = self._tables.by_number.get(number)
        if access is None:
            raise UnknownTable(f"id {id!r}")
        return access, internal


class TableReader(Generic[D, Key]):
    """Reads one table; the generated subclass has a method for each of its indexes.

    `D` is what its documents are, a union if it has variants; `Key` is the class of the table.
    """

    def __init__(self, db: DatabaseReader, table: type[Key]) -> None:
        self._db = db
        self._access = db._tables.of_model(table)

    async def get(self, id: Id[Key]) -> D | None:
        """The document with this id, or None if there is none; refuses ids of other tables."""
        return cast("D | None", await self._db._get(self._access, self._internal(id)))

    def normalize_id(self, text: str) -> Id[D] | None:
        """The text as an id of this table, or None if it is none; the document need not exist."""
        try:
            number, _ = decode_id(text)
        except MalformedId:
            return None
        return cast("Id[D]", text) if number == self._access.number else None

    async def count(self) -> int:
        """How many documents the table has; not one of them is read.

        Whoever asks depends on the number, and not on what the documents hold. Inserts and deletes
        do not depend on it: they conflict with whoever has asked, and not with each other.
        """
        return await self._db._transaction.count(self._access.number)

    def query(self) -> Query[D]:
        """All documents of the table in order of creation."""
        return self._query(self._access.indexes["by_creation_time"], Interval.all())

    def by(self, index: str, /, **bounds: object) -> Query[D]:
        """The documents in a range of an index, by its name; generated methods are typed for it."""
        indexes = self._access.indexes
        if index not in indexes:
            raise UnknownIndex(self._access.name, index, [*indexes])
        access = indexes[index]
        return self._query(access, access.interval(bounds))

    def _internal(self, id: str) -> bytes:
        access, internal = self._db._located(id)
        if access.number != self._access.number:
            raise WrongTable(id, self._access.name, access.name)
        return internal

    def _query(self, index: IndexAccess, interval: Interval) -> Query[D]:
        db, access = self._db, self._access
        codec: Any = access.codec
        return Query(db._transaction, codec, access.name, index.definition, interval, db._paging)
