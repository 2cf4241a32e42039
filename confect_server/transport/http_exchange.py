"""`Exchange`: one HTTP request and its response, over raw ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response

from confect_server.http import AsgiApp

MAX_BODY_BYTES = 16 * 1024 * 1024 + 2000
"""The longest body that a request may have: the longest arguments and the rest of a call."""

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"

_ALLOWED_METHODS = b"GET, POST, OPTIONS, PATCH, DELETE, PUT"
_PREFLIGHT_MAX_AGE_S = b"86400"


def path_below(root_path: str, path: str) -> str:
    """The path of a request inside of what is mounted at another path.

    A proxy that takes its own part of the path away may name that as the root path all the same.
    """
    below = path.removeprefix(root_path)
    if not below:
        return "/"
    return below if below.startswith("/") else path


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
        self.root_path: str = scope.get("root_path", "")
        """The path at which the application is mounted."""
        self.path = path_below(self.root_path, scope["path"])
        """The path below that."""
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

    def request_with(self, path_params: Mapping[str, str]) -> Request:
        """The request as handlers of routes take it; its body is read only once."""
        return Request({**self._scope, "path_params": path_params}, self._receive_body)

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

    async def hand_to(self, app: AsgiApp, prefix: str, state: dict[str, Any]) -> None:
        """Let another application answer, which knows itself mounted at the prefix."""
        scope = {**self._scope, "root_path": self.root_path + prefix, "state": dict(state)}
        await app(scope, self._receive, self._send)

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
