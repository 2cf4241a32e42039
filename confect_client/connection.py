"""The client's connection: one WebSocket after the other, for as long as the client lives."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version
from urllib.parse import urlsplit, urlunsplit

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from confect_client.errors import BadUrl
from confect_client.events import ClientEvent, Ended, Reconnect
from confect_client.session import ClientSession

_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 15.0
_TICK_S = 5.0
_log = logging.getLogger("confect_client")

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def socket_url(url: str) -> str:
    """Where the socket of a server is, for the URL that people know the server by."""
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an address that cannot be
        raise BadUrl(url) from None
    if not is_known or url.split() != [url]:
        raise BadUrl(url)
    path = f"{parts.path.rstrip('/')}/api/sync"
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "", ""))


class Connection:
    """Keeps a session connected: sends what it has to say, tells it what comes, reconnects."""

    def __init__(
        self,
        url: str,
        session: ClientSession,
        tell: Callable[[Iterable[ClientEvent]], None],
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        self._url = socket_url(url)
        self._session = session
        self._tell = tell
        self._prepare = prepare  # the session, for its next connection
        self._has_news = anyio.Event()
        self._failures = 0
        self._is_over = False

    def wake(self) -> None:
        """The session has something to send."""
        self._has_news.set()

    async def run(self) -> None:
        """Stay connected until the server refuses for good, or until cancelled."""
        headers = {"Convex-Client": f"confect-py-{version('confect-py')}"}
        while not self._is_over:
            try:
                await self._prepare()
            except Exception as error:  # of the program around us, and no reason to give up
                _log.warning("cannot prepare to connect: %s", error, exc_info=error)
                await anyio.sleep(self._backoff_s())
                continue
            try:
                async with connect(
                    self._url, additional_headers=headers, max_size=None, compression=None
                ) as socket:
                    reason = await self._converse(socket)
            except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
                reason = f"{type(error).__name__}: {error}"
            self._tell(self._session.disconnected(reason))
            if not self._is_over:
                await anyio.sleep(self._backoff_s())

    async def _converse(self, socket: ClientConnection) -> str:
        """Use one socket until it ends; why it ended."""
        self._session.connected(_now_ms())
        reason = "closed"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write, socket)
            tasks.start_soon(self._tick)
            try:
                reason = await self._read(socket)
            except ConnectionClosed as closed:
                frame = closed.rcvd
                reason = (frame.reason if frame else "") or "closed"
            tasks.cancel_scope.cancel()
        return reason

    async def _read(self, socket: ClientConnection) -> str:
        async for frame in socket:
            events = self._session.receive(frame)
            self._tell(events)
            self.wake()
            if self._session.is_caught_up:
                self._failures = 0
            for event in events:
                if isinstance(event, Reconnect):
                    return event.reason
                if isinstance(event, Ended):
                    self._is_over = True
                    return "ended"
        return socket.close_reason or "closed"

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                for frame in self._session.outgoing():
                    await socket.send(frame, text=True)
                await self._has_news.wait()
                self._has_news = anyio.Event()
        except ConnectionClosed:
            return  # the reader sees it too, and knows why

    async def _tick(self) -> None:
        while True:
            await anyio.sleep(_TICK_S)
            self._tell(self._session.tick(_now_ms()))

    def _backoff_s(self) -> float:
        longest = min(_FIRST_BACKOFF_S * 2.0**self._failures, _LONGEST_BACKOFF_S)
        self._failures += 1
        return longest * (0.5 + random.random() / 2)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
