"""`Exchange`: one HTTP request and its response, over raw ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY_BYTES = 16 * 1024 * 1024 + 2000
"""The longest body that a request may have: the longest arguments and the rest of a call."""

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"

_ALLOWED_METHODS = b"GET, POST, OPTIONS, PATCH, DELETE, PUT"
_PREFLIGHT_MAX_AGE_S = b"86400"


class BodyTooLong(Exception):
    """The body of a request is longer than any call can be."""


class Exchange:
    """One request that is read and answered once."""

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._scope = scope
        self._receive = receive
        self._send = send
        self._has_read_body = anyio.Event()

    def header(self, name: bytes) -> bytes | None:
        """The value of a header by its lower-case name."""
        headers: list[tuple[bytes, bytes]] = self._scope["headers"]
        return next((value for key, value in headers if key == name), None)

    @property
    def origin(self) -> str:
        """The address that the request was sent to."""
        host = (self.header(b"host") or b"").decode("latin-1")
        return f"{self._scope['scheme']}://{host}"

    async def body(self) -> bytes:
        """The whole body; raises `BodyTooLong`."""
        chunks: list[bytes] = []
        length = 0
        while True:
            message = await self._receive()
            chunk: bytes = message.get("body", b"")
            length += len(chunk)
            if length > MAX_BODY_BYTES:
                raise BodyTooLong
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    @property
    def request(self) -> Request:
        """The request as handlers of routes take it; its body is read only once."""
        return Request(self._scope, self._receive_body)

    async def stream(self, response: Response) -> None:
        """Answer with whatever a handler made, for as long as the client is there.

        The response may still be reading the body of the request, so who leaves is noticed once
        the body has been read; starlette itself would take the body for its own signs of life.
        """
        scope = {**self._scope, "asgi": {**self._scope["asgi"], "spec_version": "2.4"}}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_when_left, tasks.cancel_scope)
            await response(scope, self._receive_body, self._send)
            tasks.cancel_scope.cancel()

    async def stream_to_any_origin(self, response: Response) -> None:
        """The same, to pages of any origin."""
        response.raw_headers.extend(self._cross_origin())
        await self.stream(response)

    async def _receive_body(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        if not message.get("more_body", False):
            self._has_read_body.set()
        return message

    async def _cancel_when_left(self, answering: anyio.CancelScope) -> None:
        if self._has_body:
            await self._has_read_body.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        answering.cancel()

    @property
    def _has_body(self) -> bool:
        length = self.header(b"content-length")
        is_chunked = self.header(b"transfer-encoding") is not None
        return is_chunked or (length is not None and int(length) > 0)

    async def respond(
        self,
        status: int,
        content_type: bytes,
        body: bytes,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Answer, to pages of any origin."""
        all_headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *headers,
            *self._cross_origin(),
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": all_headers})
        await self._send({"type": "http.response.body", "body": body})

    async def allow_cross_origin(self) -> None:
        """Answer a browser that asks whether a page may call."""
        headers = [
            *self._cross_origin(),
            (b"access-control-allow-methods", _ALLOWED_METHODS),
            (b"access-control-max-age", _PREFLIGHT_MAX_AGE_S),
        ]
        asked = self.header(b"access-control-request-headers")
        if asked is not None:
            headers.append((b"access-control-allow-headers", asked))
        await self._send({"type": "http.response.start", "status": 204, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})

    def _cross_origin(self) -> list[tuple[bytes, bytes]]:
        origin = self.header(b"origin")
        if origin is None:
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"Origin"),
        ]
