"""`Overlay`: what the commits of a batch changed, as readers on top of them find it.

A batch is appended to the store as a whole, once. Whoever reads meanwhile reads what is below the
batch, and what the batch changed from here: to append what there was before each read took 18 µs of
the 80 of a mutation that reads, and every mutation of a client reads whether it was answered.

Only the newest change of each document and of each key is known. Most readers begin at the newest
commit and need no other; for one that began before it, the store has to be asked.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from confect_core.values import Interval
from confect_server.store import Commit, IndexedRevision, IndexRow, Order


class Left(NamedTuple):
    """A document as a commit left it; without a value it is deleted."""

    ts: int
    value: bytes | None


class Moved(NamedTuple):
    """What a commit made a key of an index lead to."""

    ts: int
    row: IndexRow


class Overlay:
    """The changes of commits, the newest of each document and of each key."""

    def __init__(self) -> None:
        self._documents: dict[tuple[int, bytes], Left] = {}
        self._unsorted: list[Commit] = []
        self._rows: dict[int, dict[bytes, Moved]] = {}
        self._keys: dict[int, list[bytes]] = {}

    def add(self, commit: Commit) -> None:
        """Put a commit on top."""
        for write in commit.documents:
            self._documents[write.table_no, write.id] = Left(commit.ts, write.value)
        self._unsorted.append(commit)

    def left(self, table_no: int, id: bytes) -> Left | None:
        """The document as the last commit that wrote it left it, if one did."""
        return self._documents.get((table_no, id))

    def moved(self, index_no: int, interval: Interval) -> list[Moved]:
        """What was changed about the keys of an interval."""
        for commit in self._unsorted:
            for row in commit.index_rows:
                self._sort_in(Moved(commit.ts, row))
        self._unsorted.clear()
        keys = self._keys.get(index_no)
        if keys is None:
            return []
        first = bisect_left(keys, interval.start)
        last = len(keys) if interval.end is None else bisect_left(keys, interval.end)
        rows = self._rows[index_no]
        return [rows[key] for key in keys[first:last]]

    def over(
        self, below: Iterable[IndexedRevision], moved: Sequence[Moved], ts: int, order: Order
    ) -> list[IndexedRevision] | None:
        """The documents of a range as of `ts`: those below it, with what moved there.

        None if that cannot be told, because a commit after `ts` wrote one of them again.
        """
        if any(each.ts > ts for each in moved):
            return None
        moved_keys = {each.row.key for each in moved}
        found = [row for row in below if row.key not in moved_keys]
        for at, row in enumerate(found):
            left = self._documents.get((row.table_no, row.id))
            if left is not None:
                if left.ts > ts or left.value is None:
                    return None
                found[at] = IndexedRevision(row.key, row.table_no, row.id, left.ts, left.value)
        for each in moved:
            _, key, is_deleted, table_no, id = each.row
            if is_deleted:
                continue
            left = self._documents.get((table_no, id))
            if left is None or left.ts > ts or left.value is None:
                return None
            found.append(IndexedRevision(key, table_no, id, left.ts, left.value))
        found.sort(key=_key_of, reverse=order == "desc")
        return found

    def _sort_in(self, moved: Moved) -> None:
        index_no, key = moved.row.index_no, moved.row.key
        rows = self._rows.get(index_no)
        if rows is None:
            rows, self._keys[index_no] = self._rows.setdefault(index_no, {}), []
        if key not in rows:
            insort(self._keys[index_no], key)
        rows[key] = moved


def _key_of(row: IndexedRevision) -> bytes:
    return row.key
