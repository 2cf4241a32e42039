"""`Pusher`: brings the sockets up to date that fell behind, all of them in one task.

A task for each socket that is pushed to would take 12 µs of the 36 that it cost to deliver an
update to one of a thousand, and most pushes never wait: the answer is in the cache, and the client
takes it. So one task pushes to one socket after the other. If a push does wait, for a query or for
another server's way to send, the task stays with that socket, and another one goes on for the rest.

Others on the loop have their turn in between, however many sockets are pushed to. Those that are
told what is known are counted and not timed: time also passes while clients on the same machine
take what they are sent, and a thousand went in 20 turns instead of 4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import copy_context
from time import monotonic
from typing import Any, Protocol

import anyio
import anyio.lowlevel

from confect_server.engine import NoPauses
from confect_server.runtime import Backend
from confect_server.runtime.begun import Rest
from confect_server.transport.sync.wakeup import Wakeup

_AT_ONCE = 250
_TURN_S = 0.001
"""All others on the loop have a turn after so many sockets, or so long once queries have run."""

_NS_PER_MS = 1_000_000


class Behind(Protocol):
    """What can be behind: a socket with its session, or an audience of them.

    Up to `answered_ts` the mutations of that socket have been answered.
    """

    def push_at_once(self, newest_ts: int, answered_ts: int, now_ms: int) -> int:
        """Send what is owed if that is known already, and say to how many sockets.

        Nothing is done if it is not known.
        """
        ...

    async def push(self, answered_ts: int) -> None:
        """Send what is owed."""
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
        self._pauses_nowhere = isinstance(backend.database.pauses, NoPauses)
        self._context = copy_context()  # what goes on where a socket is opened is not its own
        self._behind: deque[Behind] = deque()
        self._wakeup = Wakeup()
        self._scope: anyio.CancelScope | None = None  # of the task that pushes

    def add(self, behind: Behind) -> None:
        """Push to this one, as soon as it is its turn."""
        if not self._behind:
            self._wakeup.set()
        self._behind.append(behind)

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
            newest_ts = self._backend.database.newest_ts  # nothing is committed in this step
            now_ms = self._backend.clock.now_ns() // _NS_PER_MS
            until_s = monotonic() + _TURN_S
            left = _AT_ONCE
            while self._behind and left > 0:
                behind = self._behind.popleft()
                try:
                    told = self._pauses_nowhere and behind.push_at_once(
                        newest_ts, answered_ts, now_ms
                    )
                    left -= told or 1
                    if told:
                        continue
                    await _Watched(behind.push(answered_ts), self, behind)
                except Exception as error:
                    behind.fail(error)
                if self._scope is not scope or monotonic() > until_s:
                    break

    def leave_to(self, behind: Behind) -> None:
        """The current task waits with a socket: another one goes on for the others."""
        assert self._scope is not None
        behind.keep(self._scope)
        self._scope = None
        self.start()
        if self._behind:
            self._wakeup.set()


class _Watched(Awaitable[None]):
    """A push, with which the task stays if it has to wait."""

    __slots__ = ("_behind", "_push", "_pusher")

    def __init__(self, push: Coroutine[Any, Any, None], pusher: Pusher, behind: Behind) -> None:
        self._push = push
        self._pusher = pusher
        self._behind = behind

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            waits_for = self._push.send(None)
        except StopIteration:
            return
        self._pusher.leave_to(self._behind)
        yield from Rest(self._push, waits_for).__await__()
