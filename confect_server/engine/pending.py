"""What a transaction has written so far, as its own reads see it and as its commit stores it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from confect_core.values import Interval, dumps
from confect_server.engine.catalog import Catalog
from confect_server.engine.index import Document
from confect_server.engine.snapshot import Found
from confect_server.store import DocumentWrite, IndexRow, KeyChange, Order


@dataclass(frozen=True)
class WriteSet:
    """Everything that a finished transaction writes, before it has a timestamp."""

    documents: list[DocumentWrite] = field(default_factory=list[DocumentWrite])
    index_rows: list[IndexRow] = field(default_factory=list[IndexRow])
    changes: list[KeyChange] = field(default_factory=list[KeyChange])

    def __bool__(self) -> bool:
        return bool(self.documents) or bool(self.index_rows)


@dataclass(slots=True)
class PendingWrite:
    """One document: as it is in the snapshot, and as this transaction leaves it."""

    before: Document | None
    after: Document | None = None
    keys: Sequence[bytes] = ()
    """The keys of `after`, in the order of its table's indexes; none if it is deleted."""


class PendingWrites:
    """The documents that a transaction has written, in the order of every index."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        """The tables that documents are written to; it grows with those that are made."""
        self._writes: dict[tuple[int, bytes], PendingWrite] = {}
        self._keys: dict[int, list[bytes]] = defaultdict(list)
        self._by_key: dict[tuple[int, bytes], Found] = {}

    def get(self, table_no: int, id: bytes) -> PendingWrite | None:
        """The pending write of a document, if it was written."""
        return self._writes.get((table_no, id))

    def put(
        self, table_no: int, id: bytes, before: Document | None, after: Document | None
    ) -> None:
        """Write a document; `before` is what the snapshot has, if it is the first write of it."""
        write = self._writes.setdefault((table_no, id), PendingWrite(before))
        indexes = self.catalog.indexes_of(table_no)
        for index, key in zip(indexes, write.keys, strict=False):
            self._remove(index.number, key)
        write.after = after
        write.keys = [] if after is None else [index.key(id, after) for index in indexes]
        if after is not None:
            for index, key in zip(indexes, write.keys, strict=True):
                self._add(index.number, Found(key, table_no, id, after))

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
        for (table_no, id), write in self._writes.items():
            before, after = write.before, write.after
            value = None if after is None else dumps(after)
            if value == (None if before is None else dumps(before)):
                continue
            result.documents.append(DocumentWrite(table_no, id, value))
            old, new = (id if before else None), (id if after else None)
            result.changes.append(KeyChange(table_no, old, new))
            for at, index in enumerate(self.catalog.indexes_of(table_no)):
                old = index.key(id, before) if before else None
                new = write.keys[at] if after else None
                result.changes.append(KeyChange(index.number, old, new))
                result.index_rows.extend(_rows_of(result.changes[-1], table_no, id))
        return result

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
