"""What a transaction has written so far, as its own reads see it and as its commit stores it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, nextafter
from typing import NamedTuple, cast

from confect_core.values import Interval, UnsettledCommitTs, dumps, size_of, stamped
from confect_server.engine.catalog import (
    FIRST_USER_TABLE,
    INDEXES,
    TABLES,
    Catalog,
    change_of_catalog,
)
from confect_server.engine.counts import change_of_count
from confect_server.engine.index import Document, IndexDefinition
from confect_server.engine.snapshot import Found
from confect_server.store import DocumentWrite, IndexRow, KeyChange, Order


@dataclass(slots=True)
class PendingWrite:
    """One document: as it is in the snapshot, and as this transaction leaves it."""

    before: Document | None
    after: Document | None = None
    keys: Sequence[bytes] = ()
    """The keys of `after`, in the order of its table's indexes; none if it is deleted."""

    @property
    def growth(self) -> int:
        """How many documents there are more by it."""
        return (self.after is not None) - (self.before is not None)


class WriteTarget(NamedTuple):
    """Which document is written, and the indexes that it is in."""

    table_no: int
    id: bytes
    indexes: Sequence[IndexDefinition]


@dataclass(frozen=True)
class WriteSet:
    """Everything that a finished transaction writes, before it has a timestamp."""

    documents: list[DocumentWrite] = field(default_factory=list[DocumentWrite])
    index_rows: list[IndexRow] = field(default_factory=list[IndexRow])
    changes: list[KeyChange] = field(default_factory=list[KeyChange])
    growth: dict[int, int] = field(default_factory=dict[int, int])
    """By how many documents tables grow, below zero if they shrink; only those that change."""
    unstamped: list[tuple[WriteTarget, PendingWrite]] = field(
        default_factory=list[tuple[WriteTarget, PendingWrite]]
    )
    """The documents that wait for the timestamp of the commit."""

    def __bool__(self) -> bool:
        return bool(self.documents) or bool(self.index_rows) or bool(self.unstamped)

    def enter(self, target: WriteTarget, write: PendingWrite) -> bool:
        """Add a document, unless it ends as it began; raises `UnsettledCommitTs`."""
        table_no, id, indexes = target
        before, after = write.before, write.after
        value = None if after is None else dumps(after)
        if value == (None if before is None else dumps(before)):
            return False
        self.documents.append(DocumentWrite(table_no, id, value))
        old, new = (id if before else None), (id if after else None)
        self.changes.append(KeyChange(table_no, old, new))
        for at, index in enumerate(indexes):
            old = index.key(id, before) if before else None
            new = write.keys[at] if after else None
            self.changes.append(KeyChange(index.number, old, new))
            self.index_rows.extend(_rows_of(self.changes[-1], table_no, id))
        return True

    def stamp(self, ts: int) -> None:
        """Put the timestamp into the documents, and the index keys, that wait for it."""
        for target, write in self.unstamped:
            after = cast("Document", stamped(write.after, ts))
            keys = [index.key(target.id, after) for index in target.indexes]
            self.enter(target, PendingWrite(write.before, after, keys))
        self.unstamped.clear()


