"""`RunTime`: how long a run has taken, and the end of one that takes too long.

A run is interrupted where it waits for something; one that never waits cannot be, and is refused
when it returns. The timer is set the first time that a run waits, because most never do: a whole
query of one document takes 28 µs, of which `asyncio.timeout` would be 3.3, `anyio.fail_after` 7.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from time import monotonic
from types import coroutine
from typing import Any, TypeVar

from confect_core.errors import ConfectError
from confect_server.engine import RanTooLong
from confect_server.errors import ActionTimedOut
from confect_server.runtime.begun import Rest

T = TypeVar("T")


class RunTime:
    """How long one run has taken since this was made, and how long it may take.

    Not by the clock of the loop, which in uvloop stands while a handler computes.
    """

    __slots__ = ("limit_s", "started_s")

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.started_s = monotonic()

    @property
    def used_s(self) -> float:
        """How long the run has taken until now."""
        return monotonic() - self.started_s

    def exceeded(self) -> ConfectError:
        """The error that says so."""
        return RanTooLong(round(self.used_s, 3), self.limit_s)


class ActionTime(RunTime):
    """How long one action has taken, and how long it may take."""

    __slots__ = ("_path",)

    def __init__(self, path: str, limit_s: float) -> None:
        super().__init__(limit_s)
        self._path = path

    def exceeded(self) -> ConfectError:
        return ActionTimedOut(self._path, self.limit_s)


@coroutine
def timed(run: Coroutine[Any, Any, T], time: RunTime) -> Generator[Any, Any, T]:
    """What a run returns; raises `time.exceeded()` instead if that takes longer than allowed."""
    result: T
    try:
        waits_for = run.send(None)
    except StopIteration as returned:
        result = returned.value
    else:
        result = yield from _resumed(run, waits_for, time).__await__()
    if monotonic() - time.started_s > time.limit_s:
        raise time.exceeded()
    return result


async def _resumed(run: Coroutine[Any, Any, T], waits_for: object, time: RunTime) -> T:
    timer = asyncio.timeout(time.limit_s - time.used_s)
    try:
        async with timer:
            return await Rest(run, waits_for)
    except TimeoutError:
        if timer.expired():
            raise time.exceeded() from None
        raise
