"""`MergedRange`: a range of an index as a transaction sees it, the snapshot with its own writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

from confect_core.values import Interval
from confect_server.engine.errors import FunctionOver
from confect_server.engine.frame import Frame
from confect_server.engine.index import copy_of
from confect_server.engine.limits import Usage
from confect_server.engine.pending import PendingWrites
from confect_server.engine.read_set import Reading
from confect_server.engine.snapshot import Found, SnapshotRange, rest_of
from confect_server.store import Order


class MergedRange(AsyncIterator[Found]):
    """Documents in the order of an index; writes that are made meanwhile are seen if still ahead.

    What was read is recorded before a document is handed out, so leaving halfway is always right.
    """

    def __init__(
        self,
        index_no: int,
        interval: Interval,
        order: Order,
        at_most: int | None,
        stored: SnapshotRange,
        writes: PendingWrites,
        reading: Reading,
        frame: Frame,
        usage: Usage | None,
    ) -> None:
        self._index_no = index_no
        self._ahead = interval
        self._order: Order = order
        self._left = at_most
        self._stored = stored
        self._waiting: Found | None = None
        self._writes = writes
        self._reading = reading
        self._frame = frame
        self._usage = usage
        self._is_exhausted = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Found:
        if self._is_exhausted or (self._left is not None and self._left <= 0):
            raise StopAsyncIteration
        if self._frame.is_over:
            raise FunctionOver
        stored = await self._next_stored()
        while self._frame.inner is not None:
            await self._frame.wait_alone()
            stored = await self._next_stored()
        found = self._first_of(stored)
        if found is None:
            self._is_exhausted = True
            self._reading.to_the_end()
            raise StopAsyncIteration
        self._reading.up_to(found.key)
        if self._usage is not None:
            self._usage.read(found.size)
        if found is stored:
            self._waiting = None
        else:  # it is still to be written, whatever is done with what is handed out
            found = found._replace(document=copy_of(found.document))
        self._ahead = rest_of(self._ahead, found.key, self._order)
        if self._left is not None:
            self._left -= 1
        return found

    async def _next_stored(self) -> Found | None:
        """The next document of the snapshot that this transaction has not written."""
        while self._waiting is None or self._is_overwritten(self._waiting):
            self._waiting = await self._stored.next()
            if self._waiting is None:
                return None
        return self._waiting

    def _is_overwritten(self, found: Found) -> bool:
        return self._writes.get(found.table_no, found.id) is not None

    def _first_of(self, stored: Found | None) -> Found | None:
        written = self._writes.next_in(self._index_no, self._ahead, self._order)
        if written is None or stored is None:
            return written or stored
        return stored if (stored.key < written.key) == (self._order == "asc") else written
