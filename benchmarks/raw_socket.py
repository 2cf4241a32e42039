"""`RawSocket`: a WebSocket with next to no client around it: the server is what is measured.

It blocks; nothing else happens in the process that measures. What is sent is masked with zeros,
which changes nothing and is allowed; what is received is looked for, not parsed.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TypeAlias
from uuid import uuid4

from benchmarks.http_load import Burst
from confect_core.protocol import ClientMessage, Connect, encode_client_message

Say: TypeAlias = Callable[[bytes], None]
"""Has a server tell all sockets of a mark."""

_TEXT, _PING, _PONG, _MASKED = 0x81, 0x89, 0x8A, 0x80
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 126, 126, 127
_SUCCEEDED, _TRANSITION = b'"success":true', b'"Transition"'
_TAKEN_AT_ONCE = 1 << 18
_TIMEOUT_S = 60.0
_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class NothingHeard(Exception):
    """A server has not said what was waited for."""


class RawSocket:
    """One socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.fileno = connection.fileno()

    def send(self, *messages: ClientMessage) -> None:
        """Send these messages."""
        self.send_frames(b"".join(frame(encode_client_message(each)) for each in messages))

    def send_frames(self, frames: bytes) -> None:
        """Send frames that are ready."""
        self._connection.sendall(frames)

    def take(self) -> bytes:
        """What has arrived, whatever frames that may be; a ping is answered."""
        received = self._connection.recv(_TAKEN_AT_ONCE)
        if not received:
            raise NothingHeard("the server closed a socket")
        at = received.find(_PING)  # never in what is ASCII, as all that is measured
        if at >= 0:
            self.send_frames(frame(received[at + 2 : at + 2 + received[at + 1]], _PONG))
        return received

    def receive(self) -> bytes:
        """The next text."""
        opcode, length = self._exactly(2)
        if opcode == _PING:
            self.send_frames(frame(self._exactly(length), _PONG))
            return self.receive()
        if length == _TWO_BYTES:
            length = int.from_bytes(self._exactly(2), "big")
        elif length == _EIGHT_BYTES:
            length = int.from_bytes(self._exactly(8), "big")
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        received = self._connection.recv(length, socket.MSG_WAITALL)
        if len(received) < length:
            raise NothingHeard("the server closed a socket")
        return received


def frame(text: bytes, opcode: int = _TEXT) -> bytes:
    """A text, or something else, as a client sends it."""
    length = len(text)
    if length < _SHORT:
        header = bytes((opcode, _MASKED | length))
    elif length < 1 << 16:
        header = bytes((opcode, _MASKED | _TWO_BYTES)) + length.to_bytes(2, "big")
    else:
        header = bytes((opcode, _MASKED | _EIGHT_BYTES)) + length.to_bytes(8, "big")
    return header + bytes(4) + text


@contextmanager
def raw_sockets(port: int, count: int, path: str = "/api/sync") -> Generator[list[RawSocket]]:
    """So many sockets to the server at this port of this machine."""
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), _TIMEOUT_S)
            opened.append(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(_HANDSHAKE.format(path=path).encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += connection.recv(1)  # and nothing of the first frame
        yield [RawSocket(connection) for connection in opened]
    finally:
        for connection in opened:
            connection.close()


@contextmanager
def synced_sockets(port: int, count: int) -> Generator[list[RawSocket]]:
    """So many sockets that have begun to speak the sync protocol."""
    with raw_sockets(port, count) as sockets:
        for each in sockets:
            each.send(Connect(str(uuid4()), 0, "InitialConnect"))
        yield sockets


def deliver_all(
    sockets: Iterable[RawSocket], marks: Iterable[bytes], writer: RawSocket, say: Say
) -> float:
    """How long it takes to say each of these, until every socket has received it.

    Each message to a socket holds its mark. The writer is told too, which counts for nothing.
    """
    by_fileno = {each.fileno: each for each in (*sockets, writer)}
    with _polling(by_fileno.values()) as poll:
        begin = perf_counter()
        for mark in marks:
            say(mark)
            left, partial = by_fileno.keys() - {writer.fileno}, dict[int, bytes]()
            while left:
                for fileno, _ in _arrived(poll):
                    received = by_fileno[fileno].take()
                    if mark in received or mark in partial.get(fileno, b"") + received:
                        left.discard(fileno)
                    else:
                        partial[fileno] = partial.get(fileno, b"") + received
        return perf_counter() - begin


def mutate_all(sockets: Sequence[RawSocket], mutations: Iterable[bytes]) -> Burst:
    """How it goes to run these mutations, whose frames are ready, on each socket one by one."""
    left = iter(mutations)
    running = {each.fileno: _Mutating(each, left) for each in sockets}
    waited_us: list[float] = []
    with _polling(sockets) as poll:
        begin = perf_counter()
        busy = sum([each.begin() for each in running.values()])
        while busy:
            for fileno, _ in _arrived(poll):
                mutating = running[fileno]
                if mutating.has_ended():
                    waited_us.append((perf_counter() - mutating.sent_at) * 1e6)
                    busy -= not mutating.begin()
        return Burst(perf_counter() - begin, waited_us)


class _Mutating:
    """A socket that runs one mutation after the other."""

    def __init__(self, socket: RawSocket, mutations: Iterator[bytes]) -> None:
        self.sent_at = 0.0
        self._socket = socket
        self._mutations = mutations
        self._received = b""

    def begin(self) -> bool:
        """Send the next one, if there is any."""
        mutation = next(self._mutations, None)
        if mutation is None:
            return False
        self._received = b""
        self.sent_at = perf_counter()
        self._socket.send_frames(mutation)
        return True

    def has_ended(self) -> bool:
        """Take what has arrived; have the answer and the Transition after it come?"""
        self._received += self._socket.take()
        answered = self._received.find(_SUCCEEDED)
        return answered >= 0 and self._received.find(_TRANSITION, answered) >= 0


@contextmanager
def _polling(sockets: Iterable[RawSocket]) -> Generator[select.epoll]:
    with select.epoll() as poll:
        for each in sockets:
            poll.register(each.fileno, select.EPOLLIN)
        yield poll


def _arrived(poll: select.epoll) -> list[tuple[int, int]]:
    arrived = poll.poll(_TIMEOUT_S)
    if not arrived:
        raise NothingHeard(f"nothing was heard for {_TIMEOUT_S:.0f} s")
    return arrived
