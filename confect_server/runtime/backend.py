"""`Backend`: an application running on a database."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from confect_core.errors import refuse
from confect_server.auth import TokenVerifier
from confect_server.db import OpenTables
from confect_server.engine import Backfill, Clock, Database, Pauses, Randomness
from confect_server.environment import Variables
from confect_server.hooks import WatchedTables
from confect_server.http import Routes
from confect_server.impl import Impl
from confect_server.runtime.clock import SystemClock
from confect_server.runtime.environment import RunningEnvironment
from confect_server.runtime.executor import Application, Executor
from confect_server.runtime.failure import Failures
from confect_server.runtime.file_sweeper import FileSweeper
from confect_server.runtime.functions import Functions
from confect_server.runtime.job_loop import JobLoop
from confect_server.runtime.query_cache import QueryCache
from confect_server.scheduler.recurring import declare as declare_crons
from confect_server.services import Services
from confect_server.settings import Settings, Storage
from confect_server.storage import Blobs, DiskBlobs, Files, MemoryBlobs
from confect_server.storage.upload_tokens import UploadTokens
from confect_server.store import SqliteStore, Store


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
        environment: RunningEnvironment,
    ) -> None:
        self.database = database
        self.clock = clock
        self.executor = executor
        self.queries = QueryCache(
            database, executor, clock, max_bytes=database.settings.memory.query_cache_bytes
        )
        """Answers queries, each computed once for all who ask."""
        self.environment = environment
        """The environment variables, for whoever runs the server."""
        self.files = executor.files
        """The stored files of the database."""
        self.transactions = executor.transactions.without_check()
        """Runs what no function asks for, whatever version of the application this is."""
        self.sweeper = FileSweeper(database, self.transactions, self.files.blobs, clock)
        """Removes the bytes that are of no file any more."""
        self._services = services

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        impl: Impl[Any],
        store: Store,
        *,
        redacts: bool = False,
        keeps_causes: bool = False,
        in_development: bool = False,
        clock: Clock | None = None,
        randomness: Randomness = os.urandom,
        settings: Settings | None = None,
        pauses: Pauses | None = None,
        process: Mapping[str, str] | None = None,
        blobs: Blobs | None = None,
        tell: Callable[[Backfill], None] = lambda _: None,
    ) -> AsyncGenerator[Backend]:
        """The application running on a store, for as long as the context lasts.

        `process` is the environment of this process: what is not stored is taken from there.
        The bytes of files lie in `blobs`, beside the store unless told otherwise. In development
        the checks of the settings are made; with `keeps_causes` failures hold what was raised.
        """
        clock = clock or SystemClock()
        async with Database.open(store, clock, randomness, settings, pauses) as database:
            services = AsyncExitStack()
            try:
                environment = RunningEnvironment(database, clock, randomness, process or {})
                start = await _Start.of(impl, services, environment)
                await database.declare(impl.data_model.declared, tell)
            except BaseException:
                await services.aclose()
                raise
            application = start.on(database, clock)
            environment.variables = application.variables
            failures = Failures(redacts=redacts, keeps_causes=keeps_causes)
            blobs = blobs or blobs_beside(store, database.settings.storage, clock)
            files = _files(database, blobs, clock)
            repeats = in_development and database.settings.checks.queries_twice
            executor = Executor(
                database,
                application,
                failures,
                files,
                clock,
                randomness,
                repeats_queries=repeats,
            )
            backend = cls(database, clock, executor, services, environment)
            try:
                await backend._declare_crons(impl)
                jobs = JobLoop(database, clock, randomness, executor)
                async with _in_background(jobs.run, backend.sweeper.run):
                    yield backend
            finally:
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
            start = await _Start.of(impl, services, self.environment)
            await self.database.declare(impl.data_model.declared, tell)
        except BaseException:
            await services.aclose()
            raise
        self.executor.application = start.on(self.database, self.clock)
        self.environment.variables = start.variables
        self.queries.clear()
        old, self._services = self._services, services
        try:
            await self._declare_crons(impl)
        finally:
            await old.aclose()

    async def _declare_crons(self, impl: Impl[Any]) -> None:
        plans = [each.plan() for each in impl.crons]
        await self.executor.transactions.write(partial(declare_crons, plans))


@dataclass(frozen=True)
class _Start:
    """An application that is checked and has its services, and no tables yet."""

    impl: Impl[Any]
    functions: Functions
    services: Services
    variables: Variables

    @classmethod
    async def of(
        cls, impl: Impl[Any], services: AsyncExitStack, environment: RunningEnvironment
    ) -> _Start:
        """Check the application and its environment, read its functions, open its services."""
        refuse("the application", impl.mistakes())
        functions = Functions.of(impl)
        variables = await environment.fitting(impl.environments)
        running = await services.enter_async_context(impl.layers.running())
        return cls(impl, functions, running, variables)

    def on(self, database: Database, clock: Clock) -> Application:
        """The application with the tables that were declared for it."""
        tables = OpenTables.of(self.impl.data_model.tables, database.catalog)
        routes = Routes(self.impl.routes)
        watched = WatchedTables.of(self.impl.hooks, tables)
        verifier = TokenVerifier(self.impl.providers, clock)
        return Application(
            self.impl,
            self.functions,
            tables,
            self.services,
            routes,
            watched,
            verifier,
            self.variables,
        )


def _files(database: Database, blobs: Blobs, clock: Clock) -> Files:
    tokens = UploadTokens(database.incarnation)
    return Files(blobs, tokens, clock, database.settings.storage, database.pauses)


def blobs_beside(store: Store, settings: Storage, clock: Clock) -> Blobs:
    """Where the bytes of files lie unless told otherwise: beside the database, or where it is."""
    if settings.folder is not None:
        return DiskBlobs(Path(settings.folder))
    if isinstance(store, SqliteStore):
        return DiskBlobs(store.path.with_name(f"{store.path.name}.files"))
    return MemoryBlobs(clock)


@asynccontextmanager
async def _in_background(*work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[None]:
    """Inside, work is done beside everything else; it is cancelled at the end."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        for each in work:
            tasks.start_soon(each)
        try:
            yield
        except Exception as error:
            failure = error  # kept from the task group, which would wrap it in a group
        finally:
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
