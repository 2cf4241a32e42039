"""Many sockets on one process: the memory of each idle one, and what they cost the active ones.

Each idle socket holds a subscription to a query that no other has; an active one runs mutations one
after the other, each until the Transition that includes it has come.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from time import perf_counter

import anyio
from websockets.asyncio.client import connect

from benchmarks.application import customer, order
from benchmarks.measuring import against, durations, percentile
from benchmarks.product_server import product_server
from benchmarks.result import Quantity, Result, at_least, at_most
from benchmarks.scale import Scale
from benchmarks.server_process import ServerProcess, server_process
from benchmarks.sync_socket import SyncSocket, connected

_KIB_PER_MIB = 1024
_OPENED_AT_ONCE = 50
_FIRST_SOCKETS = 20  # opened before memory is looked at, so that nothing is loaded late


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """Memory of an idle socket, and the mutations of active ones with and without idle ones."""
    idle, active = scale.idle_sockets, scale.active_sockets
    with server_process("benchmarks.plain_server", "echo") as plain_server:
        plain = await _memory_of_plain(plain_server, idle)
    async with AsyncExitStack() as stack:
        beside = stack.enter_context(product_server(folder / "beside"))
        alone = stack.enter_context(product_server(folder / "alone"))
        memory = await _memory_of_idle(beside, idle, stack)
        ours = await stack.enter_async_context(_active(beside, active))
        others = await stack.enter_async_context(_active(alone, active))
        taken: list[float] = []
        rate, peer = await against(
            "without idle sockets",
            scale.rounds,
            "/s",
            lambda: _mutations(ours, scale.calls, taken),
            lambda: _mutations(others, scale.calls, []),
        )
    return [
        Result(
            what=f"memory of an idle socket with a subscription, of {idle:,}",
            ours=Quantity(memory, "KiB"),
            target=at_most(60, 25),
        ),
        Result(
            what="memory of an idle socket of a plain websockets server",
            ours=Quantity(plain, "KiB"),
        ),
        Result(
            what=f"mutations of {active} sockets beside {idle:,} idle ones",
            ours=rate,
            peer=peer,
            target=at_least(0.8, 0.95),
        ),
        Result(
            what="the same, p99 of what a client waits",
            ours=Quantity(percentile(taken, 0.99) / 1e3, "ms"),
        ),
    ]


async def _memory_of_idle(server: ServerProcess, sockets: int, stack: AsyncExitStack) -> float:
    """What each of so many sockets takes, once all of them have their answer."""

    async def open_one(number: int) -> None:
        socket = await stack.enter_async_context(connected(server.port))
        await socket.subscribe("orders:of_customer", {"customer": customer(number)})

    await _each(open_one, range(_FIRST_SOCKETS))
    before = server.memory_mib
    await _each(open_one, range(_FIRST_SOCKETS, _FIRST_SOCKETS + sockets))
    return (server.memory_mib - before) / sockets * _KIB_PER_MIB


async def _memory_of_plain(server: ServerProcess, sockets: int) -> float:
    async with AsyncExitStack() as stack:

        async def open_one(number: int) -> None:
            url = f"ws://127.0.0.1:{server.port}"
            socket = connect(url, compression=None, ping_interval=None)
            connection = await stack.enter_async_context(socket)
            await connection.send(str(number))
            await connection.recv()

        await _each(open_one, range(_FIRST_SOCKETS))
        before = server.memory_mib
        await _each(open_one, range(_FIRST_SOCKETS, _FIRST_SOCKETS + sockets))
        return (server.memory_mib - before) / sockets * _KIB_PER_MIB


async def _each(open_one: Callable[[int], Awaitable[None]], numbers: Iterable[int]) -> None:
    limit = anyio.CapacityLimiter(_OPENED_AT_ONCE)

    async def open_limited(number: int) -> None:
        async with limit:
            await open_one(number)

    async with anyio.create_task_group() as tasks:
        for number in numbers:
            tasks.start_soon(open_limited, number)


async def _mutations(sockets: list[SyncSocket], calls: int, taken_us: list[float]) -> float:
    """Mutations a second of these sockets; how long each took is added to what was taken."""
    free = list(sockets)

    async def place(number: int) -> None:
        socket = free.pop()
        await socket.mutate("orders:place", order(number, len(sockets)))
        free.append(socket)

    begin = perf_counter()
    taken_us += await durations(place, count(), calls, at_a_time=len(sockets))
    return calls / (perf_counter() - begin)


@asynccontextmanager
async def _active(server: ServerProcess, sockets: int) -> AsyncGenerator[list[SyncSocket]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(server.port)) for _ in range(sockets)]
