"""What a written key costs beside many subscriptions that do not depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks.application import customer
from benchmarks.measuring import against
from benchmarks.product import placing, reads_of, running
from benchmarks.result import Result, Target, at_most
from benchmarks.scale import Scale
from confect_server.engine import ReadSet
from confect_server.engine.subscription import Subscriptions
from confect_server.engine.write_log import WriteLog
from confect_server.runtime import Backend
from confect_server.store import LogEntry, SqliteStore

_COMMITS = 512
_STEP = 7919  # a prime: the customers come in no order


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """A written key against few subscriptions and against more and more of them."""
    database = folder / "invalidation.db"
    async with running(database) as backend:
        index = backend.database.catalog.table("orders").indexes["by_customer"].number
        entries = _only(index, await _commits(backend, database))
        reads = [await _reads(backend, number) for number in range(max(scale.subscriptions))]
    few, *more = scale.subscriptions
    beside_few = _Publishing(reads[:few], entries)
    return [await _compared(scale, beside_few, few, reads[:many], entries) for many in more]


async def _compared(
    scale: Scale,
    beside_few: _Publishing,
    few: int,
    reads: Sequence[ReadSet],
    entries: Sequence[LogEntry],
) -> Result:
    beside_many = _Publishing(reads, entries)
    name = f"the same beside {few}"
    mine, other = await against(name, scale.rounds, "µs", beside_many.us_a_key, beside_few.us_a_key)
    what = f"written key beside {len(reads):,} subscriptions that do not match"
    target: Target | None = at_most(3, 1.3) if len(reads) == max(scale.subscriptions) else None
    return Result(what=what, ours=mine, peer=other, target=target)


class _Publishing:
    """Commits that are published beside subscriptions which none of them is to reach."""

    def __init__(self, reads: Sequence[ReadSet], entries: Sequence[LogEntry]) -> None:
        self._subscriptions = Subscriptions(WriteLog(0))
        self._entries = entries
        self._keys = sum(len(entry.changes) for entry in entries)
        for each in reads:
            self._subscriptions.subscribe(each, 0, _refuse)

    async def us_a_key(self) -> float:
        """Microseconds for each key that is written."""
        begin = perf_counter()
        self._subscriptions.published(self._entries)
        return (perf_counter() - begin) * 1e6 / self._keys


async def _reads(backend: Backend, number: int) -> ReadSet:
    """What a query for one customer reads; no order is of any of these customers."""
    args = {"customer": f"{customer(number)} of another town"}
    return await reads_of(backend, "orders:of_customer", {**args})


async def _commits(backend: Backend, database: Path) -> list[LogEntry]:
    """What the log holds of orders that were placed."""
    before = backend.database.newest_ts
    place, numbers = placing(backend), count(step=_STEP)
    for _ in range(_COMMITS):
        await place(next(numbers))
    store = SqliteStore(database)
    await store.open()
    try:
        return await store.log_after(before)
    finally:
        await store.close()


def _only(index_no: int, entries: Sequence[LogEntry]) -> list[LogEntry]:
    """What was written to the index that is subscribed to; anything else costs next to nothing."""
    return [
        LogEntry(entry.ts, [each for each in entry.changes if each.index_no == index_no])
        for entry in entries
    ]


def _refuse(ts: int) -> None:
    raise AssertionError(f"the commit at {ts} reached a subscription that it does not match")
