"""`a_bank`: a server in this process, for tests of clients."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup, TaskStatus

from confect_server import Actions, Requests, Settings
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.bank import Journal, Meeting, bank

_AS_MANY_AS_COME = Requests()


class Bank:
    """The bank on a port, which a test may close and open again."""

    def __init__(self, tasks: TaskGroup, requests: Requests) -> None:
        self.port = 0  # the system chooses
        self.journal = Journal()
        self.meeting = Meeting()
        self._settings = Settings(actions=Actions(grace_s=0), requests=requests)
        self._store = MemoryStore()
        self._tasks = tasks
        self._closes = anyio.Event()
        self._is_closed = anyio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._closes, self._is_closed = anyio.Event(), anyio.Event()
        await self._tasks.start(self._run)

    async def stop(self) -> None:
        self._closes.set()
        await self._is_closed.wait()

    async def _run(self, *, task_status: TaskStatus[None]) -> None:
        application = bank(self.journal, self.meeting)
        async with Backend.open(application, self._store, settings=self._settings) as backend:
            app = ConfectAsgi(backend, AdminKey("secret"))
            async with serving(app, "127.0.0.1", self.port) as self.port:
                task_status.started()
                await self._closes.wait()
        self._is_closed.set()


@asynccontextmanager
async def a_bank(requests: Requests = _AS_MANY_AS_COME) -> AsyncGenerator[Bank]:
    async with anyio.create_task_group() as tasks:
        at = Bank(tasks, requests)
        await at.start()
        yield at
        await at.stop()
