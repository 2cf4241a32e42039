"""`Pusher`: brings the sockets up to date that fell behind, all of them in one task.

A task for each socket that is pushed to would take 12 µs of the 36 that it cost to deliver an
update to one of a thousand, and most pushes never wait: the answer is in the cache, and the client
takes it. So one task pushes to one socket after the other. If a push does wait, for a query or for
another server's way to send, the task stays with that socket, and another one goes on for the rest.

All others on the loop have a turn after `_TURN_S`, however many sockets there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import copy_context
from time import monotonic
from typing import Any, Protocol

import anyio
import anyio.lowlevel

from confect_server.runtime import Backend
from confect_server.runtime.run_time import Begun
from confect_server.transport.wakeup import Wakeup

_TURN_S = 0.001


class Behind(Protocol):
    """What can be behind: a socket with its session."""

    async def push(self, answered_ts: int) -> None:
        """Send what is owed; before the last turn, whatever is until this ts was answered."""
        ...

    def keep(self, scope: anyio.CancelScope) -> None:
        """A push waits: the current task, which ends with this scope, belongs to the socket now."""
        ...

    def fail(self, error: Exception) -> None:
        """A push has failed."""
        ...


class Pusher:
    """Pushes to whoever is behind."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._context = copy_context()  # what goes on where a socket is opened is not its own
        self._behind: deque[Behind] = deque()
        self._wakeup = Wakeup()
        self._scope: anyio.CancelScope | None = None  # of the task that pushes

    def add(self, behind: Behind) -> None:
        """Push to this one, as soon as it is its turn."""
        self._behind.append(behind)
        self._wakeup.set()

    def start(self) -> None:
        """See to it that there is a task that pushes, until the backend is closed."""
        if self._scope is None:
            self._scope = anyio.CancelScope()
            self._context.copy().run(self._backend.do_beside, self._run)

    async def _run(self) -> None:
        scope = self._scope
        assert scope is not None
        with scope:
            while self._scope is scope:
                await self._wakeup.wait()
                await self._push_all(scope)

    async def _push_all(self, scope: anyio.CancelScope) -> None:
        while self._behind and self._scope is scope:
            # Who commits is woken in the step that publishes it, and has its turn now.
            answered_ts = self._backend.database.newest_ts
            await anyio.lowlevel.checkpoint()
            until_s = monotonic() + _TURN_S
            while self._behind and self._scope is scope and monotonic() < until_s:
                await self._push(self._behind.popleft(), answered_ts, scope)

    async def _push(self, behind: Behind, answered_ts: int, scope: anyio.CancelScope) -> None:
        def leave() -> None:
            behind.keep(scope)
            self._scope = None
            self.start()
            if self._behind:
                self._wakeup.set()

        try:
            await _Watched(behind.push(answered_ts), leave)
        except Exception as error:
            behind.fail(error)


class _Watched(Awaitable[None]):
    """Does something and says when that has to wait, once."""

    __slots__ = ("_on_wait", "_work")

    def __init__(self, work: Coroutine[Any, Any, None], on_wait: Callable[[], None]) -> None:
        self._work = work
        self._on_wait = on_wait

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            waits_for = self._work.send(None)
        except StopIteration:
            return
        self._on_wait()
        yield from Begun(self._work, waits_for).__await__()
