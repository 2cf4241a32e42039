"""`Snapshot`: the database as of one timestamp."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple, Self, cast

from confect_core.protocol.record import record
from confect_core.values import Interval, loads_canonical
from confect_server.engine.errors import OutOfRetention
from confect_server.engine.index import Document
from confect_server.store import IndexedRevision, Order, Reads, Revision, SnapshotForgotten

FIRST_CHUNK = 16
"""How many documents are asked for first of a range that may have any number."""
LARGEST_CHUNK = 512
"""How many are asked for at once at most."""

_CHUNK_BYTES = 2**20  # beyond which chunks of large documents do not grow
_NOTHING = Interval(b"", b"")


class Found(NamedTuple):
    """A document as an index finds it."""

    key: bytes
    table_no: int
    id: bytes
    document: Document
    size: int
    """How much of a limit on bytes it takes."""


@record
class Snapshot:
    """Reads exactly the commits up to `ts`."""

    store: Reads
    ts: int

    async def get(self, table_no: int, id: bytes) -> Revision | None:
        """The document as it is stored, unless it does not exist."""
        try:
            return await self.store.get(table_no, id, self.ts)
        except SnapshotForgotten as error:
            raise OutOfRetention(error.ts, error.horizon) from None

    def range(
        self, index_no: int, interval: Interval, order: Order, at_most: int | None = None
    ) -> SnapshotRange:
        """The documents of an interval; `at_most` says how many will be asked for, if known."""
        first_chunk = FIRST_CHUNK if at_most is None else max(1, min(at_most, LARGEST_CHUNK))
        return SnapshotRange(self, index_no, interval, order, first_chunk)


class SnapshotRange(AsyncIterator[Found]):
    """Documents in the order of an index, read in chunks that grow while more is asked for.

    Not a generator: one that is left halfway has to be closed, by a task of its own that the loop
    starts for it, and most ranges are left halfway.
    """

    def __init__(
        self, snapshot: Snapshot, index_no: int, interval: Interval, order: Order, first_chunk: int
    ) -> None:
        self._snapshot = snapshot
        self._index_no = index_no
        self._unread = interval
        self._order: Order = order
        self._chunk = first_chunk
        self._rows: Iterator[IndexedRevision] = iter(())
        self._read: list[IndexedRevision] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Found:
        found = await self.next()
        if found is None:
            raise StopAsyncIteration
        return found

    async def next_rows(self) -> list[IndexedRevision]:
        """The next documents as they are stored, as many as come at once; none after the last."""
        return [*self._rows] or await self._read_chunk()

    def begin_with(self, rows: list[IndexedRevision]) -> None:
        """Let these be the first chunk, which somebody has read already."""
        self._read = rows
        self._rows = iter(rows)

    def put_back(self, rows: Sequence[IndexedRevision]) -> None:
        """Let rows that were given last be the next ones again."""
        self._rows = iter(rows)

    async def next(self) -> Found | None:
        """The next document, or None after the last one."""
        row = next(self._rows, None)
        if row is None:
            self._rows = iter(await self._read_chunk())
            row = next(self._rows, None)
        if row is None:
            return None
        return Found(row.key, row.table_no, row.id, document_of(row.value), len(row.value))

    async def _read_chunk(self) -> list[IndexedRevision]:
        if self._read is not None:
            self._go_on(self._read)
            self._read = None
        if self._unread.is_empty:
            return []
        store, ts = self._snapshot.store, self._snapshot.ts
        try:
            rows = await store.scan(self._index_no, self._unread, ts, self._order, self._chunk)
        except SnapshotForgotten as error:
            raise OutOfRetention(error.ts, error.horizon) from None
        self._read = rows
        return rows

    def _go_on(self, read: Sequence[IndexedRevision]) -> None:
        """Let what follows a chunk be the next one; most ranges end with their first."""
        if len(read) < self._chunk:
            self._unread = _NOTHING
            return
        self._unread = rest_of(self._unread, read[-1].key, self._order)
        fitting = _CHUNK_BYTES * len(read) // sum([len(row.value) for row in read])
        self._chunk = max(1, min(4 * self._chunk, LARGEST_CHUNK, fitting))


def rest_of(interval: Interval, last: bytes, order: Order) -> Interval:
    """What is left of an interval once it was read up to a key."""
    if order == "asc":
        return Interval(last + b"\x00", interval.end)
    return Interval(interval.start, last)


def documents_of(rows: Sequence[IndexedRevision]) -> list[Document]:
    """The documents of rows, as their table holds them."""
    return cast("list[Document]", [loads_canonical(row.value) for row in rows])


def document_of(value: bytes) -> Document:
    """The document that a store holds as this text."""
    return cast("Document", loads_canonical(value))
