"""`Snapshot`: the database as of one timestamp."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple, cast

from confect_core.values import Interval, loads_canonical
from confect_server.engine.index import Document
from confect_server.store import Order, Store

_FIRST_CHUNK = 16
_LARGEST_CHUNK = 512


class Found(NamedTuple):
    """A document as an index finds it."""

    key: bytes
    table_no: int
    id: bytes
    document: Document


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Reads exactly the commits up to `ts`."""

    store: Store
    ts: int

    async def get(self, table_no: int, id: bytes) -> Document | None:
        """The document, unless it does not exist."""
        revision = await self.store.get(table_no, id, self.ts)
        return None if revision is None else _document(revision.value)

    async def revision_ts(self, table_no: int, id: bytes) -> int | None:
        """When the document was last written."""
        revision = await self.store.get(table_no, id, self.ts)
        return None if revision is None else revision.ts

    async def range(
        self, index_no: int, interval: Interval, order: Order, at_most: int | None = None
    ) -> AsyncIterator[Found]:
        """The documents of an interval, read in chunks that grow while more is asked for."""
        chunk = _FIRST_CHUNK if at_most is None else min(at_most, _LARGEST_CHUNK)
        while not interval.is_empty:
            rows = await self.store.scan(index_no, interval, self.ts, order, chunk)
            for row in rows:
                yield Found(row.key, row.table_no, row.id, _document(row.value))
            if len(rows) < chunk:
                return
            interval = _rest(interval, rows[-1].key, order)
            chunk = min(4 * chunk, _LARGEST_CHUNK)


def _rest(interval: Interval, last: bytes, order: Order) -> Interval:
    if order == "asc":
        return Interval(last + b"\x00", interval.end)
    return Interval(interval.start, last)


def _document(value: bytes) -> Document:
    return cast("Document", loads_canonical(value))
