"""`Lives`: the process that a test runs an application in, from each start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import anyio

from confect_server.engine import PausePoint
from confect_server.runtime import Backend
from confect_server.store import Store
from confect_server.testing.clock import VirtualClock
from confect_server.testing.errors import NotRunning, ProcessDied
from confect_server.testing.mortality import DeadlyPauses, Mortality

T = TypeVar("T")

_MOMENT_NS = 1_000_000

Open = Callable[[Store, Mortality, DeadlyPauses], AbstractAsyncContextManager[Backend]]


class Life:
    """One process, as far as a test can tell."""

    def __init__(self, backend: Backend, mortality: Mortality, clock: VirtualClock) -> None:
        self.backend = backend
        self._mortality = mortality
        self._clock = clock
        self._calls: set[anyio.CancelScope] = set()
        self._is_over = anyio.Event()
        self._told: list[anyio.Event] = []

    async def answered(self, ask: Callable[[Backend], Awaitable[T]]) -> T:
        """What a call gives; raises `ProcessDied` if the process dies before the answer is out."""
        answers: list[T] = []
        with anyio.CancelScope() as call, VirtualClock.passing():
            self._calls.add(call)
            try:
                answers.append(await ask(self.backend))
            except Exception as error:
                if self._mortality.is_dead:
                    raise ProcessDied from error
                raise
            finally:
                self._calls.discard(call)
        self._mortality.check()
        return answers[0]

    async def written(self, ask: Callable[[Backend], Awaitable[T]]) -> T:
        """The same for what may write: a moment passes, so that what is written next is younger."""
        answer = await self.answered(ask)
        self._clock.move_to(self._clock.now_ns() + _MOMENT_NS)
        return answer

    def die(self) -> None:
        """End now, with everything that goes on."""
        self._mortality.is_dead = True
        for call in self._calls:
            call.cancel()
        self.backend.executor.underway.stop()  # the dead are not given any time to end
        for event in self._told:
            event.set()
        self._is_over.set()

    def when_over(self, event: anyio.Event) -> None:
        """Let an event happen when the process dies."""
        self._told.append(event)

    def end(self) -> None:
        """End as a server does that is told to."""
        self._is_over.set()

    async def wait_over(self) -> None:
        """Return once it has come to its end."""
        await self._is_over.wait()


class Lives:
    """One life after the other on the same store.

    They go on in a task of their own, which is in no task group: a fixture may be left in another
    task than it was entered in, as pytest-asyncio does it, and a task group may not.
    """

    def __init__(self, store: Store, clock: VirtualClock, open_: Open) -> None:
        self._store = store
        self._clock = clock
        self._open = open_
        self._pauses = DeadlyPauses(self.die, clock)
        self._life: Life | None = None
        self._began = anyio.Event()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def life(self) -> Life:
        """The life that goes on; raises `NotRunning` before the first and after the last."""
        if self._life is None:
            raise NotRunning
        return self._life

    async def current(self) -> Life:
        """The life that goes on, or the next one, once that has begun."""
        if self._life is not None:
            await self._began.wait()
        return self.life

    def die(self) -> None:
        """End this life now; the next one begins."""
        self._began = anyio.Event()
        self.life.die()

    def die_at(self, point: PausePoint) -> None:
        """End the life that reaches this point next."""
        self._pauses.die_at(point)

    async def begin(self) -> None:
        """Begin the first life; raises what stands against it."""
        self._task = asyncio.create_task(self._live(), name="the tested application")
        await self._began.wait()
        if self._life is None:
            await self._task

    async def end(self) -> None:
        """End the last life, as a server ends; raises what went wrong beside its calls."""
        if self._life is not None:
            await self._began.wait()
        self._is_closing = True
        if self._life is not None:
            self._life.end()
        if self._task is not None:
            await self._task

    async def _live(self) -> None:
        try:
            while not self._is_closing:
                await self._one_life()
        finally:
            if self._life is not None:
                self._life.die()  # if it failed, nobody is to wait for it
            self._life = None
            self._began.set()

    async def _one_life(self) -> None:
        mortality = Mortality()
        try:
            async with self._open(self._store, mortality, self._pauses) as backend:
                self._life = Life(backend, mortality, self._clock)
                self._began.set()
                await self._life.wait_over()
        except Exception:
            if not mortality.is_dead:  # whatever the dead complain of
                raise
