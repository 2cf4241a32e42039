"""`Transaction`: one snapshot, what was read of it, and what is to be written on top of it."""

from __future__ import annotations

from math import inf, nextafter
from typing import Protocol

from confect_core.values import Interval, Value, check_document, encode_id, new_internal_id
from confect_server.engine.catalog import CATALOG_INDEX, Catalog
from confect_server.engine.counts import COUNTS, count_id, count_of
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
        self.catalog = catalog

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

    async def count(self, table_no: int) -> int:
        """How many documents a table has; what is remembered as read is this number only."""
        self._recorder.point(COUNTS, count_id(table_no))
        stored = await count_of(self._snapshot.store, table_no, self._snapshot.ts)
        return stored + self._writes.growth(table_no)

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
