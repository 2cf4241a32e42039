"""An application behind a real socket, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from confect_server import Impl, Settings
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport.admin import AdminKey
from confect_server.transport.asgi import ConfectAsgi
from confect_server.transport.serve import serving


@asynccontextmanager
async def served(
    app: Impl[Any], *, redacts: bool = False, settings: Settings | None = None
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of the application, over a real socket."""
    async with (
        Backend.open(app, MemoryStore(), redacts=redacts, settings=settings) as backend,
        serving(ConfectAsgi(backend, AdminKey("key")), "127.0.0.1", 0) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client
