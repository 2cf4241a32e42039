"""`HttpConnection`: a connection of uvicorn's that does not wait for its client for ever.

uvicorn looks at the time only between requests. Who connects and sends nothing, or a header a
minute, or takes nothing of a long answer, would keep the connection, and one endless header would
fill the memory: llhttp has no bound for it. One timer per connection, not per request, finds out.

What cannot be read is refused behind the answers to what came before it, for a client takes the
first thing that comes for the answer to the first that it has asked.
"""

from __future__ import annotations

import sys
from asyncio import Transport
from asyncio.events import TimerHandle
from functools import cache
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from confect_server.transport.asgi import ConfectAsgi

if sys.platform != "win32":
    import resource

_SPARE_FILES = 128

MOST_HEAD_BYTES = 64 * 1024
"""How long the head of a request may be: its first line and all of its headers."""

_REFUSAL = (
    b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


@cache
def _within_open_files(connections: int) -> int:
    """As many, unless so many files may not be open; some are left for the database and others.

    Without any the system would let nobody in, and the database could not open what it needs.
    """
    if sys.platform == "win32":
        return connections
    most_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connections if most_files < 0 else min(connections, max(most_files - _SPARE_FILES, 1))


class HttpConnection(HttpToolsProtocol):
    """One connection, closed where the head of its next request takes too long, or is too long.

    It waits for a head from the beginning on, and again from each answer on; also while what is
    left of the body is still coming that nobody wanted to read. And it is closed where nothing of
    an answer is taken.
    """

    def __init__(self, config: Any, *args: Any, **named: Any) -> None:  # as uvicorn makes it
        super().__init__(config, *args, **named)
        app = config.app
        assert isinstance(app, ConfectAsgi)
        settings = app.backend.database.settings.requests
        self._head_s = settings.head_s
        self._most_connections = _within_open_files(settings.connections)
        self.is_in_head = False
        """Has a request begun whose headers are still coming?"""
        self.is_in_body = False
        """Has a request begun whose headers have come, and its body not?"""
        self._is_all_head = True  # what has come in this step
        self.is_misread = False
        """Does the parser take what follows for another protocol, which is not spoken here?"""
        self._seen: RequestResponseCycle | None = None
        self._unsent_bytes = 0  # when it was looked at
        self._head_bytes = 0
        self._look_again: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        if len(self.connections) > self._most_connections:  # those of sockets are among them
            self._refuse(b"503 Service Unavailable")
            return
        self._look_again = self.loop.call_later(self._head_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look_no_more()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._look_no_more()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        self._is_all_head = not self.is_in_body
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self._refuse(b"400 Bad Request")
        except HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        if self.is_in_head and self._is_all_head:  # else most of it may have been a body
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def _upgrade(self, rest: bytes) -> None:
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        elif self.is_misread:
            self.is_misread = False
            self._read_again(rest)

    def _read_again(self, rest: bytes) -> None:
        """Read a request that offers another protocol as one that does not, and is the last.

        Java's client offers HTTP/2 in this way. The parser leaves what follows alone, the body too,
        and what somebody sends as a body must not be taken for the next request.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if not any(name == b"upgrade" for name, _ in self.headers):
            self._refuse(b"400 Bad Request")  # a CONNECT, or the preface of HTTP/2
            return
        kept = [each for each in self.headers if each[0] not in (b"upgrade", b"connection")]
        lines = [b"%b: %b\r\n" % each for each in (*kept, (b"connection", b"close"))]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(lines))
        self.data_received(head + rest)

    def begin_head(self) -> None:
        """Count the bytes from here on as those of a head."""
        self.is_in_head, self._head_bytes = True, 0

    def end_head(self) -> None:
        """What follows is a body, be it empty."""
        self.is_in_head, self.is_in_body, self._is_all_head = False, True, False

    def on_message_begin(self) -> None:
        self.begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.end_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.is_in_body = False
        super().on_message_complete()

    @property
    def waits(self) -> bool:
        """Is there nothing to answer before more has come?"""
        # uvicorn's types leave out that it is None before the first request
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]

    @property
    def is_half(self) -> bool:
        """Has a request begun that is still coming?"""
        return self.is_in_head

    def _look(self) -> None:
        """Close the connection if it has waited since it was looked at before.

        So it waits for up to twice as long, and no request has to note when it was.
        """
        unsent_bytes = self.transport.get_write_buffer_size()
        is_seen = self.cycle is self._seen
        if is_seen and unsent_bytes and unsent_bytes == self._unsent_bytes:
            self.transport.abort()  # to close it would be to wait until all is taken
            return
        self._seen, self._unsent_bytes = self.cycle, unsent_bytes
        self._look_again = self.loop.call_later(self._head_s, self._look)
        if not self.waits or not is_seen or self.transport.is_closing():
            return
        if self.is_half:  # or else nobody has asked for anything
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.waits:
            self.transport.write(_REFUSAL % status)
            self.transport.close()
        else:
            self.cycle.keep_alive = False
            self.flow.pause_reading()

    def _look_no_more(self) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
            self._look_again = None
