"""`HttpConnection`: a connection of uvicorn's that does not wait for heads of requests for ever.

uvicorn looks at the time only between requests. Who connects and sends nothing, or a header a
minute, would keep the connection, and one endless header would fill the memory: llhttp has no bound
for it. One timer per connection, not per request, finds out.
"""

from __future__ import annotations

from asyncio import Transport
from asyncio.events import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from confect_server.transport.asgi import ConfectAsgi

MOST_HEAD_BYTES = 64 * 1024
"""How long the head of a request may be: its first line and all of its headers."""

_REFUSAL = (
    b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class HttpConnection(HttpToolsProtocol):
    """One connection, closed where the head of its next request takes too long, or is too long.

    It waits for a head from the beginning on, and again from each answer on; also while what is
    left of the body is still coming that nobody wanted to read.
    """

    def __init__(self, config: Any, *args: Any, **named: Any) -> None:  # as uvicorn makes it
        super().__init__(config, *args, **named)
        app = config.app
        assert isinstance(app, ConfectAsgi)
        self._head_s = app.backend.database.settings.requests.head_s
        self.is_in_head = False
        """Has a request begun whose headers are still coming?"""
        self._seen: RequestResponseCycle | None = None
        self._head_bytes = 0
        self._look_again: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._look_again = self.loop.call_later(self._head_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look_no_more()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._look_no_more()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def begin_head(self) -> None:
        """Count the bytes from here on as those of a head."""
        self.is_in_head, self._head_bytes = True, 0

    def on_message_begin(self) -> None:
        self.begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.is_in_head = False
        super().on_headers_complete()

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
        if self.transport.is_closing():
            return
        if not self.waits or self.cycle is not self._seen:
            self._seen = self.cycle
            self._look_again = self.loop.call_later(self._head_s, self._look)
        elif self.is_half:  # or else nobody has asked for anything
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(_REFUSAL % status)
            self.transport.close()

    def _look_no_more(self) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
            self._look_again = None
