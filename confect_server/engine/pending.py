"""What a transaction has written so far, as its own reads see it and as its commit stores it.

Most transactions write a document or two and read no index after that, so an index of what is
written is made when it is read for the first time. A document is written out once: whether it ends
as it began is seen from the text that was read. Both together are a tenth of a mutation.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, nextafter
from typing import Any, cast

from confect_core.values import Interval, UnsettledCommitTs, dumps_canonical, size_of, stamped
from confect_server.engine.catalog import (
    DUE,
    FIRST_USER_TABLE,
    INDEXES,
    JOBS,
    PENDING_JOBS,
    TABLES,
    Catalog,
    change_of_catalog,
)
from confect_server.engine.counts import change_of_count
from confect_server.engine.index import Document, IndexDefinition, keys_of
from confect_server.engine.snapshot import Found
from confect_server.store import DocumentWrite, IndexRow, KeyChange, Order

# as their classes are called, named tuples take twice as long: 1 µs for three indexes
_make: Callable[..., Any] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # a generic class


@dataclass(slots=True)
class PendingWrite:
    """One document: as it is in the snapshot, and as this transaction leaves it."""

    table_no: int
    id: bytes
    before: Document | None
    stored: bytes | None
    """The text of `before`, as it was read."""
    after: Document | None
    size: int = 0
    """How much of a limit on bytes `after` takes."""
    keys: Sequence[bytes] = ()
    """The keys of `after`, in the order of its table's indexes; none if it is deleted."""

    @property
    def growth(self) -> int:
        """How many documents there are more by it."""
        return (self.after is not None) - (self.before is not None)

    def growth_with(self, field: str) -> int:
        """How many documents with this field there are more by it."""
        return (field in (self.after or {})) - (field in (self.before or {}))


class WriteSet:
    """Everything that a finished transaction writes, before it has a timestamp."""

    __slots__ = ("changes", "documents", "growth", "index_rows", "unstamped")

    def __init__(
        self,
        documents: Iterable[DocumentWrite] = (),
        index_rows: Iterable[IndexRow] = (),
        changes: Iterable[KeyChange] = (),
    ) -> None:
        self.documents = list(documents)
        self.index_rows = list(index_rows)
        self.changes = list(changes)
        self.growth: dict[int, int] = {}
        """By how many documents tables grow, below zero if they shrink; only those that change."""
        self.unstamped: list[tuple[PendingWrite, Sequence[IndexDefinition]]] = []
        """The documents that wait for the timestamp of the commit, and the indexes they are in."""

    def __bool__(self) -> bool:
        return bool(self.documents) or bool(self.index_rows) or bool(self.unstamped)

    def enter(self, write: PendingWrite, indexes: Sequence[IndexDefinition]) -> bool:
        """Add a document, unless it ends as it began; raises `UnsettledCommitTs`."""
        table_no, id, before, after = write.table_no, write.id, write.before, write.after
        value = None if after is None else dumps_canonical(after)
        if value == write.stored:
            return False
        self.documents.append(_make(DocumentWrite, (table_no, id, value)))
        old, new_id = (None if before is None else id), (None if after is None else id)
        self.changes.append(_make(KeyChange, (table_no, old, new_id)))
        if before is None:
            self._enter_new(write, indexes)
        else:
            for at, index in enumerate(indexes):
                new = None if after is None else write.keys[at]
                is_kept = new is not None and not index.fields  # what its key is made of stays
                self._move(index.number, new if is_kept else index.key(id, before), new, write)
        return True

    def stamp(self, ts: int) -> None:
        """Put the timestamp into the documents, and the index keys, that wait for it."""
        for write, indexes in self.unstamped:
            after = cast("Document", stamped(write.after, ts))
            keys = keys_of(indexes, write.id, after)
            self.enter(replace(write, after=after, keys=keys), indexes)
        self.unstamped.clear()

    def _enter_new(self, write: PendingWrite, indexes: Sequence[IndexDefinition]) -> None:
        table_no, id = write.table_no, write.id
        changes, index_rows = self.changes, self.index_rows
        for at, key in enumerate(write.keys):
            number = indexes[at].number
            changes.append(_make(KeyChange, (number, None, key)))
            index_rows.append(_make(IndexRow, (number, key, False, table_no, id)))

    def _move(
        self, index_no: int, old: bytes | None, new: bytes | None, write: PendingWrite
    ) -> None:
        self.changes.append(KeyChange(index_no, old, new))
        if old == new:
            return  # the key leads to the document already
        if old is not None:
            self.index_rows.append(IndexRow(index_no, old, True, write.table_no, write.id))
        if new is not None:
            self.index_rows.append(IndexRow(index_no, new, False, write.table_no, write.id))


