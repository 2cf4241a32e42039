"""Taking figures: ours and the peer's in turn, and the medians of many rounds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from statistics import median
from time import perf_counter
from typing import TypeAlias

from benchmarks.result import Peer, Quantity, Unit

Measure: TypeAlias = Callable[[], Awaitable[float]]
"""Takes one figure."""

Call: TypeAlias = Callable[[int], Awaitable[object]]
"""Makes the call with this number."""


async def against(
    name: str, rounds: int, unit: Unit, ours: Measure, peer: Measure
) -> tuple[Quantity, Peer]:
    """Both figures, taken in turn; the round before the first only warms up."""
    await ours()
    await peer()
    figures = [await _round(ours, peer, is_ours_first=at % 2 == 0) for at in range(rounds)]
    ratio = median(mine / others for mine, others in figures)
    mine, others = (median(column) for column in zip(*figures, strict=True))
    return Quantity(mine, unit), Peer(name=name, quantity=Quantity(others, unit), ratio=ratio)


async def alone(rounds: int, unit: Unit, ours: Measure) -> Quantity:
    """A figure without a peer."""
    await ours()
    return Quantity(median([await ours() for _ in range(rounds)]), unit)


async def rate(call: Call, numbers: Iterator[int], calls: int, *, at_a_time: int) -> float:
    """Calls a second, so many of them at a time."""
    left = iter(range(calls))

    async def worker() -> None:
        for _ in left:
            await call(next(numbers))

    begin = perf_counter()
    await asyncio.gather(*[worker() for _ in range(at_a_time)])
    return calls / (perf_counter() - begin)


async def durations(
    call: Call, numbers: Iterator[int], calls: int, *, at_a_time: int
) -> list[float]:
    """How many microseconds each call takes, so many of them at a time."""
    taken: list[float] = []

    async def timed(number: int) -> None:
        begin = perf_counter()
        await call(number)
        taken.append((perf_counter() - begin) * 1e6)

    await rate(timed, numbers, calls, at_a_time=at_a_time)
    return taken


def percentile(figures: Sequence[float], share: float) -> float:
    """The figure that this share of all is not above."""
    return sorted(figures)[max(0, math.ceil(share * len(figures)) - 1)]


async def _round(ours: Measure, peer: Measure, *, is_ours_first: bool) -> tuple[float, float]:
    if is_ours_first:
        mine = await ours()
        return mine, await peer()
    others = await peer()
    return await ours(), others
