"""`Incoming`: the body of a request, and the sign that its client has left."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import anyio
from starlette.exceptions import HTTPException

from confect_server.transport.http.errors import BodyTooSlow

Message: TypeAlias = MutableMapping[str, Any]

_LEFT = "http.disconnect"


class RequestTooLarge(HTTPException):
    """The body of a request to a route is longer than the settings allow."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(413, f"The body is longer than {most_bytes} bytes")


class RequestTooSlow(HTTPException):
    """The body of a request to a route does not come, or hardly."""

    def __init__(self, slow: BodyTooSlow) -> None:
        headers = {name.decode(): value.decode() for name, value in slow.headers}
        super().__init__(slow.status, slow.message, headers)


class Incoming:
    """What comes of one request, for whoever answers it.

    ASGI tells only those who receive that a client has left, and gives them what is left of the
    body first. So `wait_left` receives ahead of the handler, and keeps what the handler may still
    want, which is never more than a body may be.
    """

    def __init__(self, receive: Callable[[], Awaitable[Message]]) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._kept_bytes = 0
        self._taken_bytes = 0
        self._is_ahead = False
        self._has_kept = anyio.Event()
        self.most_bytes: int | None = None
        """How long the body may be."""
        self.patient = receive
        """The same, but raises `BodyTooSlow` where that has been said."""

    async def receive(self) -> Message:
        """The next message, as ASGI has it; raises `RequestTooLarge` or `RequestTooSlow`."""
        try:
            message = await (self._next_kept() if self._is_ahead else self.patient())
        except BodyTooSlow as slow:
            raise RequestTooSlow(slow) from None
        self._taken_bytes += len(message.get("body", b""))
        if self.most_bytes is not None and self._taken_bytes > self.most_bytes:
            raise RequestTooLarge(self.most_bytes)
        return message

    async def wait_left(self) -> None:
        """Return once the client has left; until then `receive` gives what came meanwhile."""
        self._is_ahead = True
        while True:
            message = await self._receive()
            # what is too long is kept up to where it is refused, the rest is read and forgotten
            if self._kept_bytes <= (self.most_bytes or 0) or message["type"] == _LEFT:
                self._kept.append(message)
                self._kept_bytes += len(message.get("body", b""))
                self._has_kept.set()
            if message["type"] == _LEFT:
                return

    async def _next_kept(self) -> Message:
        while not self._kept:
            self._has_kept = anyio.Event()
            await self._has_kept.wait()
        if self._kept[0]["type"] == _LEFT:
            return self._kept[0]  # to whoever asks again, too
        message = self._kept.popleft()
        self._kept_bytes -= len(message.get("body", b""))
        return message
