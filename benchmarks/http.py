"""Calls over HTTP beside the same work of a FastAPI application (`fastapi_peer.py`).

Each server runs in a process of its own, and so does what sends (`http_load.py`): 64 connections
that stay open, each of which sends its next request once the last one is answered. A query that is
uncached asks for an order that nobody has asked for before, a cached one for one of four. Beside
how many requests a server answers stands how long it was on a processor for one of them, which
says the same on a busy machine.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

import anyio.to_thread
import orjson

from benchmarks.application import order
from benchmarks.http_load import Burst, HttpLoad, get, http_load, post
from benchmarks.measuring import percentile
from benchmarks.product import customers_of
from benchmarks.result import Peer, Quantity, Result, Target, Unit, at_least, at_most
from benchmarks.scale import Scale
from benchmarks.server_process import ServerProcess, server_process

Name: TypeAlias = Literal["confect", "sqlalchemy", "sqlite3"]

_CONNECTIONS = 64
_CACHED = 4
_SHOWN: dict[Name, str] = {
    "confect": "ours",
    "sqlalchemy": "FastAPI, SQLAlchemy, aiosqlite",
    "sqlite3": "FastAPI, sqlite3 without ORM",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server made of a burst of requests."""

    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    """How long it was on a processor for one request."""


Round: TypeAlias = dict[Name, Answered]
"""The same work of several servers, one after the other."""

Figure: TypeAlias = Callable[[Answered], float]


class _Server:
    """A server and the requests that it understands."""

    def __init__(self, name: Name, process: ServerProcess, load: HttpLoad, orders: int) -> None:
        self._is_ours = name == "confect"
        self._process = process
        self._load = load
        self._customers = customers_of(orders)
        self._orders = orders
        self._placed = count(orders)
        self._found = count()

    async def place(self, calls: int, connections: int) -> Answered:
        """Place new orders."""
        return await self._burst([self._placing() for _ in range(calls)], connections)

    async def find(self, calls: int, connections: int) -> Answered:
        """Find orders that nobody has looked for, for as long as there are such."""
        numbers = [next(self._found) % self._orders for _ in range(calls)]
        return await self._burst([self._finding(each) for each in numbers], connections)

    async def find_again(self, calls: int, connections: int) -> Answered:
        """Find the same few orders again and again."""
        numbers = [each % _CACHED for each in range(calls)]
        return await self._burst([self._finding(each) for each in numbers], connections)

    def _placing(self) -> bytes:
        fields = order(next(self._placed), self._customers)
        if not self._is_ours:
            return post("/orders", orjson.dumps(fields))
        return post("/api/mutation", orjson.dumps({"path": "orders:place", "args": fields}))

    def _finding(self, number: int) -> bytes:
        if not self._is_ours:
            return get(f"/orders/{number}")
        args = {"number": number}
        return post("/api/query", orjson.dumps({"path": "orders:numbered", "args": args}))

    async def _burst(self, requests: Sequence[bytes], connections: int) -> Answered:
        expected = b'"status":"success"' if self._is_ours else b'"id":'
        before_s = self._process.cpu_s
        burst: Burst = await self._load.send(
            self._process.port, requests, expected, connections=connections
        )
        return Answered(
            rate=len(requests) / burst.taken_s,
            p50_us=median(burst.waited_us),
            p99_us=percentile(burst.waited_us, 0.99),
            cpu_us=(self._process.cpu_s - before_s) / len(requests) * 1e6,
        )


Servers: TypeAlias = dict[Name, _Server]

Work: TypeAlias = Callable[[_Server, int], Awaitable[Answered]]
"""So many calls of a server."""


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """Mutations and queries over HTTP, and what a server takes that does nothing."""
    memory = await anyio.to_thread.run_sync(_memory, folder)
    async with _servers(folder, scale.documents) as servers:
        ours_and_peer: Servers = {
            "confect": servers["confect"],
            "sqlalchemy": servers["sqlalchemy"],
        }
        placed = await _in_turn(scale, servers, lambda each, n: each.place(n, _CONNECTIONS))
        alone = await _in_turn(scale, ours_and_peer, lambda each, n: each.place(n, 1))
        found = await _in_turn(scale, servers, lambda each, n: each.find(n, _CONNECTIONS))
        again = await _in_turn(
            scale, ours_and_peer, lambda each, n: each.find_again(n, _CONNECTIONS)
        )
    return [*_of_mutations(placed, alone), *_of_queries(found, again), memory]


