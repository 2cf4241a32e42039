"""`CallProtocol`: uvicorn's protocol, which answers calls of functions with no ASGI in between.

Scope, queue, messages and header checks of ASGI are most of what a short call costs: of a cached
query, which took 36 µs of the server's time, 20. So a call, `POST /api/query` with a short body, is
answered by the same `HttpApi` with an exchange of its own, which writes to the transport at once.
What the cache has is written in the step that has read the call: a task, and what it awaits, took 4
of the 15 µs. All else, such as long bodies, upgrades, streams and other paths, goes the way of
uvicorn, whose parser, pipelining, keep-alive and shutdown hold for calls, too: to it a call is
another cycle of request and response.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from confect_server.transport.asgi import ConfectAsgi
from confect_server.transport.http.connection import HttpConnection
from confect_server.transport.http.exchange import JSON, TEXT, Exchange
from confect_server.transport.http.request_head import RequestHead

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application  # which only names what it is

Headers: TypeAlias = list[tuple[bytes, bytes]]

_CALLS = {each: each.decode() for each in (b"/api/query", b"/api/mutation", b"/api/action")}
_LONGEST_BODY = 64 * 1024  # as much as uvicorn reads ahead

_STATUS_LINES = {
    each.value: b"HTTP/1.1 %d %b\r\n" % (each.value, each.phrase.encode()) for each in HTTPStatus
}
_NOBODY_WAITS = asyncio.Event()

_log = logging.getLogger("confect")


class CallProtocol(HttpConnection):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application = cast("ConfectAsgi", self.config.app)
        self._as_asgi = cast("ASGI3Application", self._application)
        self._received: _Call | None = None
        self._written: tuple[Headers, bytes] = [], b""

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._received = None
        self.begin_head()

    def on_headers_complete(self) -> None:
        self.end_head()
        path, parser = _CALLS.get(self.url), self.parser
        assert parser is not None, "only a connection that is lost has none"
        if path is not None and self._is_short_post(parser):
            is_kept = parser.should_keep_alive()
            self._received = self.cycle = _Call(self, path, self.headers, self.cycle, is_kept)
        elif parser.should_upgrade() and not self._should_upgrade():
            self.is_misread = True
        else:
            self._begin_for_asgi()

    def on_body(self, body: bytes) -> None:
        if self._received is None:
            super().on_body(body)
        else:
            self._received.body += body

    def on_message_complete(self) -> None:
        self.is_in_body = False
        call = self._received
        if call is None:
            if not self.is_misread:
                super().on_message_complete()
        elif call.is_next:
            call.is_whole = True
            if not self._is_known(call):
                self._start_asgi_task(call, self._as_asgi)
        else:
            call.is_whole = True
            self.flow.pause_reading()
            self.pipeline.appendleft((call, self._as_asgi))

    @property
    def usual_headers(self) -> bytes:
        """The headers that every answer has, such as the date; uvicorn renews them now and then."""
        headers = self.server_state.default_headers
        if headers is not self._written[0]:
            self._written = headers, b"".join([b"%b: %b\r\n" % each for each in headers])
        return self._written[1]

    async def answer(self, exchange: Exchange, headers: Headers) -> None:
        """Let the application answer a call."""
        await self._application.answer(exchange, headers)

    @property
    def waits(self) -> bool:
        call = self._received
        return super().waits or (call is not None and call.is_next and not call.is_whole)

    @property
    def is_half(self) -> bool:
        return super().is_half or (self._received is not None and not self._received.is_whole)

    def _is_known(self, call: _Call) -> bool:
        """Answer a call here and now, with no task, if the cache has the answer."""
        exchange = call.exchange = _CallExchange(call)
        known = None if self.flow.write_paused else self._application.known(exchange)
        if known is None:
            return False
        headers: Headers = []
        exchange.add_common(headers)
        call.write(200, JSON, known, headers)
        return True

    def _is_short_post(self, parser: HttpRequestParser) -> bool:
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return False
        if parser.should_upgrade() or self.expect_100_continue:
            return False
        length = next((value for name, value in self.headers if name == b"content-length"), None)
        return length is not None and len(length) < 8 and int(length) <= _LONGEST_BODY

    def _begin_for_asgi(self) -> None:
        """Begin the request as uvicorn does it, with what is known of it by now."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()


class _Call(RequestResponseCycle):
    """One call and its answer, as uvicorn's protocol knows them."""

    def __init__(
        self,
        protocol: CallProtocol,
        path: str,
        headers: Headers,
        before: RequestResponseCycle | None,
        is_kept: bool,
    ) -> None:
        self.protocol = protocol
        self.path = path
        self.headers = headers
        self.body = bytearray()
        self.is_whole = False
        self.keep_alive = is_kept
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self.message_event = _NOBODY_WAITS
        self._before = before
        self.exchange: _CallExchange | None = None
        """The call as it was read, if it was read before its turn to be answered."""

    @property
    def is_next(self) -> bool:
        """Is every request before this one answered?"""
        return self._before is None or self._before.response_complete

    async def run_asgi(self, app: object) -> None:
        """Answer it; uvicorn begins here once it is this one's turn."""
        self._before = None
        try:
            await self.protocol.answer(self.exchange or _CallExchange(self), self.headers)
        except Exception as error:
            _log.error("POST %r failed", self.path, exc_info=error)
        if not self.response_complete:
            self.keep_alive = False
            await self.respond(500, TEXT, b"Internal Server Error", ())

    async def respond(
        self, status: int, content_type: bytes, body: bytes, headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Write the answer."""
        if self.protocol.flow.write_paused and not self.disconnected:
            await self.protocol.flow.drain()
        self.write(status, content_type, body, headers)

    def write(
        self, status: int, content_type: bytes, body: bytes, headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Write the answer now, however much is still to be sent."""
        protocol, self._before, self.exchange = self.protocol, None, None
        self.response_started = self.response_complete = True
        if self.disconnected:
            return
        own = b"".join([b"%b: %b\r\n" % each for each in headers])
        if not self.keep_alive:
            own += b"connection: close\r\n"
        protocol.transport.write(
            b"%b%b%bcontent-type: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (_STATUS_LINES[status], protocol.usual_headers, own, content_type, len(body), body)
        )
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


class _CallExchange(Exchange):
    """A call as the HTTP API knows it."""

    root_path = ""

    def __init__(self, call: _Call) -> None:
        RequestHead.__init__(self, "POST", call.path, call.headers)
        self.whole_body = bytes(call.body)
        self._call = call

    async def respond(
        self,
        status: int,
        content_type: bytes,
        body: bytes,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        self.has_responded = True
        all_headers = [*headers]
        self.add_common(all_headers)
        await self._call.respond(status, content_type, body, all_headers)
