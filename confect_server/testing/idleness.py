"""Waiting until everything that can go on in this loop has done so.

anyio's `wait_all_tasks_blocked` looks again after 100 ms whenever a task is not blocked, which a
month of scheduled work would do thousands of times. Here the loop is let turn without a pause.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio.to_thread

from confect_server.testing.errors import NeverIdle

_QUIET_TURNS = 4
"""So many turns with nothing to do are enough: what was done may yet wake others by callbacks."""

_MOST_TURNS = 200_000
_THREAD_REST_S = 0.0005


async def settled() -> None:
    """Return once every other task of the loop waits for something that is not there yet.

    Worker threads are waited for; whoever waits for a socket or a timer of the loop is not.
    """
    own = asyncio.current_task()
    quiet = 0
    for _ in range(_MOST_TURNS):
        await asyncio.sleep(0)
        if any(_can_go_on(task) for task in asyncio.all_tasks() if task is not own):
            quiet = 0
        elif anyio.to_thread.current_default_thread_limiter().borrowed_tokens:
            quiet = 0
            await asyncio.sleep(_THREAD_REST_S)
        elif (quiet := quiet + 1) == _QUIET_TURNS:
            return
    raise NeverIdle([task.get_name() for task in asyncio.all_tasks() if _can_go_on(task)])


def _can_go_on(task: asyncio.Task[Any]) -> bool:
    waits_for: asyncio.Future[Any] | None = getattr(task, "_fut_waiter", None)
    return waits_for is None or waits_for.done()
