"""The system tables, read-only: what the database knows about itself."""

from __future__ import annotations

from confect_core import Table
from confect_core.values import Interval
from confect_core.values.codec import Codec
from confect_server.db.page import Paging
from confect_server.db.query import Query
from confect_server.engine import Transaction


class TableRecord(Table, name="tables"):
    """One table of the database: its name, and the number that the ids of its documents carry."""

    name: str
    number: int


_CODEC = Codec(TableRecord, what="_tables")


class SystemReader:
    """What `ctx.db.system` offers; there is no way to write these tables."""

    def __init__(self, transaction: Transaction, paging: Paging) -> None:
        self._transaction = transaction
        self._paging = paging

    @property
    def tables(self) -> Query[TableRecord]:
        """The tables that were declared, in order of creation."""
        index = self._transaction.catalog.table("_tables").indexes["by_creation_time"]
        return Query(self._transaction, _CODEC, "_tables", index, Interval.all(), self._paging)
