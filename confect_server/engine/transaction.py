"""`Transaction`: one snapshot, what was read of it, and what is to be written on top of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from confect_core.values import Interval, Value, check_document, encode_id, new_internal_id
from confect_server.engine.catalog import Catalog
from confect_server.engine.errors import ReadOnly
from confect_server.engine.index import CREATION_TIME, ID, Document, IndexDefinition
from confect_server.engine.pending import PendingWrites, WriteSet
from confect_server.engine.read_set import ReadRecorder, ReadSet
from confect_server.engine.snapshot import Found, Snapshot
from confect_server.store import IndexRow, Order

_ID_RANDOM_BYTES = 14
_NS_PER_MS = 1_000_000
_MS_PER_DAY = 86_400_000
_SMALLEST_STEP_MS = 1 / 4096
"""The least by which creation times of one transaction differ; today's floats hold it exactly."""


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
        self._created_at_ms = now_ns / _NS_PER_MS
        self._writes = PendingWrites(catalog)
        self._backfilled: list[IndexRow] = []
        self.catalog = catalog

    @property
    def begin_ts(self) -> int:
        """The snapshot that is read."""
        return self._snapshot.ts

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
        self._created_at_ms += _SMALLEST_STEP_MS
        document: Document = {**fields, ID: id, CREATION_TIME: self._created_at_ms}
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
        row = IndexRow(index.number, index.key(found.document), False, found.table_no, found.id)
        self._backfilled.append(row)

    async def range(
        self,
        index: IndexDefinition,
        interval: Interval,
        order: Order = "asc",
        at_most: int | None = None,
    ) -> AsyncIterator[Found]:
        """The documents of an interval with this transaction's writes, those made meanwhile too."""
        reading = self._recorder.reading(index.number, interval, order)
        stored = aiter(self._snapshot.range(index.number, interval, order, at_most))
        waiting = await anext(stored, None)
        given = 0
        while at_most is None or given < at_most:
            while waiting is not None and self._is_overwritten(waiting):
                waiting = await anext(stored, None)
            found = self._first_of(waiting, index, interval, order)
            if found is None:
                reading.to_the_end()
                return
            reading.up_to(found.key)
            interval = _rest(interval, found.key, order)
            given += 1
            yield found
            if found is waiting:
                waiting = None if given == at_most else await anext(stored, None)

    def _is_overwritten(self, found: Found) -> bool:
        return self._writes.get(found.table_no, found.id) is not None

    def _first_of(
        self, stored: Found | None, index: IndexDefinition, interval: Interval, order: Order
    ) -> Found | None:
        pending = self._writes.next_in(index.number, interval, order)
        if pending is None:
            return stored
        key, document = pending
        if stored is not None and (stored.key < key) == (order == "asc"):
            return stored
        return Found(key, index.table_no, key[-16:], document)

    def _check_writable(self) -> None:
        if self._is_read_only:
            raise ReadOnly


def _rest(interval: Interval, last: bytes, order: Order) -> Interval:
    if order == "asc":
        return Interval(last + b"\x00", interval.end)
    return Interval(interval.start, last)
