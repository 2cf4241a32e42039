"""`Transaction`: one snapshot, what was read of it, and what is to be written on top of it."""

from __future__ import annotations

from math import inf, nextafter
from typing import Protocol

from confect_core.values import (
    Interval,
    Value,
    check_document,
    decode_id,
    encode_id,
    new_internal_id,
)
from confect_server.engine.catalog import (
    CATALOG_INDEX,
    INDEXES,
    TABLES,
    Catalog,
    TableEntry,
    index_document,
    table_document,
)
from confect_server.engine.errors import NoSuchIndex, ReadOnly
from confect_server.engine.index import CREATION_TIME, ID, Document, IndexDefinition
from confect_server.engine.merged_range import MergedRange
from confect_server.engine.pending import PendingWrites, WriteSet
from confect_server.engine.read_set import ReadRecorder, ReadSet
from confect_server.engine.snapshot import Found, Snapshot
from confect_server.store import IndexRow, Order, Reads

_ID_RANDOM_BYTES = 14
_NS_PER_MS = 1_000_000
_MS_PER_DAY = 86_400_000


class Randomness(Protocol):
    """A source of random bytes."""

    def __call__(self, count: int, /) -> bytes:
        """So many random bytes."""
        ...


class Transaction:
    """Reads at one snapshot with its own writes on top; nothing is written before it commits."""

    def __init__(
        self,
        snapshot: Snapshot,
        catalog: Catalog,
        now_ns: int,
        randomness: Randomness,
        *,
        is_read_only: bool = False,
    ) -> None:
        self._snapshot = snapshot
        self._randomness = randomness
        self._is_read_only = is_read_only
        self._recorder = ReadRecorder()
        # which indexes there are decides what is written and what a range finds
        self._recorder.reading(CATALOG_INDEX, Interval.all(), "asc").to_the_end()
        self._created_at_ms = now_ns / _NS_PER_MS
        self._writes = PendingWrites(catalog)
        self._backfilled: list[IndexRow] = []
        self._new_tables: dict[int, bytes] = {}

    @property
    def catalog(self) -> Catalog:
        """The tables and indexes that there are for it, those that it makes included."""
        return self._writes.catalog

    @property
    def begin_ts(self) -> int:
        """The snapshot that is read."""
        return self._snapshot.ts

    @property
    def base(self) -> Reads:
        """Where the snapshot is read: the store, or a batch that is not durable yet."""
        return self._snapshot.store

    @property
    def reads(self) -> ReadSet:
        """Everything that was read until now."""
        return self._recorder.finished()

    def finished(self) -> WriteSet:
        """What there is to commit."""
        writes = self._writes.finished()
        writes.index_rows.extend(self._backfilled)
        return writes

    async def get(self, table_no: int, id: bytes) -> Document | None:
        """A document by its id, or None; either is remembered as read."""
        self._recorder.point(table_no, id)
        pending = self._writes.get(table_no, id)
        return pending.after if pending else await self._snapshot.get(table_no, id)

    async def written_at(self, table_no: int, id: bytes) -> int | None:
        """The timestamp of the commit that last wrote a document."""
        self._recorder.point(table_no, id)
        return await self._snapshot.revision_ts(table_no, id)

    async def insert(self, table_no: int, fields: dict[str, Value]) -> str:
        """Add a document and give its id."""
        self._check_writable()
        check_document(fields)
        day = int(self._created_at_ms // _MS_PER_DAY)
        internal = new_internal_id(self._randomness(_ID_RANDOM_BYTES), day)
        self._recorder.point(table_no, internal)
        id = encode_id(table_no, internal)
        document: Document = {**fields, ID: id, CREATION_TIME: self._created_at_ms}
        self._created_at_ms = nextafter(self._created_at_ms, inf)
        self._writes.put(table_no, internal, None, document)
        return id

    async def replace(self, table_no: int, id: bytes, fields: dict[str, Value]) -> bool:
        """Give a document new fields; False if there is no such document."""
        self._check_writable()
        check_document(fields)
        current = await self.get(table_no, id)
        if current is None:
            return False
        system: Document = {ID: current[ID], CREATION_TIME: current[CREATION_TIME]}
        self._writes.put(table_no, id, current, {**fields, **system})
        return True

    async def delete(self, table_no: int, id: bytes) -> bool:
        """Remove a document; False if there is no such document."""
        self._check_writable()
        current = await self.get(table_no, id)
        if current is None:
            return False
        self._writes.put(table_no, id, current, None)
        return True

    async def table_to_fill(self, name: str) -> TableEntry:
        """A table by its name, made if there is none; making it is a write like any other."""
        self._check_writable()
        if not self.catalog.has(name):
            self._writes.catalog = self.catalog.with_table(name)
        table = self.catalog.table(name)
        if table.is_new and not self._is_made(table):
            row = await self.insert(TABLES, table_document(name, table.number))
            self._new_tables[table.number] = decode_id(row)[1]
            for index in table.indexes.values():
                await self.insert(INDEXES, index_document(index))
        return table

    def _is_made(self, table: TableEntry) -> bool:
        """Are its rows among what is to be written? They are not any more once they are undone."""
        row = self._new_tables.get(table.number)
        pending = None if row is None else self._writes.get(TABLES, row)
        return pending is not None and pending.after is not None

    def backfill(self, index: IndexDefinition, found: Found) -> None:
        """Enter a stored document into an index that is being made."""
        row = IndexRow(
            index.number, index.key(found.id, found.document), False, found.table_no, found.id
        )
        self._backfilled.append(row)

    def range(
        self,
        index: IndexDefinition,
        interval: Interval,
        order: Order = "asc",
        at_most: int | None = None,
    ) -> MergedRange:
        """The documents of an interval with this transaction's writes, those made meanwhile too."""
        if index not in self.catalog.indexes_of(index.table_no):
            raise NoSuchIndex(index.name)
        stored = self._snapshot.range(index.number, interval, order, at_most)
        reading = self._recorder.reading(index.number, interval, order)
        return MergedRange(index.number, interval, order, at_most, stored, self._writes, reading)

    def _check_writable(self) -> None:
        if self._is_read_only:
            raise ReadOnly
