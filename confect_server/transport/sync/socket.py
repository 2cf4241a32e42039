"""`Socket`: one WebSocket over raw ASGI, with the frames that its client has yet to take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from confect_server.http import AsgiApp
from confect_server.transport.root_path import path_below
from confect_server.transport.sync.burst import Outlet

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
SendMessage: TypeAlias = Callable[[Message], Awaitable[None]]

ABORT = "confect.abort"
"""The extension by which a server lets go of a socket at once, whatever was written to it."""

READY = "confect.ready"
"""The extension by which a server writes texts in this step, if the client takes them: an `Outlet`.

It tells of pongs, too, the only signs of life of browsers that show something and say nothing.
"""

_NO_STATUS = 1000
"""Sent where the protocol closes without a status: ASGI has no way to say nothing."""


class Socket:
    """Frames in, frames out. What is sent waits in order until `write` has passed it on."""

    __slots__ = (
        "_has_taken",
        "_outgoing",
        "_receive",
        "_scope",
        "_send",
        "_stuck_since_ms",
        "closed_for",
        "outlet",
        "path",
        "unsent_bytes",
    )

    def __init__(self, scope: Message, receive: Receive, send: SendMessage) -> None:
        self.path = path_below(scope.get("root_path", ""), scope["path"])
        self._scope = scope
        self._receive = receive
        self._send = send
        extensions: dict[str, dict[str, Any]] = scope.get("extensions") or {}
        self.outlet: Outlet | None = extensions.get(READY, {}).get("outlet")
        """By which texts can be written in this step, if the server can."""
        self._outgoing: list[Message] = []  # an empty deque would hold 0.7 KiB
        self._has_taken = False  # since it was last looked at
        self._stuck_since_ms = 0
        self.closed_for = "ClientLeft"
        """Why it was closed, in a word, if it was from this side."""
        self.unsent_bytes = 0
        """How much the client has yet to take."""

    def header(self, name: bytes) -> bytes | None:
        """The value of a header by its lower-case name."""
        headers: list[tuple[bytes, bytes]] = self._scope["headers"]
        return next((value for key, value in headers if key == name), None)

    async def hand_to(self, app: AsgiApp, prefix: str, state: dict[str, Any]) -> None:
        """Let another application have the socket, which knows itself mounted at the prefix."""
        root_path: str = self._scope.get("root_path", "")
        scope = {
            **self._scope,
            "root_path": root_path + prefix,
            "path": root_path + self.path,
            "state": dict(state),
        }
        await app(scope, self._receive, self._send)

    async def accept(self) -> None:
        """Take the connection."""
        await self._receive()
        await self._send({"type": "websocket.accept"})

    async def refuse(
        self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Answer the request for a connection as an ordinary HTTP request."""
        await self._receive()
        start = {
            "type": "websocket.http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json"), *headers],
        }
        await self._send(start)
        await self._send({"type": "websocket.http.response.body", "body": body})

    async def receive(self) -> str | bytes | None:
        """The next frame, or None once the socket is closed."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        return text if text is not None else data

    def send(self, frame: bytes) -> None:
        """Send a text frame after those that were sent before; at once, where that can be done."""
        if self.outlet is not None and not self._outgoing and self.outlet.send(frame):
            self._has_taken = True
            return
        text = frame.decode()
        self.unsent_bytes += len(text)
        self._put({"type": "websocket.send", "text": text})

    def close(self, code: int | None, reason: str) -> None:
        """Close the socket after everything that was sent."""
        self.closed_for = reason or "Refused"  # a fatal error, or a token, has been told before
        self._put({"type": "websocket.close", "code": code or _NO_STATUS, "reason": reason})

    def cut(self, code: int | None, reason: str, *, keeps: int = 1) -> None:
        """Close the socket after the frame that is under way, if one is."""
        del self._outgoing[keeps:]
        self.close(code, reason)

    def abort(self) -> None:
        """Be rid of the connection, whatever its client has yet to take."""
        extensions: dict[str, dict[str, Any]] = self._scope.get("extensions") or {}
        if ABORT in extensions:
            extensions[ABORT]["do"]()

    def take_heard(self) -> bool:
        """Has the client sent or answered a ping since this was last asked?

        Where the server does not tell, it sees itself to clients that are gone.
        """
        return self.outlet is None or self.outlet.take_heard()

    def stuck_ms(self, now_ms: int) -> int:
        """For how long the client has taken nothing of what there is for it.

        It is as precise as it is asked for often.
        """
        if self._has_taken or not self._outgoing:
            self._has_taken, self._stuck_since_ms = False, now_ms
        return now_ms - self._stuck_since_ms

    @property
    def has_outgoing(self) -> bool:
        """Is there something that `write` has yet to pass on?"""
        return bool(self._outgoing)

    async def write(self) -> bool:
        """Pass on what is sent, as fast as the client takes it; False if the socket is closed."""
        try:
            while self._outgoing:
                message = self._outgoing[0]
                await self._send(message)
                self._outgoing.pop(0)
                self._has_taken = True
                self.unsent_bytes -= len(message.get("text", ""))
                if message["type"] == "websocket.close":
                    return False
        except OSError:
            return False  # the client is gone
        return True

    def _put(self, message: Message) -> None:
        self._outgoing.append(message)
