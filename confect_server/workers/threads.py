"""`Threads`: handlers that block, each in a thread, and no more at once than there is room for.

A thread cannot be ended from outside. One that is given up, because it took too long or because the
server stops, keeps its room until its handler ends, and whatever it asks of its ctx is refused. The
threads are daemons, and so none of anyio's, which would keep the process from ending for as long as
a handler blocks. A call takes 0.26 ms, of which 0.04 are those of any action.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from time import monotonic
from typing import Generic, TypeVar

import anyio
import anyio.from_thread
from anyio.lowlevel import EventLoopToken, current_token

from confect_server.workers.errors import ActionGivenUp, HandlerExited

T = TypeVar("T")

_log = logging.getLogger("confect")


class Bridge:
    """The way from a worker thread to the loop, until the action is given up."""

    def __init__(self, loop: EventLoopToken) -> None:
        self._loop = loop
        self._under_way: set[anyio.CancelScope] = set()
        self._is_given_up = False

    def wait(self, call: Callable[[], Awaitable[T]]) -> T:
        """What an asynchronous call gives, once it has; raises `ActionGivenUp`."""
        self.check()
        return anyio.from_thread.run(self._called, call, token=self._loop)

    def check(self) -> None:
        """Raise `ActionGivenUp` if nobody waits for the answer any more."""
        if self._is_given_up:
            raise ActionGivenUp

    def tell(self, step: Callable[[], None]) -> None:
        """Let the loop do something, if it still runs."""
        with suppress(RuntimeError):
            anyio.from_thread.run_sync(step, token=self._loop)

    def give_up(self) -> None:
        """Let nothing more be asked; what is under way is cancelled."""
        self._is_given_up = True
        for scope in self._under_way:
            scope.cancel()

    async def _called(self, call: Callable[[], Awaitable[T]]) -> T:
        self.check()
        with anyio.CancelScope() as scope:
            self._under_way.add(scope)
            try:
                return await call()
            finally:
                self._under_way.discard(scope)
        raise ActionGivenUp


class Threads:
    """Runs handlers in threads."""

    def __init__(self, at_most: int) -> None:
        self._room = anyio.CapacityLimiter(at_most)
        self.given_up = 0
        """How many handlers go on although nobody waits for them."""

    @property
    def busy(self) -> int:
        """How many threads there are, those that were given up included."""
        return self._room.borrowed_tokens

    @property
    def waiting(self) -> int:
        """How many handlers wait for room."""
        return self._room.statistics().tasks_waiting

    async def run(self, what: str, handler: Callable[[Bridge], T]) -> T:
        """What a handler returns or raises in a thread; cancelled, it is left to itself."""
        bridge = Bridge(current_token())
        await self._room.acquire_on_behalf_of(bridge)
        job = _Job(what, handler, bridge, lambda: self._ended(what, job))
        try:
            Thread(
                target=copy_context().run, args=(job.run,), name=f"confect {what}", daemon=True
            ).start()
        except BaseException:
            self._room.release_on_behalf_of(bridge)
            raise
        try:
            await job.is_over.wait()
        except BaseException:
            if not job.is_over.is_set():
                self._give_up(what, job)
            raise
        return job.result()

    def _give_up(self, what: str, job: _Job[T]) -> None:
        job.bridge.give_up()
        job.given_up_s = monotonic()
        self.given_up += 1
        _log.warning("%s was given up, but its thread goes on until its handler ends", what)

    def _ended(self, what: str, job: _Job[T]) -> None:
        self._room.release_on_behalf_of(job.bridge)
        if job.given_up_s is not None:
            self.given_up -= 1
            late_s = monotonic() - job.given_up_s
            _log.warning("%s ended %.1f s after it was given up", what, late_s)


class _Job(Generic[T]):
    """One handler in its thread."""

    def __init__(
        self,
        what: str,
        handler: Callable[[Bridge], T],
        bridge: Bridge,
        on_ended: Callable[[], None],
    ) -> None:
        self.bridge = bridge
        self._what = what
        self.is_over = anyio.Event()
        self.given_up_s: float | None = None
        self._handler = handler
        self._on_ended = on_ended
        self._outcome: tuple[T] | Exception | None = None

    def run(self) -> None:
        """Run the handler; in the thread."""
        try:
            self._outcome = (self._handler(self.bridge),)
        except Exception as error:
            self._outcome = error
        except BaseException as error:  # SystemExit, which would end the server on its loop
            self._outcome = HandlerExited(self._what, repr(error))
        self.bridge.tell(self._ended)

    def result(self) -> T:
        """What the handler returned or raised."""
        outcome = self._outcome
        assert outcome is not None, "it is over"
        if isinstance(outcome, Exception):
            raise outcome
        return outcome[0]

    def _ended(self) -> None:
        self.is_over.set()
        self._on_ended()
