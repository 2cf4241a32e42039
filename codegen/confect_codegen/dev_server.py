"""`DevServer`: serves a project, and serves its next version when a file is saved.

The version that runs goes on answering until the next one is generated, loaded and started; if that
fails, the failure is shown and the old version stays.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup

# its types name trio's, which is not installed
from watchfiles import Change, DefaultFilter, awatch  # pyright: ignore[reportUnknownVariableType]

from confect_codegen.discover import CONFIGURATION, Project, find_project
from confect_codegen.filling import Filling
from confect_codegen.generate import generate
from confect_codegen.loading import load
from confect_codegen.report import print_line, print_mistakes
from confect_codegen.running import ProjectState
from confect_core.errors import ConfectError, Mistakes
from confect_server import Impl
from confect_server.runtime import Backend, easiest, settle_collector
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving

_DEBOUNCE_MS = 50
_LOOK_EVERY_MS = 200
"""How often the watcher looks whether it was cancelled, which it notices only then."""


class DevServer:
    """One project on one port, until it is interrupted."""

    def __init__(self, directory: Path, host: str, port: int, database: Path | None) -> None:
        self._project = find_project(directory)
        self._state = ProjectState.of(self._project.root)
        self._host = host
        self._port = port
        self._database = database or self._state.database

    async def run(self) -> None:
        """Serve until the process is told to stop; a project that is broken at first is refused."""
        application = build(self._project)
        store, settings = SqliteStore(self._database), self._project.settings
        filling = Filling().tell
        opening = Backend.open(
            application,
            store,
            in_development=True,
            settings=settings,
            tell=filling,
            process=os.environ,
        )
        async with opening as backend:
            app = ConfectAsgi(backend, AdminKey(self._state.admin_key()), shows_functions=True)
            async with serving(app, self._host, self._port) as port:
                url = f"http://{self._host}:{port}"
                self._state.announce(url)
                self._greet(url, backend)
                settle_collector()
                try:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(_stop_on_signal, tasks)
                        tasks.start_soon(self._follow, backend, app)
                        tasks.start_soon(self._follow_configuration)
                finally:
                    self._state.withdraw()

    async def _follow(self, backend: Backend, app: ConfectAsgi) -> None:
        """Serve the next version after each save."""
        async for _ in awatch(
            self._project.folder,
            watch_filter=_Sources(self._project),
            debounce=_DEBOUNCE_MS,
            rust_timeout=_LOOK_EVERY_MS,
        ):
            try:
                await backend.replace(build(self._project), Filling().tell)
            except (ConfectError, Mistakes) as error:
                print_mistakes(error)
                print_line("still serving the last version that worked")
            else:
                app.reloaded()
                print_line("reloaded")

    async def _follow_configuration(self) -> None:
        """Say so whenever `pyproject.toml` says something else than this server was started with.

        Limits and windows are those of an open database, which is not closed under its clients.
        """
        async for _ in awatch(
            self._project.root,
            watch_filter=_is_configuration,
            debounce=_DEBOUNCE_MS,
            rust_timeout=_LOOK_EVERY_MS,
            recursive=False,
        ):
            try:
                is_changed = find_project(self._project.root) != self._project
            except (ConfectError, Mistakes) as error:
                print_mistakes(error)
            else:
                if is_changed:
                    print_line("pyproject.toml has changed: restart to take it up")

    def _greet(self, url: str, backend: Backend) -> None:
        first = easiest(backend.executor.application.functions.public)
        example = first.path if first else "group:function"
        folder = self._project.root
        where = "" if folder == Path.cwd() else f" --project {_relative(folder)}"
        print_line(f"serving {self._project.package} on {url}")
        print_line(f"  open   {url}")
        print_line(f"  call   {_command()} run {example}{where}")
        print_line(f"  data   {_relative(self._database)}")


def build(project: Project) -> Impl[Any]:
    """Generate what is stale and load the project's application afresh."""
    generate(project)
    return load(project).application


class _Sources(DefaultFilter):
    """The files of a project that people write."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._generated = str(project.generated)

    def __call__(self, change: Change, path: str) -> bool:
        is_source = path.endswith(".py") and not path.startswith(self._generated)
        return is_source and super().__call__(change, path)


def _is_configuration(change: Change, path: str) -> bool:
    return change is not Change.deleted and Path(path).name == CONFIGURATION


async def _stop_on_signal(tasks: TaskGroup) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            tasks.cancel_scope.cancel()


def _command() -> str:
    """How this very command was called, so that what is printed can be pasted."""
    called = Path(sys.argv[0])
    return str(_relative(called)) if called.name == "confect" else "confect"


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
