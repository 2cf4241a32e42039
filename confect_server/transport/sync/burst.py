"""`Burst` and `Outlet`: texts for WebSockets, made frames here and written at the end of a turn.

As a message of ASGI a text takes 5 µs more: a coroutine, a dictionary, and two objects for a frame
of it. A server does not mask its frames, so one is its length and its text. asyncio directly: what
is done at the end of a turn is a callback of the loop, 0.3 µs, and a task would be 12.
"""

from __future__ import annotations

import asyncio

LONGEST_FRAME = 8 * 1024 * 1024
"""A longer text goes in several frames: PyPI's client takes none of more than 16 MiB.

It would come back, and send again what the text was the answer to, an action too, for ever.
"""

_TEXT, _CONTINUED, _LAST = 0x01, 0x00, 0x80
"""How a frame begins: with a text, or what goes on with one; and whether it ends there."""

_BURST_BYTES = 65_536
"""What is held for one socket until the end of a turn."""

_TWO_BYTE_LENGTH, _EIGHT_BYTE_LENGTH = 126, 127


class Burst:
    """The sockets that something was sent to in this turn of the loop, written to at its end.

    What is sent to one in a turn, an answer and what it led to, is one write then. And writes that
    follow each other closely cost less: each wakes a client, who stays awake for the next one.
    """

    def __init__(self) -> None:
        self._outlets: list[Outlet] = []
        self._last = b"", b""

    def frame(self, text: bytes) -> bytes:
        """The frame of a text; that of the last one is remembered, for many are sent the same."""
        if text is not self._last[0]:
            self._last = text, _framed(text)
        return self._last[1]

    def add(self, outlet: Outlet) -> None:
        """Write this, too."""
        if not self._outlets:
            asyncio.get_running_loop().call_soon(self._write)
        self._outlets.append(outlet)

    def _write(self) -> None:
        outlets, self._outlets, self._last = self._outlets, [], (b"", b"")
        for outlet in outlets:
            outlet.write()


class Outlet:
    """The texts that are ready to be written to one socket.

    Apart from the socket, because it is small: a push to a thousand sockets waits for the memory
    that it touches more than for anything else.
    """

    __slots__ = ("_burst", "_bytes", "_frames", "_transport", "has_heard", "is_open", "takes_more")

    def __init__(self, burst: Burst, transport: asyncio.Transport) -> None:
        self._burst = burst
        self._transport = transport
        self._frames: list[bytes] = []
        self._bytes = 0
        self.has_heard = False
        """Has the client given a sign of life that is not a message?"""
        self.is_open = True
        """May texts still follow?"""
        self.takes_more = True
        """Does the client take what it is sent?"""

    def send(self, text: bytes) -> bool:
        """Send a text with the next burst; False if it has to wait for the client."""
        if not self.takes_more:
            return False
        if not self._frames:
            self._burst.add(self)
        self._frames.append(self._burst.frame(text))
        self._bytes += len(text)
        if self._bytes > _BURST_BYTES:
            self.write()
        return True

    def send_now(self, text: bytes) -> bool:
        """Send a text without waiting for the end of the turn, as one of many are sent the same."""
        if self._frames or not self.takes_more:
            return self.send(text)
        if self.is_open and not self._transport.is_closing():
            self._transport.write(self._burst.frame(text))
        return True

    def take_heard(self) -> bool:
        """Has it since this was last asked?"""
        has_heard, self.has_heard = self.has_heard, False
        return has_heard

    def write(self) -> None:
        """Write what is ready."""
        frames, self._frames, self._bytes = self._frames, [], 0
        if frames and self.is_open and not self._transport.is_closing():
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))


def _framed(text: bytes) -> bytes:
    if len(text) <= LONGEST_FRAME:
        return _header(_TEXT | _LAST, len(text)) + text
    starts = range(0, len(text), LONGEST_FRAME)
    parts = [text[start : start + LONGEST_FRAME] for start in starts]
    kinds = [_TEXT, *[_CONTINUED] * (len(parts) - 2), _CONTINUED | _LAST]
    return b"".join(
        [_header(kind, len(part)) + part for kind, part in zip(kinds, parts, strict=True)]
    )


def _header(kind: int, length: int) -> bytes:
    """How a frame begins; a server does not mask it."""
    if length < _TWO_BYTE_LENGTH:
        return bytes((kind, length))
    if length < 1 << 16:
        return bytes((kind, _TWO_BYTE_LENGTH, length >> 8, length & 0xFF))
    return bytes((kind, _EIGHT_BYTE_LENGTH)) + length.to_bytes(8, "big")
