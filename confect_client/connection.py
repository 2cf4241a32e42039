"""The client's connection: one WebSocket after the other, for as long as the client lives."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from importlib.metadata import version
from socket import gaierror
from typing import cast
from urllib.parse import urlsplit, urlunsplit

import anyio
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from confect_client.backoff import Backoff
from confect_client.errors import BadUrl
from confect_client.liveness import Liveness
from confect_client.session.events import ClientEvent, Ended, Reconnect
from confect_client.session.session import ClientSession

OPEN_TIMEOUT_S = 10.0
"""How long a server may take to accept a socket."""

TICK_S = 5.0
PROBE_TIMEOUT_S = 5.0
"""How long a server has to answer when the machine seems to have slept."""

CLOSE_TIMEOUT_S = 1.0
"""How long a server has to say farewell; one that is gone says nothing."""

_TOLD_AFTER = 3
"""How many attempts fail before that is logged, once until all is well."""

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
        changed: Callable[[], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = socket_url(url)
        self._session = session
        self._tell = tell
        self._prepare = prepare  # the session, for its next connection
        self._changed = changed
        self._sleep = sleep
        self._now_s = now_s
        self._has_news = anyio.Event()
        self._backoff = Backoff()
        self._is_over = False
        self._is_offline = False
        self.is_connected = False
        self.connections = 0
        self.retries = 0
        self.last_error: str | None = None

    def wake(self) -> None:
        """The session has something to send."""
        self._has_news.set()

    async def run(self) -> None:
        """Stay connected until the server refuses for good, or until cancelled."""
        while not self._is_over:
            try:
                await self._prepare()
            except Exception as error:  # of the program around us, and no reason to give up
                _log.warning("cannot prepare to connect: %s", error, exc_info=error)
                await self._wait(f"{type(error).__name__}: {error}")
                continue
            reason = await self._connect()
            self._tell(self._session.disconnected(reason))
            if not self._is_over:
                await self._wait(reason)

    async def _wait(self, reason: str) -> None:
        self.retries += 1
        self.last_error = reason
        self._changed()
        if self.retries == _TOLD_AFTER:  # or whoever has the address wrong waits and wonders
            _log.warning("no connection to %s: %s; the client goes on trying", self._url, reason)
        await self._sleep(self._backoff.next_s(reason, is_offline=self._is_offline))

    async def _connect(self) -> str:
        """Open one socket and use it until it ends; why it ended."""
        headers = {"Convex-Client": f"confect-py-{version('confect-py')}"}
        self._is_offline = False
        try:
            async with connect(
                self._url,
                additional_headers=headers,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=None,
                compression=None,
            ) as socket:
                try:
                    return await self._converse(socket)
                finally:
                    # Also if cancelled: with a loop that ends right after, the socket stayed open.
                    with anyio.CancelScope(shield=True):
                        await socket.close()
        except InvalidStatus as refused:
            refusal = _refusal(refused)
            if refusal is not None:
                self._take(self._session.refuse(refusal))
            return f"{refused}"
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            self._is_offline = _is_of_this_machine(error)
            return f"{type(error).__name__}: {error}"

    async def _converse(self, socket: ClientConnection) -> str:
        """Use one socket until it ends; why it ended."""
        began_s = self._now_s()
        self._session.connected(time.time_ns() // 1_000_000)
        self.is_connected = True
        self.connections += 1
        self._changed()
        try:
            reason = await self._until_an_end(socket)
        finally:
            self.is_connected = False
        if not self.retries:
            self._backoff.lasted(self._now_s() - began_s)
        return reason

    async def _until_an_end(self, socket: ClientConnection) -> str:
        ends: list[str] = []

        async def end_with(part: Callable[[ClientConnection], Awaitable[str]]) -> None:
            ends.append(await part(socket))
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(end_with, self._read)
            tasks.start_soon(end_with, self._look_after)
            tasks.start_soon(self._write, socket)
        return ends[0]

    async def _read(self, socket: ClientConnection) -> str:
        try:
            async for frame in socket:
                end = self._take(self._session.receive(frame))
                self.wake()
                if self.retries and self._session.is_caught_up:
                    self.retries = 0
                    self._changed()
                if end is not None:
                    return end
        except ConnectionClosed:
            pass
        return socket.close_reason or "closed"

    async def _look_after(self, socket: ClientConnection) -> str:
        """Ends when nobody is at the other end, as far as one can tell."""
        liveness = Liveness()
        while True:
            await self._sleep(TICK_S)
            end = self._take(self._session.tick(int(self._now_s() * 1_000)))
            if end is None and liveness.has_slept(TICK_S) and not await _answers(socket):
                end = "InactiveServer"
            if end is not None:
                return end

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                for frame in self._session.outgoing():
                    await socket.send(frame, text=True)
                await self._has_news.wait()
                self._has_news = anyio.Event()
        except ConnectionClosed:
            return  # the reader sees it too, and knows why

    def _take(self, events: list[ClientEvent]) -> str | None:
        """Pass on what happened; why the socket is of no more use, if it is not."""
        self._tell(events)
        for event in events:
            if isinstance(event, Reconnect):
                return event.reason
            if isinstance(event, Ended):
                self._is_over = True
                return "ended"
        return None


async def _answers(socket: ClientConnection) -> bool:
    try:
        with anyio.fail_after(PROBE_TIMEOUT_S):
            await (await socket.ping())
    except (TimeoutError, ConnectionClosed):
        return False
    return True


def _is_of_this_machine(error: Exception) -> bool:
    """Did the attempt not leave this machine, as when it has no network?"""
    if isinstance(error, gaierror):  # names are not found without a network, either
        return True
    return isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.ENETDOWN)


def _refusal(refused: InvalidStatus) -> str | None:
    """Why a server takes no clients of this version, if that is what it says."""
    if refused.response.status_code != HTTPStatus.BAD_REQUEST:
        return None
    try:
        body: object = orjson.loads(refused.response.body)
    except orjson.JSONDecodeError:
        return None  # of a proxy, which may know better soon
    fields = cast("dict[str, object]", body) if isinstance(body, dict) else {}
    is_about_us = fields.get("code") in ("ClientVersionUnsupported", "InvalidClientVersion")
    return f"{fields.get('message') or fields['code']}" if is_about_us else None
