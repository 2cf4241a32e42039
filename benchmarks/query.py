"""Queries in process: ten documents by an index, from JSON arguments to the encoded result."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks.application import ORDERS_OF_A_CUSTOMER, customer
from benchmarks.measuring import against, rate
from benchmarks.product import customers_of, query, stocked
from benchmarks.raw_sqlite import raw_sqlite
from benchmarks.result import Result, at_least
from benchmarks.scale import Scale
from confect_core.values import key_of

_STEP = 7919  # a prime: the customers come in no order


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """The orders of a customer, run anew each time, against a join in SQLite."""
    customers = customers_of(scale.documents)
    numbers = count(step=_STEP)
    async with stocked(folder, scale.documents) as backend:
        with raw_sqlite(folder / "queries-raw.db") as raw:
            raw.stock(scale.documents)

            async def of_customer(number: int) -> None:
                args = {"customer": customer(number % customers)}
                await query(backend, "orders:of_customer", {**args})

            async def ours() -> float:
                return await rate(of_customer, numbers, scale.calls, at_a_time=1)

            async def peer() -> float:
                chosen = [customer(next(numbers) % customers) for _ in range(scale.calls)]
                keys = [key_of((each,)) for each in chosen]
                begin = perf_counter()
                for key in keys:
                    raw.of_customer(key, ORDERS_OF_A_CUSTOMER)
                return scale.calls / (perf_counter() - begin)

            name = "raw apsw, join and orjson"
            mine, other = await against(name, scale.rounds, "/s", ours, peer)
    what = f"query: 10 documents by index of {scale.documents:,}, uncached"
    return [Result(what=what, ours=mine, peer=other, target=at_least(0.25, 0.5))]
