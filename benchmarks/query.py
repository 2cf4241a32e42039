"""Queries in process: ten documents by an index, from JSON arguments to the encoded result.

Uncached they are run anew each time; cached they are a few answers that everybody asks for.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks.application import ORDERS_OF_A_CUSTOMER, customer
from benchmarks.measuring import against, alone, rate
from benchmarks.product import customers_of, query, stocked, succeeded
from benchmarks.raw_sqlite import RawSqlite, raw_sqlite
from benchmarks.result import Result, at_least
from benchmarks.scale import Scale
from confect_core.protocol import JsonObject
from confect_core.values import key_of
from confect_server.runtime import CLIENT, Backend

_PATH = "orders:of_customer"
_ASKED_FOR = 16
_STEP = 7919  # a prime: the customers come in no order


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """The orders of a customer, against a join in SQLite, and out of the cache."""
    async with stocked(folder, scale.documents) as backend:
        with raw_sqlite(folder / "queries-raw.db") as raw:
            raw.stock(scale.documents)
            uncached = await _uncached(scale, backend, raw)
        return [uncached, await _cached(scale, backend)]


async def _uncached(scale: Scale, backend: Backend, raw: RawSqlite) -> Result:
    customers = customers_of(scale.documents)
    numbers = count(step=_STEP)

    async def of_customer(number: int) -> None:
        await query(backend, _PATH, {"customer": customer(number % customers)})

    async def ours() -> float:
        return await rate(of_customer, numbers, scale.calls, at_a_time=1)

    async def peer() -> float:
        chosen = [customer(next(numbers) % customers) for _ in range(scale.calls)]
        keys = [key_of((each,)) for each in chosen]
        begin = perf_counter()
        for key in keys:
            raw.of_customer(key, ORDERS_OF_A_CUSTOMER)
        return scale.calls / (perf_counter() - begin)

    mine, other = await against("raw apsw, join and orjson", scale.rounds, "/s", ours, peer)
    what = f"query: 10 documents by index of {scale.documents:,}, uncached"
    return Result(what=what, ours=mine, peer=other, target=at_least(0.25, 0.5))


async def _cached(scale: Scale, backend: Backend) -> Result:
    asked: list[JsonObject] = [{"customer": customer(each)} for each in range(_ASKED_FOR)]
    run, calls = backend.queries.run, 10 * scale.calls
    for args in asked:
        succeeded((await run(_PATH, args, CLIENT)).outcome)

    async def ours() -> float:
        begin = perf_counter()
        for number in range(calls):
            await run(_PATH, asked[number % _ASKED_FOR], CLIENT)
        return calls / (perf_counter() - begin)

    mine = await alone(scale.rounds, "/s", ours)
    return Result(what="query: the same, cached", ours=mine, target=at_least(300_000, 1_000_000))