class PendingWrites:
    """The documents that a transaction has written, in the order of any index that is asked for."""

    def __init__(self, catalog: Catalog, now_ms: float) -> None:
        self.catalog = catalog
        """The tables that documents are written to; it grows with those that are made."""
        self._created_at_ms = now_ms
        self._writes: dict[tuple[int, bytes], PendingWrite] = {}
        self._keys: dict[int, list[bytes]] = {}  # of the indexes that were read
        self._by_key: dict[tuple[int, bytes], PendingWrite] = {}
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
        stored: bytes | None,
        after: Document | None,
        size: int = 0,
    ) -> None:
        """Write a document; the first write of it says what the snapshot has, and as which text."""
        place = table_no, id
        write = self._writes.get(place)
        if write is None:
            write = self._writes[place] = PendingWrite(table_no, id, before, stored, before)
        if self._undo is not None:
            self._undo.append((table_no, id, write.after))
        if self._keys:
            self._set(write, after, size)
            return
        write.after, write.size = after, size  # as most are, whose indexes nobody has read
        write.keys = () if after is None else keys_of(self.catalog.indexes_of(table_no), id, after)

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
            self._set(self._writes[table_no, id], after, size)

    def growth(self, table_no: int) -> int:
        """By how many documents the table has grown; below zero if it shrank."""
        return sum(write.growth for (table, _), write in self._writes.items() if table == table_no)

    def next_in(self, index_no: int, interval: Interval, order: Order) -> Found | None:
        """The first written document of an interval, in reading order."""
        if not self._writes:
            return None
        keys = self._keys.get(index_no)
        if keys is None:
            keys = self._sorted(index_no)
        if order == "asc":
            at = bisect_left(keys, interval.start)
        else:
            at = (len(keys) if interval.end is None else bisect_left(keys, interval.end)) - 1
        if not 0 <= at < len(keys) or not interval.contains(keys[at]):
            return None
        write = self._by_key[index_no, keys[at]]
        assert write.after is not None, "a document that is deleted has no keys"
        return Found(keys[at], write.table_no, write.id, write.after, write.size)

    def finished(self) -> WriteSet:
        """What there is to commit; a document that ends as it began is not written."""
        result = WriteSet()
        growth: dict[int, int] = {}
        for write in self._writes.values():
            indexes = self.catalog.indexes_of(write.table_no)
            try:
                is_written = result.enter(write, indexes)
            except UnsettledCommitTs:
                result.unstamped.append((write, indexes))
                is_written = True
            if is_written:
                growth[write.table_no] = growth.get(write.table_no, 0) + write.growth
                if write.table_no == JOBS:
                    growth[PENDING_JOBS] = growth.get(PENDING_JOBS, 0) + write.growth_with(DUE)
        for table_no, change in growth.items():
            if change and (table_no >= FIRST_USER_TABLE or table_no == PENDING_JOBS):
                result.growth[table_no] = change
                result.changes.append(change_of_count(table_no))
        if TABLES in growth or INDEXES in growth:
            result.changes.append(change_of_catalog())
        return result

    def _set(self, write: PendingWrite, after: Document | None, size: int) -> None:
        indexes = self.catalog.indexes_of(write.table_no)
        if self._keys:
            for index, key in zip(indexes, write.keys, strict=False):
                self._remove(index.number, key)
        write.after, write.size = after, size
        write.keys = () if after is None else keys_of(indexes, write.id, after)
        if self._keys:
            for index, key in zip(indexes, write.keys, strict=False):
                self._add(index.number, key, write)

    def _sorted(self, index_no: int) -> list[bytes]:
        """The keys of an index that nobody has read yet; from now on they are kept in order."""
        keys = self._keys[index_no] = []
        for write in self._writes.values():
            indexes = self.catalog.indexes_of(write.table_no)
            for index, key in zip(indexes, write.keys, strict=False):
                if index.number == index_no:
                    keys.append(key)
                    self._by_key[index_no, key] = write
        keys.sort()
        return keys

    def _add(self, index_no: int, key: bytes, write: PendingWrite) -> None:
        keys = self._keys.get(index_no)
        if keys is not None:
            insort(keys, key)
            self._by_key[index_no, key] = write

    def _remove(self, index_no: int, key: bytes) -> None:
        keys = self._keys.get(index_no)
        if keys is not None:
            del keys[bisect_left(keys, key)]
            del self._by_key[index_no, key]
