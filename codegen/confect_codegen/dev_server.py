"""`DevServer`: serves a project, and serves its next version when a file is saved.

The version that runs goes on answering until the next one is generated, loaded and started; if that
fails, the failure is shown and the old version stays.
"""

from __future__ import annotations

import signal
from pathlib import Path

import anyio
from anyio.abc import TaskGroup
from watchfiles import DefaultFilter, awatch

from confect_codegen.discover import Project, find_project
from confect_codegen.running import ProjectState
from confect_core.errors import ConfectError, Mistakes
from confect_server.runtime import Backend
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving

_DEBOUNCE_MS = 50


class DevServer:
    """One project on one port, until it is interrupted."""

    def __init__(self, directory: Path, host: str, port: int, database: Path | None) -> None:
        self._directory = directory
        self._host = host
        self._port = port
        self._database = database

    async def run(self) -> None:
        """Serve until the process is told to stop."""
        project = find_project(self._directory)
        state = ProjectState.of(project.root)
        application = build(project)
        store = SqliteStore(self._database or state.database)
        async with Backend.open(application, store) as backend:
            app = ConfectAsgi(backend, AdminKey(state.admin_key()), shows_functions=True)
            async with (
                serving(app, self._host, self._port) as port,
                anyio.create_task_group() as tasks,
            ):
                state.announce(f"http://{self._host}:{port}")
                tasks.start_soon(_stop_on_signal, tasks)
                tasks.start_soon(_follow, project, backend, app)
        state.withdraw()
