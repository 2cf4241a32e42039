"""`Backend`: an application running on a database."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.abc import TaskGroup

from confect_core.errors import refuse
from confect_server.db import OpenTables
from confect_server.engine import Backfill, Clock, Database, Pauses, Randomness
from confect_server.http import Routes
from confect_server.impl import Impl
from confect_server.runtime.clock import SystemClock
from confect_server.runtime.executor import Application, Executor
from confect_server.runtime.failure import Failures
from confect_server.runtime.functions import Functions
from confect_server.runtime.query_cache import QueryCache
from confect_server.runtime.underway import Underway
from confect_server.services import Services
from confect_server.settings import Settings
from confect_server.store import Store
from confect_server.workers import Processes, Threads


class Backend:
    """An application on a database: what every entry, socket or HTTP or test, calls into.

    `replace` puts another version of the application in its place: the old one answers until the
    new one stands, and its services are closed after.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        executor: Executor,
        services: AsyncExitStack,
        threads: Threads,
    ) -> None:
        self.database = database
        self.clock = clock
        self.executor = executor
        self.queries = QueryCache(
            database, executor, clock, max_bytes=database.settings.memory.query_cache_bytes
        )
        """Answers queries, each computed once for all who ask."""
        self._services = services
        self.threads = threads
        """Where handlers run that block."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        impl: Impl[Any],
        store: Store,
        *,
        redacts: bool = False,
        clock: Clock | None = None,
        randomness: Randomness = os.urandom,
        settings: Settings | None = None,
        pauses: Pauses | None = None,
        tell: Callable[[Backfill], None] = lambda _: None,
    ) -> AsyncGenerator[Backend]:
        """The application running on a store, for as long as the context lasts."""
        clock = clock or SystemClock()
        async with Database.open(store, clock, randomness, settings, pauses) as database:
            services = AsyncExitStack()
            threads = Threads(database.settings.actions.threads)
            try:
                start = await _Start.of(impl, services, threads, database.settings)
                await database.declare(impl.data_model.declared, tell)
            except BaseException:
                await services.aclose()
                raise
            application = start.on(database)
            failures = Failures(redacts=redacts)
            async with _background() as tasks:
                underway = Underway(tasks)
                executor = Executor(database, application, failures, clock, randomness, underway)
                backend = cls(database, clock, executor, services, threads)
                try:
                    yield backend
                finally:
                    with anyio.CancelScope(shield=True):
                        await underway.finish(database.settings.actions.grace_s)
                    await backend._services.aclose()

    async def replace(
        self, impl: Impl[Any], tell: Callable[[Backfill], None] = lambda _: None
    ) -> None:
        """Run another version of the application from now on; `tell` hears how indexes fill.

        Until then the old version answers. The new schema and the new version come in one step:
        no other function runs between them.
        """
        services = AsyncExitStack()
        try:
            start = await _Start.of(impl, services, self.threads, self.database.settings)
            await self.database.declare(impl.data_model.declared, tell)
        except BaseException:
            await services.aclose()
            raise
        self.executor.application = start.on(self.database)
        self.queries.clear()
        old, self._services = self._services, services
        await old.aclose()


@dataclass(frozen=True)
class _Start:
    """An application that is checked and has its services, and no tables yet."""

    impl: Impl[Any]
    functions: Functions
    services: Services

    @classmethod
    async def of(
        cls, impl: Impl[Any], services: AsyncExitStack, threads: Threads, settings: Settings
    ) -> _Start:
        """Check the application, read its functions, open its services."""
        refuse("the application", impl.mistakes())
        processes = Processes(
            settings.actions.processes,
            jobs_each=settings.actions.process_jobs,
            result_bytes=settings.limits.result_bytes,
        )
        services.push_async_callback(processes.aclose)
        functions = Functions.of(impl, threads, processes)
        return cls(impl, functions, await services.enter_async_context(impl.layers.running()))

    def on(self, database: Database) -> Application:
        """The application with the tables that were declared for it."""
        tables = OpenTables.of(self.impl.data_model.tables, database.catalog)
        routes = Routes(self.impl.routes)
        return Application(self.impl, self.functions, tables, self.services, routes)


@asynccontextmanager
async def _background() -> AsyncGenerator[TaskGroup]:
    """A task group that does not wrap the one exception that leaves its context."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except Exception as error:
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