class PendingWrites:
    """The documents that a transaction has written, in the order of every index."""

    def __init__(self, catalog: Catalog, now_ms: float) -> None:
        self.catalog = catalog
        """The tables that documents are written to; it grows with those that are made."""
        self._created_at_ms = now_ms
        self._writes: dict[tuple[int, bytes], PendingWrite] = {}
        self._keys: dict[int, list[bytes]] = defaultdict(list)
        self._by_key: dict[tuple[int, bytes], Found] = {}
        # from the first mark on; what is never undone need not be remembered
        self._undo: list[tuple[int, bytes, Document | None]] | None = None

    def next_creation_time(self) -> float:
        """The creation time of one more document, after those before it."""
        created_at_ms = self._created_at_ms
        self._created_at_ms = nextafter(created_at_ms, inf)
        return created_at_ms

    @property
    def is_empty(self) -> bool:
        """Was nothing written until now?"""
        return not self._writes

    def get(self, table_no: int, id: bytes) -> PendingWrite | None:
        """The pending write of a document, if it was written."""
        return self._writes.get((table_no, id))

    def put(
        self,
        table_no: int,
        id: bytes,
        before: Document | None,
        after: Document | None,
        size: int = 0,
    ) -> None:
        """Write a document; `before` is what the snapshot has, if it is the first write of it."""
        write = self._writes.get((table_no, id))
        if write is None:
            write = self._writes[table_no, id] = PendingWrite(before, before)
        if self._undo is not None:
            self._undo.append((table_no, id, write.after))
        self._set(write, table_no, id, after, size)

    def mark(self) -> int:
        """A place to which writes can be undone."""
        if self._undo is None:
            self._undo = []
        return len(self._undo)

    def undo_to(self, mark: int) -> None:
        """Leave every document as it was at the mark.

        Those that were written since stay among the writes, with what they had: a range that is
        being read has passed over what the snapshot has of them, and finds them here instead.
        """
        assert self._undo is not None, "there is a mark"
        undone = self._undo[mark:]
        del self._undo[mark:]
        for table_no, id, after in reversed(undone):
            size = 0 if after is None else size_of(after)
            self._set(self._writes[table_no, id], table_no, id, after, size)

    def growth(self, table_no: int) -> int:
        """By how many documents the table has grown; below zero if it shrank."""
        return sum(write.growth for (table, _), write in self._writes.items() if table == table_no)

    def next_in(self, index_no: int, interval: Interval, order: Order) -> Found | None:
        """The first written document of an interval, in reading order."""
        keys = self._keys.get(index_no)
        if not keys:
            return None
        if order == "asc":
            at = bisect_left(keys, interval.start)
        else:
            at = (len(keys) if interval.end is None else bisect_left(keys, interval.end)) - 1
        if not 0 <= at < len(keys) or not interval.contains(keys[at]):
            return None
        return self._by_key[index_no, keys[at]]

    def finished(self) -> WriteSet:
        """What there is to commit; a document that ends as it began is not written."""
        result = WriteSet()
        growth: dict[int, int] = {}
        for (table_no, id), write in self._writes.items():
            target = WriteTarget(table_no, id, self.catalog.indexes_of(table_no))
            try:
                is_written = result.enter(target, write)
            except UnsettledCommitTs:
                result.unstamped.append((target, write))
                is_written = True
            if is_written:
                growth[table_no] = growth.get(table_no, 0) + write.growth
        for table_no, change in growth.items():
            if change and table_no >= FIRST_USER_TABLE:
                result.growth[table_no] = change
                result.changes.append(change_of_count(table_no))
        if TABLES in growth or INDEXES in growth:
            result.changes.append(change_of_catalog())
        return result

    def _set(
        self, write: PendingWrite, table_no: int, id: bytes, after: Document | None, size: int
    ) -> None:
        indexes = self.catalog.indexes_of(table_no)
        for index, key in zip(indexes, write.keys, strict=False):
            self._remove(index.number, key)
        write.after = after
        write.keys = [] if after is None else [index.key(id, after) for index in indexes]
        if after is not None:
            for index, key in zip(indexes, write.keys, strict=True):
                self._add(index.number, Found(key, table_no, id, after, size))

    def _add(self, index_no: int, found: Found) -> None:
        insort(self._keys[index_no], found.key)
        self._by_key[index_no, found.key] = found

    def _remove(self, index_no: int, key: bytes) -> None:
        keys = self._keys[index_no]
        del keys[bisect_left(keys, key)]
        del self._by_key[index_no, key]


def _rows_of(change: KeyChange, table_no: int, id: bytes) -> Iterator[IndexRow]:
    """The index rows of a change; a key that stays leads to the document already."""
    if change.old == change.new:
        return
    if change.old is not None:
        yield IndexRow(change.index_no, change.old, True, table_no, id)
    if change.new is not None:
        yield IndexRow(change.index_no, change.new, False, table_no, id)
