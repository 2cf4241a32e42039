"""`DocumentCache`: recently read documents in front of the store, within a bound on memory.

What is kept of a document is its newest revision at the newest published commit, so it answers
every snapshot that is not older than the revision. A commit takes what it wrote out in the step
that publishes it. A read that was under way meanwhile finds its document in the log and keeps
nothing. Documents that are not there are not remembered: random ids are not asked for in vain.

Ranges always ask the store which documents they hold, and then take them from here, if the index
was warm when it was last read; else the store is asked for everything at once. Long scans pass by:
they would fill the cache with what nobody asks for again.

Bytes are kept, not decoded documents. Measured on documents of 216 bytes in SQLite, in µs, each
decoded by whoever reads (medians of three runs on a busy machine; the ratios are what counts):

                        from SQLite    bytes kept    decoded kept, handed out as copies
    one document                9.9           2.0                                   1.8
    a range of ten             45.4          28.7                                  22.0
    memory per document           -         0.5 K                                 1.2 K

Handed out without a copy, a decoded document would be the same object for every handler that an
`Any` field lets change it; and two hundred thousand dicts make each full garbage collection stop
the server for 100 ms.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from confect_core.errors import DatabaseError
from confect_core.values import Interval
from confect_server.engine.write_log import WriteLog
from confect_server.store import (
    IndexedRevision,
    Located,
    LogEntry,
    Order,
    Reads,
    Revision,
    Store,
    StoreFailed,
)

LONGEST_RANGE = 128
"""How many documents may be asked for at once for them to be kept."""

ENTRY_BYTES = 350
"""What a kept document takes besides its own bytes; measured."""

_WARM_SHARE = 0.75


class DocumentCache(Reads):
    """Reads as the store does, and remembers; nothing may be read beyond the newest commit."""

    def __init__(self, store: Store, log: WriteLog, *, max_bytes: int) -> None:
        self._store = store
        self._log = log
        self._max_bytes = max_bytes
        self._revisions: OrderedDict[tuple[int, bytes], Revision] = OrderedDict()
        self._warm: set[int] = set()  # indexes whose documents were mostly here
        self.held_bytes = 0
        """How much memory is taken, never more than allowed."""

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, unless it did not exist."""
        kept = self._kept(table_no, id, ts)
        if kept is not None:
            return kept
        try:
            revision = await self._store.get(table_no, id, ts)
        except DatabaseError:
            raise
        except Exception as error:
            raise StoreFailed(error) from error
        if revision is not None:
            self._keep(table_no, id, revision, ts)
        return revision

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`, at most `limit` of them."""
        try:
            if limit > LONGEST_RANGE:
                return await self._store.scan(index_no, interval, ts, order, limit)
            if index_no in self._warm:
                located = await self._store.locate(index_no, interval, ts, order, limit)
                if ts <= self._log.ts:
                    known = self._known(located, ts)
                    missing = len(located) - len(known)
                    if not missing:
                        return known
                    if missing <= (1 - _WARM_SHARE) * len(located):
                        return await self._completed(located, ts)
                self._warm.discard(index_no)
            return await self._scanned(index_no, interval, ts, order, limit)
        except DatabaseError:
            raise
        except Exception as error:
            raise StoreFailed(error) from error

    def forget(self, entries: Iterable[LogEntry]) -> None:
        """Forget what these commits wrote, in the step in which they enter the log."""
        for entry in entries:
            for index_no, old, _ in entry.changes:
                if old is not None:
                    self._drop((index_no, old))

    def clear(self) -> None:
        """Forget everything: what was written meanwhile is not known."""
        self._revisions.clear()
        self.held_bytes = 0

    def _known(self, located: Sequence[Located], ts: int) -> list[IndexedRevision]:
        """Those of the documents that are here: `_kept` in one loop, for most reads."""
        revisions = self._revisions
        known: list[IndexedRevision] = []
        for key, table_no, id in located:
            kept = revisions.get((table_no, id))
            if kept is not None and kept.ts <= ts:
                revisions.move_to_end((table_no, id))
                known.append(IndexedRevision(key, table_no, id, kept.ts, kept.value))
        return known

    async def _completed(self, located: Sequence[Located], ts: int) -> list[IndexedRevision]:
        rows: list[IndexedRevision] = []
        for key, table_no, id in located:
            revision = await self.get(table_no, id, ts)
            if revision is not None:  # else so old a snapshot is not stored any more
                rows.append(IndexedRevision(key, table_no, id, *revision))
        return rows

    async def _scanned(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        rows = await self._store.scan(index_no, interval, ts, order, limit)
        revisions, is_published = self._revisions, ts <= self._log.ts
        new: list[IndexedRevision] = []
        for row in rows:  # as `_kept` does
            kept = revisions.get((row.table_no, row.id))
            if kept is None or not is_published or kept.ts > ts:
                new.append(row)
            else:
                revisions.move_to_end((row.table_no, row.id))
        if len(new) <= (1 - _WARM_SHARE) * len(rows):
            self._warm.add(index_no)
        for row in new:
            self._keep(row.table_no, row.id, Revision(row.ts, row.value), ts)
        return rows

    def _kept(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        place = table_no, id
        kept = self._revisions.get(place)
        if kept is None or not kept.ts <= ts <= self._log.ts:
            return None
        self._revisions.move_to_end(place)
        return kept

    def _keep(self, table_no: int, id: bytes, revision: Revision, ts: int) -> None:
        """Remember what was read as of `ts`, unless it was written since."""
        size = len(revision.value) + ENTRY_BYTES
        if size > self._max_bytes or self._log.may_have_written(table_no, id, ts):
            return
        place = table_no, id
        if place in self._revisions:  # another reader was faster
            self._drop(place)
        self._revisions[place] = revision
        self.held_bytes += size
        while self.held_bytes > self._max_bytes:
            _, oldest = self._revisions.popitem(last=False)
            self.held_bytes -= len(oldest.value) + ENTRY_BYTES

    def _drop(self, place: tuple[int, bytes]) -> None:
        dropped = self._revisions.pop(place, None)
        if dropped is not None:
            self.held_bytes -= len(dropped.value) + ENTRY_BYTES
