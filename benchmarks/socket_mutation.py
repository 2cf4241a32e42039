"""Mutations over the sync socket: 64 and 256 in flight, and one.

A server runs the mutations of a socket one after the other, so there is a socket for each that is
in flight. A mutation is over when its answer and the Transition that includes it have come: clients
wait for both. The peer answers a POST that does the same (`fastapi_peer.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, islice
from pathlib import Path
from statistics import median

import orjson

from benchmarks.application import order
from benchmarks.http_load import Burst, HttpLoad, http_load, post
from benchmarks.measuring import against, alone
from benchmarks.product_server import product_server
from benchmarks.raw_socket import RawSocket, frame, mutate_all, synced_sockets
from benchmarks.result import Quantity, Result, at_least, at_most
from benchmarks.scale import Scale
from benchmarks.server_process import ServerProcess, server_process
from confect_core.protocol import FunctionPath, Mutation, encode_client_message

AT_A_TIME = 64
MORE_AT_A_TIME = 256
_CUSTOMERS = 10_000
_PEER = "POST to FastAPI, SQLAlchemy and aiosqlite"


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """Placing orders over sockets, beside POSTs to the peer that place the same."""
    database = str(folder / "socket-mutation-peer.db")
    with (
        product_server(folder / "socket-mutation") as ours,
        server_process("benchmarks.fastapi_peer", "sqlalchemy", database, "0", "1") as peer,
        http_load() as load,
        synced_sockets(ours.port, MORE_AT_A_TIME) as sockets,
    ):
        placing = _Placing(ours, sockets)
        return [
            await _many_at_a_time(scale, placing, peer, load),
            await _more_at_a_time(scale, placing),
            Result(
                what="the same, what a mutation costs the server",
                ours=Quantity(placing.cpu_us, "µs"),
            ),
            await _one_at_a_time(scale, placing),
        ]


async def _many_at_a_time(
    scale: Scale, placing: _Placing, peer: ServerProcess, load: HttpLoad
) -> Result:
    numbers = count()

    async def ours() -> float:
        return scale.calls / placing.burst(scale.calls, at_a_time=AT_A_TIME).taken_s

    async def others() -> float:
        calls = max(AT_A_TIME, scale.calls // 4)  # they take ten times as long
        posts = [
            post("/orders", orjson.dumps(order(number, _CUSTOMERS)))
            for number in islice(numbers, calls)
        ]
        return calls / (await load.send(peer.port, posts, b"id", connections=AT_A_TIME)).taken_s

    rate, other = await against(_PEER, scale.rounds, "/s", ours, others)
    what = f"mutation over the sync socket, {AT_A_TIME} in flight"
    return Result(what=what, ours=rate, peer=other, target=at_least(10, 30))


async def _more_at_a_time(scale: Scale, placing: _Placing) -> Result:
    async def ours() -> float:
        return scale.calls / placing.burst(scale.calls, at_a_time=MORE_AT_A_TIME).taken_s

    what = f"the same, {MORE_AT_A_TIME} in flight"
    return Result(what=what, ours=await alone(scale.rounds, "/s", ours))


async def _one_at_a_time(scale: Scale, placing: _Placing) -> Result:
    calls = max(1, scale.calls // 8)

    async def ours() -> float:
        return median(placing.burst(calls, at_a_time=1).waited_us) / 1e3

    what = "mutation over the sync socket, 1 in flight, p50"
    return Result(what=what, ours=await alone(scale.rounds, "ms", ours), target=at_most(1.2, 0.6))


class _Placing:
    """Sockets that place orders, each one after the other."""

    def __init__(self, server: ServerProcess, sockets: Sequence[RawSocket]) -> None:
        self._server = server
        self._sockets = sockets
        self._requests = count()
        self._cpu_s = 0.0
        self._calls = 0

    @property
    def cpu_us(self) -> float:
        """What a mutation has cost the server."""
        return self._cpu_s / self._calls * 1e6

    def burst(self, calls: int, *, at_a_time: int) -> Burst:
        """So many mutations, over so many sockets."""
        ready = [self._frame(request_id) for request_id in islice(self._requests, calls)]
        cpu_before_s = self._server.cpu_s
        done = mutate_all(self._sockets[:at_a_time], ready)
        self._cpu_s += self._server.cpu_s - cpu_before_s
        self._calls += calls
        return done

    def _frame(self, request_id: int) -> bytes:
        args = order(request_id, _CUSTOMERS)
        mutation = Mutation(request_id, FunctionPath.parse("orders:place"), args)
        return frame(encode_client_message(mutation))
