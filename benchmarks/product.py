"""The application on a database in a folder, and calls of its functions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.application import ORDERS_OF_A_CUSTOMER, application, order
from benchmarks.measuring import Call
from confect_core.protocol import JsonObject
from confect_core.values import loads
from confect_server.engine import ReadSet
from confect_server.runtime import CLIENT, Backend, settle_collector
from confect_server.runtime.outcome import RunOutcome, Succeeded
from confect_server.store import SqliteStore

_ORDERS_A_CALL = 500
_CUSTOMERS = 10_000


class CallFailed(Exception):
    """A call that is measured did not succeed, so its time means nothing."""


@asynccontextmanager
async def running(database: Path) -> AsyncGenerator[Backend]:
    """The application on the database in this file, in a process like the server's."""
    async with Backend.open(application(), SqliteStore(database)) as backend:
        settle_collector()
        yield backend


@asynccontextmanager
async def stocked(folder: Path, orders: int) -> AsyncGenerator[Backend]:
    """The application with so many orders, ten for each customer; made once in a folder."""
    database = folder / f"{orders}.db"
    is_new = not database.exists()
    async with running(database) as backend:
        if is_new:
            await stock(backend, orders)
        yield backend


async def stock(backend: Backend, orders: int) -> None:
    """Add so many orders, ten for each customer."""
    for first in range(0, orders, _ORDERS_A_CALL):
        count = min(_ORDERS_A_CALL, orders - first)
        args: JsonObject = {"first": first, "count": count, "customers": customers_of(orders)}
        await mutate(backend, "orders:stock", args)


def customers_of(orders: int) -> int:
    """How many customers there are to so many orders."""
    return max(1, orders // ORDERS_OF_A_CUSTOMER)


async def mutate(backend: Backend, path: str, args: JsonObject) -> bytes:
    """The encoded result of a mutation."""
    return succeeded((await backend.executor.run_mutation(path, args, CLIENT)).outcome)


async def query(backend: Backend, path: str, args: JsonObject) -> bytes:
    """The encoded result of a query, run anew."""
    return succeeded((await backend.executor.run_query(path, args, CLIENT)).outcome)


async def reads_of(backend: Backend, path: str, args: JsonObject) -> ReadSet:
    """What a query reads."""
    result = await backend.executor.run_query(path, args, CLIENT)
    succeeded(result.outcome)
    return result.reads


def placing(backend: Backend) -> Call:
    """Calls that place one order each."""

    async def place(number: int) -> None:
        await mutate(backend, "orders:place", order(number, _CUSTOMERS))

    return place


def text_of(encoded: bytes) -> str:
    """The text that a result is: an id."""
    text = loads(encoded)
    assert isinstance(text, str), "an id is a text"
    return text


def succeeded(outcome: RunOutcome) -> bytes:
    """The encoded result of a call; raises `CallFailed`."""
    if not isinstance(outcome, Succeeded):
        raise CallFailed(repr(outcome))
    return outcome.value