def _of_mutations(placed: Sequence[Round], alone: Sequence[Round]) -> list[Result]:
    what = f"POST mutation over HTTP, {_CONNECTIONS} connections"
    return [
        _compared(what, placed, _rate, "/s", "sqlalchemy", at_least(15, 30)),
        _compared(f"{what}, p99", placed, _p99_ms, "ms", "sqlalchemy", at_most(0.1, 0.03)),
        _compared(what, placed, _rate, "/s", "sqlite3", at_least(3, 6)),
        _compared(f"{what}, processor time of one", placed, _cpu_us, "µs", "sqlite3"),
        _compared(
            "the same, 1 connection, p50", alone, _p50_us, "µs", "sqlalchemy", at_most(0.5, 0.25)
        ),
    ]


def _of_queries(found: Sequence[Round], again: Sequence[Round]) -> list[Result]:
    what = f"query over HTTP, {_CONNECTIONS} connections"
    return [
        _compared(f"{what}, uncached", found, _rate, "/s", "sqlalchemy", at_least(15, 40)),
        _compared(f"{what}, uncached", found, _rate, "/s", "sqlite3", at_least(1.8, 3.5)),
        _compared(f"{what}, uncached, processor time of one", found, _cpu_us, "µs", "sqlite3"),
        _compared(f"{what}, cached", again, _rate, "/s", "sqlalchemy", at_least(30, 150)),
        _compared(f"{what}, cached, processor time of one", again, _cpu_us, "µs", "sqlalchemy"),
    ]


def _rate(answered: Answered) -> float:
    return answered.rate


def _p50_us(answered: Answered) -> float:
    return answered.p50_us


def _p99_ms(answered: Answered) -> float:
    return answered.p99_us / 1e3


def _cpu_us(answered: Answered) -> float:
    return answered.cpu_us


def _compared(
    what: str,
    rounds: Sequence[Round],
    figure: Figure,
    unit: Unit,
    name: Name,
    target: Target | None = None,
) -> Result:
    ours = [figure(each["confect"]) for each in rounds]
    peer = [figure(each[name]) for each in rounds]
    ratio = median(mine / others for mine, others in zip(ours, peer, strict=True))
    return Result(
        what=what,
        ours=Quantity(median(ours), unit),
        peer=Peer(name=_SHOWN[name], quantity=Quantity(median(peer), unit), ratio=ratio),
        target=target,
    )


async def _in_turn(scale: Scale, servers: Servers, work: Work) -> list[Round]:
    """The work of each server in turn, for about as long; a round before only warms up.

    Of equally many calls the fast server would do its own in a moment, most of which it needs to
    get warm again after the slow one.
    """
    calls = {
        name: max(
            scale.least_calls, int((await work(each, scale.least_calls)).rate * scale.burst_s)
        )
        for name, each in servers.items()
    }
    rounds: list[Round] = []
    for at in range(scale.rounds):
        answered: Round = {}
        for name in servers if at % 2 else reversed(servers):
            answered[name] = await work(servers[name], calls[name])
        rounds.append(answered)
    return rounds


@asynccontextmanager
async def _servers(folder: Path, orders: int) -> AsyncGenerator[Servers]:
    with http_load() as load, ExitStack() as stack:
        servers: Servers = {}
        for name in _SHOWN:
            process = stack.enter_context(_process(name, folder, orders))
            servers[name] = _Server(name, process, load, orders)
        yield servers


@contextmanager
def _process(name: Name, folder: Path, orders: int) -> Generator[ServerProcess]:
    own = folder / f"http-{name}-{orders}"
    own.mkdir()
    if name == "confect":
        running = server_process("benchmarks.product_server", str(own), str(orders))
    else:
        database, customers = str(own / "orders.db"), str(customers_of(orders))
        running = server_process("benchmarks.fastapi_peer", name, database, str(orders), customers)
    with running as process:
        yield process


def _memory(folder: Path) -> Result:
    with _process("confect", folder, 0) as ours, _process("sqlalchemy", folder, 0) as peer:
        mine, others = ours.memory_mib, peer.memory_mib
    return Result(
        what="memory of an idle server",
        ours=Quantity(mine, "MiB"),
        peer=Peer(name=_SHOWN["sqlalchemy"], quantity=Quantity(others, "MiB"), ratio=mine / others),
        target=at_most(0.9, 0.5),
    )
