"""Mutations in process: the whole call, from its JSON arguments to the durable commit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.measuring import against, durations, rate
from benchmarks.product import placing, running
from benchmarks.raw_sqlite import RawSqlite, raw_sqlite, rows
from benchmarks.result import Result, at_least, at_most
from benchmarks.scale import Scale
from confect_server.runtime import Backend

AT_A_TIME = 64
_CUSTOMERS = 10_000


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """Placing orders, 64 and 1 at a time, against the bare writes of SQLite."""
    async with running(folder / "mutations.db") as backend:
        with raw_sqlite(folder / "mutations-raw.db") as raw:
            numbers = count()
            return [
                await _many_at_a_time(scale, backend, raw, numbers),
                await _one_at_a_time(scale, backend, raw, numbers),
            ]


async def _many_at_a_time(
    scale: Scale, backend: Backend, raw: RawSqlite, numbers: Iterator[int]
) -> Result:
    async def ours() -> float:
        return await rate(placing(backend), numbers, scale.calls, at_a_time=AT_A_TIME)

    async def peer() -> float:
        batches = [
            rows(numbers, AT_A_TIME, _CUSTOMERS) for _ in range(max(1, scale.calls // AT_A_TIME))
        ]
        begin = perf_counter()
        for batch in batches:
            raw.insert(batch)
        return len(batches) * AT_A_TIME / (perf_counter() - begin)

    name = f"raw apsw, batches of {AT_A_TIME}: document and 2 index rows"
    mine, other = await against(name, scale.rounds, "/s", ours, peer)
    what = f"mutation: one document of 8 fields, 2 indexes, {AT_A_TIME} at a time"
    return Result(what=what, ours=mine, peer=other, target=at_least(0.12, 0.30))


async def _one_at_a_time(
    scale: Scale, backend: Backend, raw: RawSqlite, numbers: Iterator[int]
) -> Result:
    calls = max(1, scale.calls // 8)

    async def ours() -> float:
        return median(await durations(placing(backend), numbers, calls, at_a_time=1))

    async def peer() -> float:
        ready = rows(numbers, calls, _CUSTOMERS)
        taken: list[float] = []
        for row in ready:
            begin = perf_counter()
            raw.insert_document(row)
            taken.append((perf_counter() - begin) * 1e6)
        return median(taken)

    name = "raw apsw, a commit of one row"
    mine, other = await against(name, scale.rounds, "µs", ours, peer)
    what = "mutation: the same, 1 at a time, p50"
    return Result(what=what, ours=mine, peer=other, target=at_most(4, 2))
