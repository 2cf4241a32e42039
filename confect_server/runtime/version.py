"""`Version`: one version of an application, with its services open for as long as it is used."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus

from confect_core.errors import refuse
from confect_server.http import Mounts
from confect_server.impl import Impl
from confect_server.runtime.functions import Functions
from confect_server.services import Services
from confect_server.settings import Settings
from confect_server.workers import Processes, Threads

_log = logging.getLogger("confect")


class Use:
    """How many runs use something, and when none does; two additions for each run."""

    __slots__ = ("_is_idle", "count")

    def __init__(self) -> None:
        self.count = 0
        self._is_idle: anyio.Event | None = None

    def begin(self) -> None:
        """One more run uses it."""
        self.count += 1

    def end(self) -> None:
        """One run has ended."""
        self.count -= 1
        if self._is_idle is not None and not self.count:
            self._is_idle.set()

    async def wait_idle(self) -> None:
        """Return once nobody uses it."""
        while self.count:
            self._is_idle = anyio.Event()
            await self._is_idle.wait()


@dataclass(frozen=True)
class Opened:
    """What an application has beside its functions while it runs."""

    services: Services
    mounts: Mounts


class Version:
    """An application that was checked, with its functions, and its services open.

    They are opened and closed in one task, as whatever holds a task group open needs it.
    """

    def __init__(self, impl: Impl[Any], threads: Threads, settings: Settings) -> None:
        refuse("the application", impl.mistakes())
        self.impl = impl
        self.use = Use()
        self.threads = threads
        self.processes = Processes(
            settings.actions.processes,
            jobs_each=settings.actions.process_jobs,
            result_bytes=settings.limits.result_bytes,
        )
        self.functions = Functions.of(impl, threads, self.processes)
        self._grace_s = settings.actions.grace_s
        self._is_retired = anyio.Event()
        self._is_closed = anyio.Event()
        self._failure: BaseException | None = None

    async def open(self, tasks: TaskGroup) -> Opened:
        """Its services and what is mounted in it, until it is retired and nobody uses it."""
        opened: Opened = await tasks.start(self._live, tasks)
        return opened

    def retire(self) -> None:
        """Close the services once nobody uses them, or some time has passed."""
        self._is_retired.set()

    async def wait_closed(self) -> None:
        """Return once the services are closed; raises what closing them raised."""
        await self._is_closed.wait()
        if self._failure is not None:
            raise self._failure

    async def _live(self, tasks: TaskGroup, *, task_status: TaskStatus[Opened]) -> None:
        is_open = False
        try:
            async with AsyncExitStack() as stack:
                services = await stack.enter_async_context(self.impl.layers.running())
                mounts = await Mounts.started(self.impl.mounts, stack, tasks)
                is_open = True
                task_status.started(Opened(services, mounts))
                with anyio.CancelScope(shield=True):
                    await self._is_retired.wait()
                    await self._wait_unused()
                    await self.processes.aclose()
        except Exception as failure:
            if not is_open:
                raise
            _log.exception("the services of an application could not be closed")
            self._failure = failure
        finally:
            self._is_closed.set()

    async def _wait_unused(self) -> None:
        with anyio.move_on_after(self._grace_s):
            await self.use.wait_idle()
        if self.use.count:
            told = "%s functions still run %s s after their version was replaced"
            _log.warning(told, self.use.count, self._grace_s)
