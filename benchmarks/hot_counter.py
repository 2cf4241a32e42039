"""A hot counter: everybody increments the same document, and nobody may lose an increment."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from benchmarks.measuring import against, alone, rate
from benchmarks.postgres import postgres
from benchmarks.product import mutate, running, text_of
from benchmarks.result import Result, at_least
from benchmarks.scale import Scale
from confect_core.protocol import JsonObject
from confect_core.values import loads
from confect_server.runtime import Backend

AT_A_TIME = 64
CONNECTIONS = 32
_WHAT = f"hot counter, {AT_A_TIME} at a time, exact"


class NotExact(Exception):
    """Increments were lost or happened twice."""

    def __init__(self, expected: int, found: object) -> None:
        super().__init__(f"{expected} increments were acknowledged, the counter says {found}")


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """Increments a second, against PostgreSQL where it is installed."""
    async with running(folder / "counters.db") as backend:

        async def ours() -> float:
            return await _increments_a_second(backend, scale.calls)

        with postgres() as server:
            if server is None:
                return [Result(what=_WHAT, ours=await alone(scale.rounds, "/s", ours))]

            async def peer() -> float:
                return server.increments_a_second(CONNECTIONS, scale.calls / 1_000)

            name = f"PostgreSQL, serializable, {CONNECTIONS} connections"
            mine, other = await against(name, scale.rounds, "/s", ours, peer)
            return [Result(what=_WHAT, ours=mine, peer=other, target=at_least(10, 40))]


async def _increments_a_second(backend: Backend, calls: int) -> float:
    """How fast a new counter is incremented; raises `NotExact`."""
    args: JsonObject = {"counter": text_of(await mutate(backend, "counters:begin", {}))}

    async def increment(_: int) -> None:
        await mutate(backend, "counters:increment", args)

    measured = await rate(increment, count(), calls, at_a_time=AT_A_TIME)
    counted = loads(await mutate(backend, "counters:increment", args))
    if counted != calls + 1:
        raise NotExact(calls, counted)
    return measured
