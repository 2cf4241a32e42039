"""Counts: how many documents each table has, without a scan of it.

A commit says by how many documents it lets a table grow, and not what the count then is: so commits
that insert do not conflict with each other. The batch that puts commits in their order holds the
head lock, under which nobody else changes a count, and writes what the counts become. It does so
once for a table and for all commits that it appends together: the revision has a count for each of
their timestamps, so a snapshot between them finds its own. Rejected: a row for each commit, which
costs an insert 5 % more, and counters in the documents of a table's transactions, which make every
insert wait for every other one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from struct import Struct
from typing import TypeAlias

from confect_server.store import Commit, DocumentWrite, KeyChange, Reads

COUNTS = 516
"""The table of counts; its number stands for its one index, by the number of the counted table."""

Growth: TypeAlias = Mapping[int, int]
"""By how many documents each table grows; below zero if it shrinks, and not there if it stays."""

_Growing: TypeAlias = dict[int, list[tuple[int, int]]]

_COUNT = Struct(">qq")  # a timestamp, and the count from then on


def count_id(table_no: int) -> bytes:
    """The id of the document that has a table's count."""
    return table_no.to_bytes(8, "big")


def change_of_count(table_no: int) -> KeyChange:
    """What a commit that changes a count says of it, for those who have read it."""
    id = count_id(table_no)
    return KeyChange(COUNTS, id, id)


async def count_of(reads: Reads, table_no: int, ts: int) -> int:
    """How many documents a table has as of `ts`."""
    revision = await reads.get(COUNTS, count_id(table_no), ts)
    if revision is None:
        return 0
    counts: list[tuple[int, int]] = list(_COUNT.iter_unpack(revision.value))
    _, count = counts[bisect_right(counts, ts, key=_ts_of) - 1]
    return count


class Counting:
    """The counts that commits under one head lock lead to."""

    def __init__(self, reads: Reads, head_ts: int) -> None:
        self._reads = reads
        self._head_ts = head_ts
        self._counts: dict[int, int] = {}
        self._growing: _Growing = defaultdict(list)

    def add(self, ts: int, growth: Growth) -> None:
        """A commit lets tables grow."""
        for table_no, change in growth.items():
            self._growing[table_no].append((ts, change))

    async def counted(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """The commits that were added since it was last asked, with the counts after them."""
        if not self._growing:
            return commits
        growing, self._growing = self._growing, defaultdict(list)
        rows: dict[int, list[DocumentWrite]] = defaultdict(list)
        for table_no, changes in growing.items():
            first_ts, _ = changes[0]
            value = await self._counts_after(table_no, changes)
            rows[first_ts].append(DocumentWrite(COUNTS, count_id(table_no), value))
        return [
            replace(each, documents=[*each.documents, *rows[each.ts]]) if each.ts in rows else each
            for each in commits
        ]

    async def _counts_after(self, table_no: int, changes: Sequence[tuple[int, int]]) -> bytes:
        count = self._counts.get(table_no)
        if count is None:
            count = await count_of(self._reads, table_no, self._head_ts)
        parts: list[bytes] = []
        for ts, change in changes:
            count += change
            parts.append(_COUNT.pack(ts, count))
        self._counts[table_no] = count
        return b"".join(parts)


def _ts_of(count: tuple[int, int]) -> int:
    return count[0]
