"""`Weather`: a wire between clients and servers on which everything goes wrong, by a seed.

Bytes are late and come in pieces, connections are refused, end in the middle of a frame, or fall
silent. Some are carried twice: a second connection to the server says all that the client says, and
nobody hears what it is answered. Some end for the client only, and what it said reaches the server
a while later, beside what it says on the next connection. If there are several servers, each
connection leads to any of them, and what is carried twice to any two.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from time import monotonic

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

_GONE = (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
_LONGEST_PIECE = 4096
_KEPT_PIECES = 10_000
_CALM_S = 1e9


@dataclass(frozen=True, slots=True)
class Fate:
    """What will happen to one connection."""

    is_refused: bool = False
    begins_late_s: float = 0.0
    piece_s: float = 0.0
    """How late a piece is, at most."""
    lasts_s: float = _CALM_S
    silent_s: float = 0.0
    """For how long nothing comes through before it ends."""
    is_cut_in_a_frame: bool = False
    arrives_late_s: float = 0.0
    """How long after the end the server hears the last of what the client has said."""
    is_twice: bool = False

    @classmethod
    def drawn(cls, chooser: Random, *, may_be_twice: bool) -> Fate:
        if chooser.random() < 0.1:
            return cls(is_refused=True)
        return cls(
            begins_late_s=chooser.choice((0.0, 0.0, 0.02, 0.3)),
            piece_s=chooser.choice((0.0, 0.001, 0.02)),
            lasts_s=chooser.expovariate(1 / chooser.choice((0.05, 0.5, 2.0, 4.0))),
            silent_s=chooser.choice((0.0, 0.0, 0.5, 2.0)),
            is_cut_in_a_frame=chooser.random() < 0.5,
            arrives_late_s=chooser.choice((0.0, 0.0, 0.2, 1.0)),
            is_twice=chooser.random() < 0.3 and may_be_twice,
        )


class Weather:
    """Carries connections to servers, each as its fate has it, until it is `calm`."""

    def __init__(self, seed: int, server_ports: tuple[int, ...], *, carries_twice: bool) -> None:
        self.port = 0
        self.connections = 0
        self.duplicates = 0
        self._server_ports = server_ports
        self._carries_twice = carries_twice
        self._chooser = Random(seed)
        self._is_calm = False
        self._carried: set[anyio.CancelScope] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calm(self) -> None:
        """End what is carried now; nothing happens to connections that begin later."""
        self._is_calm = True
        for carried in self._carried:
            carried.cancel()

    async def calm_at(self, end_s: float) -> None:
        """Be bad until then, and calm ever after."""
        await anyio.sleep(end_s - monotonic())
        self.calm()

    async def carry(self, client: SocketStream) -> None:
        """Carry one connection until it ends."""
        self.connections += 1
        fate = Fate()
        if not self._is_calm:
            fate = Fate.drawn(self._chooser, may_be_twice=self._carries_twice)
        ports = [self._chooser.choice(self._server_ports) for _ in range(1 + fate.is_twice)]
        async with client:
            if not fate.is_refused:
                with anyio.CancelScope() as carried, suppress(*_GONE):
                    self._carried.add(carried)
                    await _Connection(client, fate, self._chooser).carry(ports)
                    self.duplicates += fate.is_twice
                self._carried.discard(carried)


class _Connection:
    """One connection of a client, and its own to a server: one, or two that hear the same."""

    def __init__(self, client: SocketStream, fate: Fate, chooser: Random) -> None:
        self._client = client
        self._fate = fate
        self._chooser = chooser
        self._is_silent = False
        self._says: list[MemoryObjectSendStream[bytes]] = []

    async def carry(self, ports: list[int]) -> None:
        """Carry it to the end that it is to have; what the first server answers is heard."""
        await anyio.sleep(self._fate.begins_late_s)
        async with AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(await anyio.connect_tcp("127.0.0.1", port))
                for port in ports
            ]
            async with anyio.create_task_group() as tasks:
                hears: SocketStream | None = self._client
                for server in servers:
                    self._begin(stack, tasks, server, hears)
                    hears = None
                tasks.start_soon(self._listen)
                await self._end_in_time()
                tasks.cancel_scope.cancel()

    async def _end_in_time(self) -> None:
        await anyio.sleep(self._fate.lasts_s)
        self._is_silent = True
        await anyio.sleep(self._fate.silent_s)
        if self._fate.is_cut_in_a_frame:
            with suppress(*_GONE):
                await self._client.send(b"\x81")  # of a frame that never goes on
        await self._client.aclose()
        await anyio.sleep(self._fate.arrives_late_s)

    def _begin(
        self,
        stack: AsyncExitStack,
        tasks: TaskGroup,
        server: SocketStream,
        hears: SocketStream | None,
    ) -> None:
        says, said = anyio.create_memory_object_stream[bytes](_KEPT_PIECES)
        stack.enter_context(says)
        stack.enter_context(said)
        self._says.append(says)
        tasks.start_soon(self._tell, said, server)
        tasks.start_soon(self._answer, server, hears, tasks)

    async def _listen(self) -> None:
        """Hear what the client says; whoever ends its connection, it counts as said."""
        with suppress(*_GONE):
            async for data in self._client:
                for says in self._says:
                    says.send_nowait(data)

    async def _tell(self, said: MemoryObjectReceiveStream[bytes], server: SocketStream) -> None:
        with suppress(*_GONE):
            async for data in said:
                for piece in self._pieces(data):
                    await self._wait(self._fate.arrives_late_s if self._is_silent else 0.0)
                    await server.send(piece)

    async def _answer(
        self, server: SocketStream, client: SocketStream | None, tasks: TaskGroup
    ) -> None:
        with suppress(*_GONE):
            async for data in server:
                for piece in self._pieces(data):
                    await self._wait(0.0)
                    if client is not None and not self._is_silent:
                        await client.send(piece)
        if client is not None:
            tasks.cancel_scope.cancel()  # the server has ended it

    async def _wait(self, longer_s: float) -> None:
        await anyio.sleep(self._chooser.uniform(0.0, self._fate.piece_s) + longer_s)

    def _pieces(self, data: bytes) -> list[bytes]:
        if self._fate.piece_s == 0.0:
            return [data]
        pieces: list[bytes] = []
        while data:
            length = self._chooser.randint(1, _LONGEST_PIECE)
            pieces.append(data[:length])
            data = data[length:]
        return pieces


@asynccontextmanager
async def weather(
    seed: int, *server_ports: int, carries_twice: bool = True
) -> AsyncGenerator[Weather]:
    """Bad weather in front of servers of this machine."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    around = Weather(seed, server_ports, carries_twice=carries_twice)
    around.port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, around.carry)
        yield around
        tasks.cancel_scope.cancel()
