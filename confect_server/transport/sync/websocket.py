"""`SyncServer`: the sync protocol of a backend, for any number of sockets.

One task looks after all sockets now and then, whether they have been silent or have taken nothing
for too long. A server that stops lets each session answer what it was told before, and then sends
it away.
"""

from __future__ import annotations

import anyio
import anyio.lowlevel

from confect_core.protocol import (
    InvalidClientVersion,
    UnsupportedClientVersion,
    encode_refusal,
)
from confect_server.observe import Counter
from confect_server.runtime import Backend
from confect_server.transport.admin import AdminKey
from confect_server.transport.callers import Callers
from confect_server.transport.sync.audience import Audiences
from confect_server.transport.sync.client_check import NoSuchSocket, check_client
from confect_server.transport.sync.connection import Connection
from confect_server.transport.sync.effects import RESTARTING
from confect_server.transport.sync.pusher import Pusher
from confect_server.transport.sync.socket import Socket

TICK_S = 5.0
"""How often sockets are looked at, whether they have been silent for too long."""

_LOOKED_AT_ONCE = 100
"""How many of them before all else goes on: many are owed a Ping at the same time."""

_CLOSING_S = 1.0
"""How long clients may take to be told that they are sent away in the middle of something."""


class SyncServer:
    """Serves the sync protocol of a backend to any number of sockets."""

    def __init__(self, backend: Backend, admin_key: AdminKey) -> None:
        self._backend = backend
        self._callers = Callers(backend, admin_key)
        self._pusher = Pusher(backend)
        self._audiences = Audiences(backend, self._pusher)
        self._connections: set[Connection] = set()
        self._providers = backend.executor.application.impl.providers
        self.closed = Counter(("reason",))
        """How many sockets were closed, and why: the word that clients are told, if any."""
        self._is_ticking = False
        self._none_left: anyio.Event | None = None  # what waits for that, once it stops

    @property
    def sockets(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def serve(self, socket: Socket) -> None:
        """Serve one socket until it is closed by either side."""
        try:
            client = check_client(socket.path, socket.header(b"convex-client"))
        except UnsupportedClientVersion as error:
            await socket.refuse(400, encode_refusal(error.code, error), error.headers)
            return
        except InvalidClientVersion as error:
            await socket.refuse(400, encode_refusal(error.code, error))
            return
        except NoSuchSocket:
            mount = self._backend.executor.application.mounts.find(socket.path)
            if mount is not None:
                await socket.hand_to(mount.app, mount.prefix, mount.state)
                return
            await socket.refuse(404, b"No matching routes found")
            return
        # Its client may come from another process, and must not find this one behind that.
        await self._backend.database.refresh()
        if self._none_left is not None:
            await socket.refuse(503, b"The server is stopping")
            return
        await socket.accept()
        knows_chunks = client is not None and client.knows_chunks
        connection = Connection(
            socket,
            self._backend,
            self._callers,
            self._pusher,
            self._audiences,
            knows_chunks=knows_chunks,
        )
        self._connections.add(connection)
        self._pusher.start()
        if not self._is_ticking:
            self._is_ticking = True
            self._backend.do_beside(self._tick)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            self.closed.add((socket.closed_for,))
            if self._none_left is not None and not self._connections:
                self._none_left.set()

    async def drain(self, grace_s: float) -> None:
        """Take no more sockets, answer what the others have asked for, and send them away.

        Those that still wait for something after the grace are sent away without it.
        """
        self._none_left = anyio.Event()
        for connection in list(self._connections):
            connection.drain()
        await self._wait_none_left(grace_s)
        for connection in list(self._connections):
            connection.close(RESTARTING)
        await self._wait_none_left(_CLOSING_S)

    async def _wait_none_left(self, at_most_s: float) -> None:
        with anyio.move_on_after(at_most_s):
            if self._connections and self._none_left is not None:
                await self._none_left.wait()

    def reloaded(self) -> None:
        """The application was replaced: every subscribed query runs again on the new one.

        If it takes the tokens of others, sockets that have shown one have to show it again.
        """
        before = self._providers
        self._providers = self._backend.executor.application.impl.providers
        for connection in list(self._connections):
            if before != self._providers:
                connection.forget_user()
            connection.rerun_all()

    async def _tick(self) -> None:
        """Look at all sockets now and then, for as long as there are any."""
        try:
            while self._connections:
                await self._backend.clock.sleep(TICK_S)
                for number, connection in enumerate(list(self._connections), 1):
                    connection.tick()
                    if number % _LOOKED_AT_ONCE == 0:
                        await anyio.lowlevel.checkpoint()
        finally:
            self._is_ticking = False
