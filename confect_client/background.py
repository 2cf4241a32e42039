"""`Background`: what runs in a task of its own, begun in one task and ended in another.

This is asyncio and no task group, because of notebooks: each cell is another task, and a task group
must be left by the task that entered it (anyio says "Attempted to exit cancel scope in a different
task than it was entered in"). What runs here has a task group of its own, so this one task is all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class Background:
    """One task, from now until it is over."""

    def __init__(self, run: Callable[[], Coroutine[None, None, None]]) -> None:
        self._task = asyncio.get_running_loop().create_task(run())

    @property
    def is_running(self) -> bool:
        """Does it go on? Not if its loop has ended without it."""
        return not self._task.done() and not self._task.get_loop().is_closed()

    async def wait(self) -> None:
        """Until it is over; raises what it raised."""
        if self.is_running:
            await asyncio.wait([self._task])
        if self._task.done() and not self._task.cancelled():
            self._task.result()
