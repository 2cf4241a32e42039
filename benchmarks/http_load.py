"""`HttpLoad`: sends HTTP requests as fast as they are answered, the same way to every server.

It runs in a process of its own, which is this module, and does next to nothing for a request: the
bytes are ready before the time runs, and an answer is read only for its length and its success.

asyncio directly: a protocol is what costs least, an anyio stream takes ten times as long.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import perf_counter

import anyio
import anyio.to_thread
import uvloop

_PIPE = subprocess.PIPE
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_OK = b"HTTP/1.1 200"


class Refused(Exception):
    """A request that is measured did not succeed, so its time means nothing."""


@dataclass(frozen=True, slots=True)
class Burst:
    """How some requests went, over so many connections that each sends one after the other."""

    taken_s: float
    """From the first request to the last answer."""
    waited_us: list[float]
    """How long each request took."""


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """A POST request with a body of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class HttpLoad:
    """The process that sends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    async def send(
        self, port: int, requests: Sequence[bytes], expected: bytes, *, connections: int
    ) -> Burst:
        """Send all of them to a port of this machine; raises `Refused`.

        An answer that succeeds has what is expected in it.
        """
        asked = {
            "port": port,
            "requests": [each.decode() for each in requests],
            "expected": expected.decode(),
            "connections": connections,
        }
        said = json.loads(await anyio.to_thread.run_sync(self._ask, json.dumps(asked)))
        if "refused" in said:
            raise Refused(said["refused"])
        return Burst(**said)

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()


@contextmanager
def http_load() -> Generator[HttpLoad]:
    """A process that sends, for as long as the context lasts."""
    command = [sys.executable, "-m", "benchmarks.http_load"]
    with subprocess.Popen(command, stdin=_PIPE, stdout=_PIPE, text=True) as process:
        try:
            yield HttpLoad(process)
        finally:
            process.terminate()


class _Connection(asyncio.Protocol):
    """Sends the next request once the last one is answered."""

    def __init__(self, requests: Iterator[bytes], expected: bytes, waited_us: list[float]) -> None:
        self._requests = requests
        self._expected = expected
        self._waited_us = waited_us
        self._received = b""
        self._sent_at = 0.0
        self.is_over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self, transport: asyncio.WriteTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send_next()

    def _send_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self.is_over.set_result(None)
            return
        self._sent_at = perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data if self._received else data
        end = received.find(_END_OF_HEAD)
        if end < 0:
            return
        at = received.lower().index(_LENGTH, 0, end + 2) + len(_LENGTH)
        length = int(received[at : received.index(b"\r\n", at)])
        if len(received) < end + len(_END_OF_HEAD) + length:
            return
        self._waited_us.append((perf_counter() - self._sent_at) * 1e6)
        self._received = b""
        if received.startswith(_OK) and self._expected in received:
            self._send_next()
        else:
            self._fail(received.decode(errors="replace"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_over.done():
            self._fail(f"the server has closed the connection: {exc}")

    def _fail(self, why: str) -> None:
        if not self.is_over.done():
            self.is_over.set_exception(Refused(why))
        self._transport.close()


async def _burst(port: int, requests: list[str], expected: str, connections: int) -> Burst:
    loop = asyncio.get_running_loop()
    waiting = iter([each.encode() for each in requests])
    waited_us: list[float] = []

    def connection() -> _Connection:
        return _Connection(waiting, expected.encode(), waited_us)

    opened = [
        await loop.create_connection(connection, "127.0.0.1", port) for _ in range(connections)
    ]
    begin = perf_counter()
    for transport, each in opened:
        each.begin(transport)
    await asyncio.gather(*[each.is_over for _, each in opened])
    return Burst(perf_counter() - begin, waited_us)


def _answer(line: str) -> str:
    try:
        return json.dumps(asdict(uvloop.run(_burst(**json.loads(line)))))
    except Refused as refused:
        return json.dumps({"refused": str(refused)})


if __name__ == "__main__":
    # a stream of its own: without a buffer, as PYTHONUNBUFFERED has it, a long line loses its end
    with open(sys.stdout.fileno(), "w", closefd=False) as answers:
        for line in sys.stdin:
            print(_answer(line), file=answers, flush=True)
