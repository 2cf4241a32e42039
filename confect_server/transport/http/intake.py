"""`Intake`: what a server takes in at once: how many requests, and how much of their bodies.

Without it, clients that send their bodies byte by byte, or not at all, would cost the server
memory for as long as they like.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import anyio
from starlette.requests import ClientDisconnect

from confect_core.protocol import BadJsonBody
from confect_server.runtime.begun import Rest, begun
from confect_server.settings import Requests
from confect_server.transport.http.errors import BodyTooSlow, TooManyRequests
from confect_server.transport.http.exchange import Exchange

Message: TypeAlias = MutableMapping[str, Any]

MAX_BODY_BYTES = 16 * 1024 * 1024 + 2000
"""The longest body that a call may have: the longest arguments and the rest of it."""


class Intake:
    """Counts the requests that are being answered, and reads the bodies of calls."""

    def __init__(self, settings: Requests) -> None:
        self._settings = settings
        self._requests = 0
        self._held_bytes = 0

    def admit(self) -> None:
        """Count one more request; raises `TooManyRequests`, and then it is not counted."""
        if self._requests >= self._settings.at_once:
            raise TooManyRequests(f"{self._settings.at_once} requests to answer")
        self._requests += 1

    def release(self, exchange: Exchange) -> None:
        """A request is answered; its body is not needed any more."""
        self._requests -= 1
        self._held_bytes -= exchange.held_bytes

    async def body(self, exchange: Exchange) -> bytes:
        """The whole body of a call, which counts until the request is released.

        Raises `BadJsonBody` if it is too long, `BodyTooSlow`, `TooManyRequests`, and
        `ClientDisconnect` if it never came.
        """
        if exchange.whole_body is not None:
            return exchange.whole_body  # is short
        message = begun(exchange.receive())
        if isinstance(message, Rest) or message.get("more_body", False):
            return await self._in_parts(exchange, message)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")  # nearly always: this takes a third of the time
        self._hold(exchange, len(body))
        return body

    async def _in_parts(self, exchange: Exchange, first: Message | Rest[Message]) -> bytes:
        chunks: list[bytes] = []
        async for chunk in self.patient(exchange).chunks(first):
            self._hold(exchange, len(chunk))
            chunks.append(chunk)
        return b"".join(chunks)

    def patient(self, exchange: Exchange) -> Patience:
        """Receives a body that is taken as it comes."""
        return Patience(exchange.receive, self._settings)

    def _hold(self, exchange: Exchange, length: int) -> None:
        exchange.held_bytes += length
        self._held_bytes += length
        if exchange.held_bytes > MAX_BODY_BYTES:
            raise BadJsonBody("it is too long")
        if self._held_bytes > self._settings.body_bytes_at_once:
            raise TooManyRequests(f"{self._settings.body_bytes_at_once} bytes of calls")


class Patience:
    """Receives a body for as long as it keeps coming."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], settings: Requests) -> None:
        self._receive = receive
        self._settings = settings
        self._received = 0
        self._is_whole = False
        self._began_s: float | None = None  # when it was first waited for

    async def chunks(self, first: Message | Rest[Message] | None = None) -> AsyncIterator[bytes]:
        """The body as it comes; with what has been received of it already, or is about to be.

        Raises `BodyTooSlow`, and `ClientDisconnect` if the rest never comes.
        """
        message = await self.receive(first)
        while message["type"] != "http.disconnect":
            chunk: bytes = message.get("body", b"")
            if chunk:
                yield chunk
            if self._is_whole:
                return
            message = await self.receive()
        raise ClientDisconnect

    async def receive(self, begins: Message | Rest[Message] | None = None) -> Message:
        """The next message, as ASGI has it; raises `BodyTooSlow`.

        Once all of the body is there, the next one is that the client has left, whenever it does.
        """
        message = begun(self._receive()) if begins is None else begins
        if isinstance(message, Rest):
            message = await (message if self._is_whole else self._waited(message))
        self._received += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    async def _waited(self, rest: Rest[Message]) -> Message:
        now_s, settings = anyio.current_time(), self._settings
        if self._began_s is None:
            self._began_s = now_s
        earned_s = self._received / settings.slowest_bytes_per_s
        until_s = min(self._began_s + earned_s, now_s) + settings.idle_s
        with anyio.CancelScope(deadline=until_s):
            return await rest
        raise BodyTooSlow(self._received)
