"""The slowest inserts: what checkpoints, garbage collection and the like do to a caller."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.measuring import durations, percentile
from benchmarks.product import placing, stocked
from benchmarks.result import Peer, Quantity, Result, at_most
from benchmarks.scale import Scale

AT_A_TIME = 64
_SHARE = 0.999


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """The 99.9th percentile of inserts into a table with many documents, by their own median."""
    async with stocked(folder, scale.tail_documents) as backend:
        calls = 2 * scale.rounds * scale.calls
        numbers = count(scale.tail_documents)
        taken = await durations(placing(backend), numbers, calls, at_a_time=AT_A_TIME)
    slow, usual = percentile(taken, _SHARE) / 1e3, median(taken) / 1e3
    what = f"insert beside {scale.tail_documents:,} documents, {AT_A_TIME} at a time, p99.9"
    peer = Peer(name="own p50", quantity=Quantity(usual, "ms"), ratio=slow / usual)
    return [Result(what=what, ours=Quantity(slow, "ms"), peer=peer, target=at_most(15, 5))]
