"""`Exchange`: one HTTP request and its response, over raw ASGI."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from confect_core.errors import ConfectError
from confect_core.protocol import CallRequest
from confect_server.http import AsgiApp
from confect_server.transport.http.incoming import Incoming
from confect_server.transport.http.request_head import RequestHead
from confect_server.transport.root_path import path_below

T = TypeVar("T")

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"

_ALLOWED_METHODS = b"GET, POST, OPTIONS, PATCH, DELETE, PUT"
_PREFLIGHT_MAX_AGE_S = b"86400"

_log = logging.getLogger("confect")


class ResponseTooLarge(ConfectError):
    """A route answers more than the settings allow."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(
            f"the answer is longer than {most_bytes} bytes",
            hint="answer less, or raise response_bytes in [tool.confect.http]",
        )


class Sending:
    """Sends an answer until it is longer than it may be."""

    def __init__(self, send: Send, most_bytes: int | None) -> None:
        self._send = send
        self._most_bytes = most_bytes
        self._sent_bytes = 0
        self.has_started = False
        """Does the client know the status already?"""

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Pass a message on; raises `ResponseTooLarge`."""
        if message["type"] == "http.response.start":
            self._check(_length_in(message))
            self.has_started = True
        else:
            self._sent_bytes += len(message.get("body", b""))
            self._check(self._sent_bytes)
        await self._send(message)

    def _check(self, length: int) -> None:
        if self._most_bytes is not None and length > self._most_bytes:
            raise ResponseTooLarge(self._most_bytes)


class Exchange(RequestHead):
    """One request that is read and answered once."""

    held_bytes = 0
    """How much of the body has been taken in."""
    has_responded = False
    """Has an answer begun?"""
    call: CallRequest | None = None
    """The call in the body, if it was read before anybody asked for it."""
    refused_as: str | None = None
    """The code of the refusal, if the request was refused."""
    whole_body: bytes | None = None
    """The body, if it is short and has all come before anybody asked for it."""

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        self.root_path: str = scope.get("root_path", "")
        """The path at which the application is mounted."""
        path = path_below(self.root_path, scope["path"])
        query_string: bytes = scope.get("query_string", b"")
        super().__init__(scope["method"], path, scope["headers"], query_string)
        self.receive = receive
        """Gives the next message of the body, as ASGI has it."""
        self._scope = scope
        self._send = send

    @property
    def origin(self) -> str:
        """The address of the application, as the request has it."""
        host = (self.header(b"host") or b"").decode("latin-1")
        return f"{self._scope['scheme']}://{host}{self.root_path}"

    @cached_property
    def _incoming(self) -> Incoming:
        return Incoming(self.receive)

    def request_with(
        self, path_params: Mapping[str, str], most_bytes: int | None, patient: Receive
    ) -> Request:
        """The request as starlette has it, with what its path names; its body is read only once.

        It is received in this way, and up to a length.
        """
        self._incoming.most_bytes = most_bytes
        self._incoming.patient = patient
        return Request({**self._scope, "path_params": path_params}, self._incoming.receive)

    async def stream(self, response: Response, most_bytes: int | None = None) -> None:
        """Answer with whatever a handler made, for as long as the client is there.

        The response may still be reading the body of the request, which starlette itself would
        take for its own signs of life.
        One that is longer than it may be is not sent, or breaks off if that comes out on the way.
        """
        scope = {**self._scope, "asgi": {**self._scope["asgi"], "spec_version": "2.4"}}
        sending = Sending(self._send, most_bytes)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_when_left, tasks.cancel_scope)
            try:
                await response(scope, self._incoming.receive, sending.send)
            except ResponseTooLarge as error:
                _log.error("%s %r failed", self.method, self.path, exc_info=error)
                if not sending.has_started:
                    await self.respond(500, TEXT, b"The answer is too long")
            tasks.cancel_scope.cancel()

    async def stream_to_any_origin(self, response: Response) -> None:
        """The same, to pages of any origin."""
        self.has_responded = True
        self.add_common(response.raw_headers)
        await self.stream(response)

    async def while_there(self, work: Awaitable[T]) -> T:
        """What work gives that is for this client alone, once all of the body has been received.

        Raises what it raises, and `ClientDisconnect` if the client leaves before it is done.
        """
        done: list[T] = []
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_when_left, tasks.cancel_scope)
            try:
                done.append(await work)
            except Exception as error:  # itself, not in a group
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if not done:
            raise ClientDisconnect
        return done[0]

    async def _cancel_when_left(self, answering: anyio.CancelScope) -> None:
        await self._incoming.wait_left()
        answering.cancel()

    async def hand_to(self, app: AsgiApp, prefix: str, state: dict[str, Any]) -> None:
        """Let another application answer, which knows itself mounted at the prefix."""
        scope = {
            **self._scope,
            "root_path": self.root_path + prefix,
            # whole, also where a proxy has taken its own part away
            "path": self.root_path + self.path,
            "state": dict(state),
        }
        await app(scope, self.receive, self._send)

    async def respond(
        self,
        status: int,
        content_type: bytes,
        body: bytes,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Answer; to pages of any origin, if that is a part of the API."""
        self.has_responded = True
        all_headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        all_headers += headers
        self.add_common(all_headers)
        await self._send({"type": "http.response.start", "status": status, "headers": all_headers})
        await self._send({"type": "http.response.body", "body": body})

    async def allow_cross_origin(self) -> None:
        """Answer a browser that asks whether a page may call."""
        headers = [
            (b"access-control-allow-methods", _ALLOWED_METHODS),
            (b"access-control-max-age", _PREFLIGHT_MAX_AGE_S),
        ]
        self.add_common(headers)
        asked = self.header(b"access-control-request-headers")
        if asked is not None:
            headers.append((b"access-control-allow-headers", asked))
        await self._send({"type": "http.response.start", "status": 204, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})


def _length_in(start: MutableMapping[str, Any]) -> int:
    headers: list[tuple[bytes, bytes]] = start.get("headers", [])
    return next((int(value) for name, value in headers if name == b"content-length"), 0)
