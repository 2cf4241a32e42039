"""`Backend`: an application running on a database."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup

from confect_server.db import OpenTables
from confect_server.engine import Backfill, Clock, Database, Pauses, Randomness
from confect_server.errors import NoOpenTelemetry
from confect_server.hooks import WatchedTables
from confect_server.http import Routes
from confect_server.impl import Impl
from confect_server.observe import Observer
from confect_server.runtime.application import Application
from confect_server.runtime.clock import SystemClock
from confect_server.runtime.environment import RunningEnvironment
from confect_server.runtime.executor import Executor
from confect_server.runtime.failure import Failures
from confect_server.runtime.file_sweeper import FileSweeper
from confect_server.runtime.function_runner import FunctionRunner
from confect_server.runtime.job_loop import JobLoop
from confect_server.runtime.query_cache import QueryCache
from confect_server.runtime.token_check import TokenCheck
from confect_server.runtime.underway import Underway
from confect_server.runtime.version import Version
from confect_server.scheduler.recurring import declare as declare_crons
from confect_server.settings import Settings, Storage
from confect_server.storage import Blobs, DiskBlobs, Files, MemoryBlobs
from confect_server.storage.upload_tokens import UploadTokens
from confect_server.store import SqliteStore, Store
from confect_server.workers import Processes, Threads

if TYPE_CHECKING:  # OpenTelemetry is an extra
    from confect_server.observe.tracing import Tracing


class Backend:
    """An application on a database: what every entry, socket or HTTP or test, calls into.

    `replace` puts another version of the application in its place: the old one answers until the
    new one stands, and its services are closed once nothing of it runs.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        executor: Executor,
        version: Version,
        tasks: TaskGroup,
        environment: RunningEnvironment,
        jobs: JobLoop,
    ) -> None:
        self.database = database
        self.clock = clock
        self.executor = executor
        self.queries = QueryCache(
            database, executor, clock, max_bytes=database.settings.memory.query_cache_bytes
        )
        """Answers queries, each computed once for all who ask."""
        self.is_draining = False
        """Does it only end what runs, and should be asked for nothing new?"""
        self.tracing: Tracing | None = None
        """What makes spans of runs, if anything does."""
        self.environment = environment
        """The environment variables, for whoever runs the server."""
        self.files = executor.runner.files
        """The stored files of the database."""
        self.transactions = executor.runner.transactions.without_check()
        """Runs what no function asks for, whatever version of the application this is."""
        self.sweeper = FileSweeper(database, self.transactions, self.files.blobs, clock)
        """Removes the bytes that are of no file any more."""
        self._jobs = jobs
        self._version = version
        self._tasks = tasks

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
        Leaving the context lets the actions that run end, for as long as the settings say.
        """
        clock, settings = clock or SystemClock(), settings or Settings()
        tracing = _tracing() if settings.observing.opentelemetry else None
        async with (
            Database.open(store, clock, randomness, settings, pauses) as database,
            _in_background() as tasks,
        ):
            environment = RunningEnvironment(database, clock, randomness, process or {})
            version = Version(impl, Threads(settings.actions.threads), settings)
            application = await _started(version, database, clock, environment, tasks, tell)
            environment.variables = application.variables
            files = _files(database, blobs or blobs_beside(store, settings.storage, clock), clock)
            repeats = in_development and settings.checks.queries_twice
            runner = FunctionRunner(
                database, application, files, clock, randomness, repeats_queries=repeats
            )
            failures = Failures(redacts=redacts, keeps_causes=keeps_causes)
            executor = Executor(database, runner, failures, Underway(tasks))
            jobs = JobLoop(database, clock, randomness, executor)
            backend = cls(database, clock, executor, version, tasks, environment, jobs)
            if tracing is not None:
                backend.trace(tracing)
            async with backend._serving():
                yield backend

    @asynccontextmanager
    async def _serving(self) -> AsyncGenerator[None]:
        """Inside, what nobody asks for is done as well; at the end everything that runs ends."""
        try:
            await self._declare_crons(self._version.impl)
            async with _in_background() as loops:  # which use the services until they end
                loops.start_soon(self._jobs.run)
                loops.start_soon(self.sweeper.run)
                try:
                    yield
                finally:
                    with anyio.CancelScope(shield=True):
                        await self.drain()
                        await self._jobs.finish()
        finally:
            with anyio.CancelScope(shield=True):
                self._version.retire()
                await self._version.wait_closed()

    async def replace(
        self, impl: Impl[Any], tell: Callable[[Backfill], None] = lambda _: None
    ) -> None:
        """Run another version of the application from now on; `tell` hears how indexes fill.

        Until then the old version answers. The new schema and the new version come in one step:
        no other function runs between them.
        """
        version = Version(impl, self.threads, self.database.settings)
        self.executor.runner.application = application = await _started(
            version, self.database, self.clock, self.environment, self._tasks, tell
        )
        self.environment.variables = application.variables
        self.queries.clear()
        old, self._version = self._version, version
        try:
            await self._declare_crons(impl)
        finally:
            old.retire()
            if not old.use.count:
                await old.wait_closed()

    @property
    def threads(self) -> Threads:
        """Where handlers run that block."""
        return self._version.threads

    @property
    def processes(self) -> Processes:
        """Where handlers of the present version run that compute."""
        return self._version.processes

    def do_beside(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something beside all else, until the backend is closed."""
        self._tasks.start_soon(work)

    def observe(self, *observers: Observer) -> None:
        """Tell these, too, of every run from now on."""
        self.executor.runner.observers.add(*observers)

    def trace(self, tracing: Tracing) -> None:
        """Make spans of every run from now on."""
        self.tracing = tracing
        self.executor.runner.observers.trace(tracing)

    async def drain(self) -> None:
        """Let the actions that run end, and stop those that take longer than the settings say.

        Scheduled functions that are due are left to other processes, or to the next start.
        """
        self.is_draining = True
        self._jobs.stop()
        await self.executor.underway.finish(self.database.settings.actions.grace_s)

    async def _declare_crons(self, impl: Impl[Any]) -> None:
        plans = [each.plan() for each in impl.crons]
        await self.executor.runner.transactions.write(partial(declare_crons, plans))


def _tracing() -> Tracing:
    try:
        from confect_server.observe.tracing import Tracing
    except ImportError:
        raise NoOpenTelemetry from None
    return Tracing()


async def _started(
    version: Version,
    database: Database,
    clock: Clock,
    environment: RunningEnvironment,
    tasks: TaskGroup,
    tell: Callable[[Backfill], None],
) -> Application:
    """A version with its services and its tables; without either, nothing has changed."""
    variables = await environment.fitting(version.impl.environments)
    tokens = TokenCheck(version.impl.providers, database, variables, clock)
    await tokens.start()
    opened = await version.open(tasks)
    try:
        await database.declare(version.impl.data_model.declared, tell)
    except BaseException:
        version.retire()
        with anyio.CancelScope(shield=True):
            await version.wait_closed()
        raise
    tables = OpenTables.of(version.impl.data_model.tables, database.catalog)
    routes = Routes(version.impl.routes)
    watched = WatchedTables.of(version.impl.hooks, tables)
    return Application(
        version.impl,
        version.functions,
        tables,
        opened.services,
        routes,
        opened.mounts,
        version.use,
        watched,
        tokens,
        variables,
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
async def _in_background() -> AsyncGenerator[TaskGroup]:
    """Where work is done beside everything else; it is cancelled at the end."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except Exception as error:
            failure = error  # kept from the task group, which would wrap it in a group
        finally:
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
