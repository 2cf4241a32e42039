"""`Embedded`: an application with its database as a part of another ASGI application."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from confect_core.errors import ConfectError
from confect_server.http import AsgiApp
from confect_server.impl import Impl
from confect_server.runtime import Backend
from confect_server.settings import Settings
from confect_server.store import SqliteStore
from confect_server.transport.admin import AdminKey
from confect_server.transport.asgi import ConfectAsgi, Message, Receive, Send


class NotOpen(ConfectError):
    """A request to an embedded application outside of its lifespan."""

    def __init__(self) -> None:
        super().__init__(
            "the embedded application is not open",
            hint="give its lifespan to the application around it, `FastAPI(lifespan=x.lifespan)`, "
            "or enter `async with x.opened():` in the lifespan that you have",
        )


class Embedded:
    """An application to mount in another one: an ASGI application that opens its own database.

    backend = Embedded(app, "data.sqlite3", admin_key=secret)
    host = FastAPI(lifespan=backend.lifespan)
    host.mount("/backend", backend)

    Clients are given the address with the path: `AsyncClient("http://host/backend")`. By itself,
    as in `uvicorn module:backend`, it opens with the server. An empty admin key is nobody's.
    """

    def __init__(
        self,
        impl: Impl[Any],
        database: str | Path,
        *,
        admin_key: str,
        settings: Settings | None = None,
        redacts: bool = True,
    ) -> None:
        self._impl = impl
        self._database = Path(database)
        self._admin_key = AdminKey(admin_key)
        self._settings = settings
        self._redacts = redacts
        self._asgi: ConfectAsgi | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Backend]:
        """The backend, open and answering for as long as the context lasts."""
        store = SqliteStore(self._database)
        async with Backend.open(
            self._impl,
            store,
            settings=self._settings,
            redacts=self._redacts,
            process=os.environ,
        ) as backend:
            self._asgi = ConfectAsgi(backend, self._admin_key)
            try:
                yield backend
            finally:
                self._asgi = None

    @asynccontextmanager
    async def lifespan(self, host: AsgiApp) -> AsyncGenerator[None]:
        """The lifespan of a host that has no other, as Starlette and FastAPI take it."""
        del host
        async with self.opened():
            yield

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI defines it."""
        if scope["type"] == "lifespan":
            await self._serve_lifespan(receive, send)
        elif self._asgi is None:
            raise NotOpen
        else:
            await self._asgi(scope, receive, send)

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.opened():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            if self._asgi is None:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})
