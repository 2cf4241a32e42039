"""The notes application, served in this process on a database in memory."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.notes.impl import notes
from app.services import Clock, Mailer
from confect_client import AsyncClient
from confect_server import Impl, layers
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving


class StoppedClock(Clock):
    """It is always the same moment."""

    def now(self) -> float:
        return 1_000.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def mailer() -> Mailer:
    return Mailer()


@pytest.fixture
async def backend(mailer: Mailer) -> AsyncGenerator[Backend]:
    async def open_mailer() -> AsyncIterator[Mailer]:
        yield mailer

    async def open_clock() -> AsyncIterator[Clock]:
        yield StoppedClock()

    for_tests = layers().add(Mailer, open_mailer).add(Clock, open_clock)
    async with Backend.open(Impl(for_tests).provide(notes), MemoryStore()) as backend:
        yield backend


@pytest.fixture
async def client(backend: Backend) -> AsyncGenerator[AsyncClient]:
    app = ConfectAsgi(backend, AdminKey("for tests"))
    async with (
        serving(app, "127.0.0.1", 0) as port,
        AsyncClient(f"http://127.0.0.1:{port}") as client,
    ):
        yield client
