"""A range of a table: it costs what it returns, however large the table is."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from benchmarks.measuring import Measure, against, rate
from benchmarks.product import query, stocked
from benchmarks.result import Result, at_most
from benchmarks.scale import Scale
from confect_server.runtime import Backend

SMALL = 1_000
RANGES = (10, 100)
_STEP = 7919  # a prime: the ranges come in no order


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """The same range in a large table and in a small one."""
    large = scale.many_documents
    async with stocked(folder, large) as in_large, stocked(folder, SMALL) as in_small:
        return [await _compared(scale, rows, large, in_large, in_small) for rows in RANGES]


async def _compared(
    scale: Scale, rows: int, large: int, in_large: Backend, in_small: Backend
) -> Result:
    calls = max(1, scale.calls * 4 // rows)
    mine, other = await against(
        f"the same of {SMALL:,}",
        scale.rounds,
        "µs",
        _us_a_range(in_large, large, rows, calls),
        _us_a_range(in_small, SMALL, rows, calls),
    )
    what = f"range of {rows} documents of {large:,}"
    return Result(what=what, ours=mine, peer=other, target=at_most(2, 1.25))


def _us_a_range(backend: Backend, documents: int, rows: int, calls: int) -> Measure:
    numbers = count(step=_STEP)

    async def several(number: int) -> None:
        args = {"first": number % (documents - rows), "count": rows}
        await query(backend, "orders:several", {**args})

    async def measured() -> float:
        return 1e6 / await rate(several, numbers, calls, at_a_time=1)

    return measured
