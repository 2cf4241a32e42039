"""Updates that are pushed to many sockets: one query of all of them, and a query of each.

An update is a durable mutation. It counts as delivered when every socket has received the result
that it led to; then the next one follows. The peer is a plain `websockets` server, which broadcasts
a message of equal bytes and neither keeps nor computes anything. Both are heard by the same kind of
sockets, in this process.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

from benchmarks.measuring import against
from benchmarks.product_server import product_server
from benchmarks.raw_socket import (
    RawSocket,
    deliver_all,
    frame,
    raw_sockets,
    synced_sockets,
)
from benchmarks.result import Peer, Quantity, Result, Target, at_least
from benchmarks.scale import Scale
from benchmarks.server_process import ServerProcess, server_process
from confect_core.protocol import (
    AddQuery,
    FunctionPath,
    JsonObject,
    ModifyQuerySet,
    Mutation,
    MutationSucceeded,
    parse_server_message,
)

_TEXT = "The goods are to be left with the neighbours if nobody is at home, please. "
_TEXTS = 2  # repeated so often, 150 bytes


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """Deliveries a second to the subscribers of one query, and to those of as many queries."""
    one, many = at_least(0.6, 1.3), at_least(0.08, 0.2)
    return [
        *await _measured(scale, folder / "one", is_shared=True, target=one),
        *await _measured(scale, folder / "many", is_shared=False, target=many),
    ]


async def _measured(scale: Scale, folder: Path, *, is_shared: bool, target: Target) -> list[Result]:
    sockets, marks = scale.subscribers, map(_mark, count(1))
    with (
        product_server(folder) as server,
        server_process("benchmarks.plain_server", "broadcast") as plain,
        _subscribed(server, sockets, is_shared=is_shared) as board,
        _listening(plain, sockets, board.length) as speaker,
    ):
        board.settle(marks, scale)
        speaker.settle(marks, scale)
        rate, peer = await against(
            "a plain websockets broadcast of equal bytes",
            scale.rounds,
            "/s",
            lambda: board.deliveries_a_second(marks),
            lambda: speaker.deliveries_a_second(marks),
        )
        queries = "one query" if is_shared else f"{sockets:,} queries, all of them hit"
        return [
            Result(
                what=f"an update delivered to {sockets:,} subscribers of {queries}",
                ours=rate,
                peer=peer,
                target=target,
            ),
            Result(
                what="the same, what a delivery costs the server",
                ours=Quantity(board.cpu_us, "µs"),
                peer=Peer(
                    name="of the plain server",
                    quantity=Quantity(speaker.cpu_us, "µs"),
                    ratio=board.cpu_us / speaker.cpu_us,
                ),
            ),
        ]


class _Speaker:
    """The plain server: what one socket says to it, it says to all."""

    def __init__(
        self, server: ServerProcess, writer: RawSocket, readers: list[RawSocket], length: int
    ) -> None:
        self._server = server
        self._writer = writer
        self._readers = readers
        self.length = length
        """How long each message is."""
        self._updates = 0
        self._cpu_s = 0.0
        self._deliveries = 0

    def settle(self, marks: Iterator[bytes], scale: Scale) -> None:
        """Find out how many updates a round of the scale's length is; it also warms up.

        Of equally many the fast server would do its own in a moment, most of which it needs to get
        warm again after the slow one.
        """
        self._updates = scale.updates
        taken_s = self._told(marks)
        self._updates = max(scale.updates, int(scale.updates / taken_s * scale.burst_s))

    @property
    def cpu_us(self) -> float:
        """What a delivery has cost the server."""
        return self._cpu_s / self._deliveries * 1e6

    async def deliveries_a_second(self, marks: Iterator[bytes]) -> float:
        """The rate of a round of updates, one after the other."""
        deliveries = self._updates * len(self._readers)
        cpu_before_s = self._server.cpu_s
        taken_s = self._told(marks)
        self._cpu_s += self._server.cpu_s - cpu_before_s
        self._deliveries += deliveries
        return deliveries / taken_s

    def _told(self, marks: Iterator[bytes]) -> float:
        """How long it takes to tell all readers of a round of updates."""
        updates = islice(marks, self._updates)
        return deliver_all(self._readers, updates, self._writer, self.say)

    def say(self, mark: bytes) -> None:
        """Have all sockets told of a mark."""
        self._writer.send_frames(frame(mark.ljust(self.length)))


class _Board(_Speaker):
    """Ours: a notice that one socket changes and all others read."""

    def __init__(
        self, server: ServerProcess, writer: RawSocket, readers: list[RawSocket], notice: str
    ) -> None:
        super().__init__(server, writer, readers, 0)
        self._notice = notice
        self._requests = count(1)

    def say(self, mark: bytes) -> None:
        args: JsonObject = {"notice": self._notice, "text": mark.decode() + _TEXT * _TEXTS}
        self._writer.send(_mutation(next(self._requests), "notices:change", args))


def _mark(number: int) -> bytes:
    return b"update %08d. " % number


@contextmanager
def _subscribed(server: ServerProcess, sockets: int, *, is_shared: bool) -> Generator[_Board]:
    """A notice with its readers, who have read it."""
    with synced_sockets(server.port, 1 + sockets) as (writer, *readers):
        notice = _pinned(writer)
        for number, each in enumerate(readers):
            reader: JsonObject = {"notice": notice, "reader": 0 if is_shared else number}
            query = AddQuery(0, FunctionPath.parse("notices:read"), reader)
            each.send(ModifyQuerySet(0, 1, (query,)))
        for each in readers:
            each.receive()
        board = _Board(server, writer, readers, notice)
        board.say(_mark(0))
        board.length = max([len(each.receive()) for each in readers])
        yield board


@contextmanager
def _listening(server: ServerProcess, sockets: int, length: int) -> Generator[_Speaker]:
    with raw_sockets(server.port, 1 + sockets) as (writer, *readers):
        yield _Speaker(server, writer, readers, length)


def _pinned(writer: RawSocket) -> str:
    writer.send(_mutation(0, "notices:pin", {"text": ""}))
    response = parse_server_message(writer.receive())
    assert isinstance(response, MutationSucceeded), response
    notice = response.result
    assert isinstance(notice, str), "an id is a text"
    return notice


def _mutation(request_id: int, path: str, args: JsonObject) -> Mutation:
    return Mutation(request_id, FunctionPath.parse(path), args)
