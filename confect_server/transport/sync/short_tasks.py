"""`ShortTasks`: what a socket does besides hearing, each piece in a task that ends with it.

asyncio directly, because most sockets do nothing most of the time: four tasks of anyio that wait,
with the group around them, held 18 of the 45 KiB of an idle socket. Here there is a task only while
there is something to do. Scopes are those of anyio, for what runs shields itself with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from contextvars import copy_context
from typing import Any

import anyio


class ShortTasks:
    """Tasks around a main one: they end when it does, and it ends when one of them fails."""

    __slots__ = (
        "_cancelled_before",
        "_context",
        "_failure",
        "_is_over",
        "_is_stopped",
        "_owner",
        "_running",
    )

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[None], anyio.CancelScope] = {}
        self._context = copy_context()  # what is going on where a task is started is not its own
        self._owner: asyncio.Task[Any] | None = None
        self._cancelled_before = 0
        self._failure: BaseException | None = None
        self._is_stopped = False
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Has the main task ended?"""
        return self._is_over

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in a task of its own, unless the main one has ended."""
        if self._is_over:
            work.close()
            return
        scope = anyio.CancelScope()
        task = asyncio.create_task(_inside(scope, work), context=self._context.copy())
        self._running[task] = scope
        task.add_done_callback(self._ended)

    def keep(self, scope: anyio.CancelScope) -> None:
        """Let the current task be one of these, which ends with its scope and raises nothing."""
        task = asyncio.current_task()
        assert task is not None
        self._running[task] = scope
        task.add_done_callback(self._ended)

    def fail(self, error: BaseException) -> None:
        """End the main task, and let it raise this."""
        self._failure = self._failure or error
        self.stop()

    def stop(self) -> None:
        """End the main task, and all others with it; called by one of those."""
        if self._owner is not None and not (self._is_over or self._is_stopped):
            self._is_stopped = True
            self._owner.cancel()

    async def around(self, main: Awaitable[None]) -> None:
        """Do the main thing, until it ends or is stopped; raises what any of the tasks raised."""
        self._owner = owner = asyncio.current_task()
        assert owner is not None
        self._cancelled_before = owner.cancelling()
        try:
            await main
        except asyncio.CancelledError:
            is_ours = self._is_stopped and owner.uncancel() <= self._cancelled_before
            if not is_ours:
                raise
        finally:
            self._is_over = True
            await self._end()
        if self._failure is not None:
            raise self._failure

    async def _end(self) -> None:
        """Cancel what runs and wait for it, however often this is cancelled meanwhile."""
        for scope in self._running.values():
            scope.cancel()
        cancelled: asyncio.CancelledError | None = None
        while self._running:
            try:
                await asyncio.wait(self._running)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self.fail(failure)


async def _inside(scope: anyio.CancelScope, work: Coroutine[Any, Any, None]) -> None:
    with scope:
        await work
