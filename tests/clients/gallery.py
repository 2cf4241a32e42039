"""The gallery of the golden files, served: an application with every type, for typed clients."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from confect_codegen.discover import find_project
from confect_codegen.loading import fresh_modules, load
from confect_server import Impl
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving

PROJECT = Path(__file__).parents[1] / "codegen/golden/gallery"


@pytest.fixture
def gallery() -> Generator[Impl[Any]]:
    """The application; its modules are gone after the test."""
    project = find_project(PROJECT)
    with fresh_modules(project, keep=False):
        yield load(project).application


@asynccontextmanager
async def served(application: Impl[Any]) -> AsyncGenerator[str]:
    """The address of an application on a database of its own."""
    async with (
        Backend.open(application, MemoryStore()) as backend,
        serving(ConfectAsgi(backend, AdminKey("key")), "127.0.0.1", 0) as port,
    ):
        yield f"http://127.0.0.1:{port}"
