"""`Underway`: the actions that run, each in a task that outlives whoever asked for it.

A client that leaves does not end its action, whose effects are outside of the database. When the
server stops, or another version of the application takes over, those that run have a while to end.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

T = TypeVar("T")

_log = logging.getLogger("confect")


class _Task:
    """One action that runs."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.began_s = monotonic()
        self.scope = anyio.CancelScope(shield=True)
        self.is_over = anyio.Event()


class Underway:
    """Runs actions in a task group that is older than any of them."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._group = tasks
        self._tasks: set[_Task] = set()
        self._is_over = False

    def __len__(self) -> int:
        return len(self._tasks)

    async def run(self, path: str, action: Callable[[], Awaitable[T]]) -> T | None:
        """What an action gives, or None if it was stopped; whoever is cancelled only leaves it."""
        if self._is_over:
            return None
        task = _Task(path)
        given: list[T] = []

        async def run() -> None:
            self._tasks.add(task)
            try:
                with task.scope:
                    given.append(await action())
            finally:
                self._tasks.discard(task)
                task.is_over.set()

        self._group.start_soon(run, name=f"action {path}")
        await task.is_over.wait()
        return given[0] if given else None

    async def finish(self, grace_s: float) -> None:
        """Return once no action runs, and none will; those that take too long are cancelled."""
        with anyio.move_on_after(grace_s):
            await self._wait_idle()
        if self._tasks:
            _log.warning("stopped after %s s of grace: %s", grace_s, self._told())
        self.stop()
        await self._wait_idle()

    def stop(self) -> None:
        """Cancel every action that runs, and let no other one begin."""
        self._is_over = True
        for task in self._tasks:
            task.scope.cancel()

    async def _wait_idle(self) -> None:
        while self._tasks:
            await next(iter(self._tasks)).is_over.wait()

    def _told(self) -> str:
        now_s = monotonic()
        return ", ".join(
            f"{each.path} (running for {now_s - each.began_s:.1f} s)" for each in self._tasks
        )
