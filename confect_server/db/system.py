"""The system tables, read-only: what the database knows about itself."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, cast

from confect_core import Id, StoredFile, Table
from confect_core.values import Interval, decode_id
from confect_core.values.codec import Codec
from confect_server.db.page import Paging
from confect_server.db.query import Query
from confect_server.db.scheduled import CronJob, CronRun, ScheduledFunction
from confect_server.engine import STORAGE, Transaction
from confect_server.engine.index import BY_CREATION_TIME
from confect_server.errors import UnknownTable, WrongTable


class TableRecord(Table, name="tables"):
    """One table of the database: its name, and the number that the ids of its documents carry.

    `shape` says what its documents are like, if an application has declared it.
    """

    name: str
    number: int
    shape: str | None = None


class IndexRecord(Table, name="indexes"):
    """One index of a table, which is given by its number; removed ones are there as well."""

    name: str
    number: int
    table: int
    fields: list[str]
    state: Literal["ready", "backfilling", "removed"]


class BackfillRecord(Table, name="backfills"):
    """How far an index, given by its number, is filled with what was there before it."""

    number: int
    done: int
    total: int
    cursor: bytes | None
    is_complete: bool


_TABLES = Codec(TableRecord, what="_tables", is_stored=True)
_INDEXES = Codec(IndexRecord, what="_indexes", is_stored=True)
_BACKFILLS = Codec(BackfillRecord, what="_backfills", is_stored=True)
_SCHEDULED = Codec(ScheduledFunction, what="_scheduled_functions", is_stored=True)
_CRONS = Codec(CronJob, what="_crons", is_stored=True)
_CRON_RUNS = Codec(CronRun, what="_cron_runs", is_stored=True)

_STORAGE = Codec(StoredFile, what="_storage", is_stored=True)

_BY_NAME: dict[str, Codec[Any]] = {
    "_tables": _TABLES,
    "_indexes": _INDEXES,
    "_backfills": _BACKFILLS,
    "_scheduled_functions": _SCHEDULED,
    "_crons": _CRONS,
    "_cron_runs": _CRON_RUNS,
    "_storage": _STORAGE,
}

R = TypeVar("R", bound=Table)


class SystemReader:
    """What `ctx.db.system` offers; there is no way to write these tables."""

    def __init__(self, transaction: Transaction, paging: Paging) -> None:
        self._transaction = transaction
        self._paging = paging

    @property
    def tables(self) -> Query[TableRecord]:
        """The tables that were declared, in order of creation."""
        return self._all("_tables", _TABLES)

    @property
    def indexes(self) -> Query[IndexRecord]:
        """The indexes of all tables, in order of creation."""
        return self._all("_indexes", _INDEXES)

    @property
    def backfills(self) -> Query[BackfillRecord]:
        """The indexes that are being filled, in order of creation."""
        return self._all("_backfills", _BACKFILLS)

    @property
    def scheduled_functions(self) -> Query[ScheduledFunction]:
        """The functions that are to be run later, and those that ended not long ago."""
        return self._all("_scheduled_functions", _SCHEDULED)

    @property
    def crons(self) -> Query[CronJob]:
        """The jobs that recur, in order of creation."""
        return self._all("_crons", _CRONS)

    @property
    def cron_runs(self) -> Query[CronRun]:
        """The runs of crons that ended not long ago, in order of their ends."""
        return self._all("_cron_runs", _CRON_RUNS)

    @property
    def storage(self) -> Query[StoredFile]:
        """What is known of the stored files, in order of creation."""
        return self._all("_storage", _STORAGE)

    async def stored_file(self, id: Id[StoredFile]) -> StoredFile | None:
        """What is known of one stored file, or None if it was deleted."""
        number, internal = decode_id(id)
        if number != STORAGE:
            name = self._transaction.catalog.table_name(number)
            raise WrongTable(id, "_storage", name or "that does not exist")
        row = await self._transaction.get(STORAGE, internal)
        return None if row is None else _STORAGE.decode(row)

    async def get(self, id: Id[R]) -> R | None:
        """The document of a system table with this id, or None if there is none."""
        number, internal = decode_id(id)
        codec = _BY_NAME.get(self._transaction.catalog.table_name(number) or "")
        if codec is None:
            raise UnknownTable(f"id {id!r}")
        row = await self._transaction.get(number, internal)
        return None if row is None else cast("R", codec.decode(row))

    def _all(self, table: str, codec: Codec[R]) -> Query[R]:
        index = self._transaction.catalog.table(table).indexes[BY_CREATION_TIME]
        return Query(self._transaction, codec, table, index, Interval.all(), self._paging)
