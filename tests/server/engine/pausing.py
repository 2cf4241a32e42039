"""Pause points in the hand of a test: it holds execution there, makes it fail, or kills it."""

from __future__ import annotations

import os
import signal
from collections import Counter

import anyio

from confect_server.engine import PausePoint
from tests.server.engine.faults import Broken


class Hold:
    """The next arrival at a point, which waits there until it is released."""

    def __init__(self) -> None:
        self._is_reached = anyio.Event()
        self._is_released = anyio.Event()

    async def wait_reached(self) -> None:
        """Return once somebody is held."""
        with anyio.fail_after(20):
            await self._is_reached.wait()

    def release(self) -> None:
        """Let it go on."""
        self._is_released.set()

    async def arrive(self) -> None:
        self._is_reached.set()
        await self._is_released.wait()


class Pausing:
    """Counts the arrivals at each point, and does there what it was told to, once."""

    def __init__(self) -> None:
        self.arrivals: Counter[PausePoint] = Counter()
        self._holds: dict[PausePoint, Hold] = {}
        self._failing: set[PausePoint] = set()

    def hold(self, point: PausePoint) -> Hold:
        """The next arrival there is held."""
        hold = self._holds[point] = Hold()
        return hold

    def fail(self, point: PausePoint) -> None:
        """The next arrival there raises `Broken`."""
        self._failing.add(point)

    async def reached(self, point: PausePoint) -> None:
        self.arrivals[point] += 1
        hold = self._holds.pop(point, None)
        if hold is not None:
            await hold.arrive()
        if point in self._failing:
            self._failing.discard(point)
            raise Broken(point.name)


class Deadly:
    """Kills this process, as kill -9 does, at one arrival at one point."""

    def __init__(self, point: PausePoint, arrival: int) -> None:
        self._point = point
        self._left = arrival

    async def reached(self, point: PausePoint) -> None:
        if point is self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
