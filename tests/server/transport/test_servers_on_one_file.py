"""Two servers on one database file: a client may come back to the other one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from confect_server import Settings, Sharing
from confect_server.runtime import Backend
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.client.shelf import application
from tests.sync_socket import Frame, sync_socket

_TITLES: Frame = {"type": "Add", "queryId": 0, "udfPath": "books:titles", "args": [{}]}


@asynccontextmanager
async def a_server(file: Path) -> AsyncGenerator[str]:
    """The address of a server that does not look for commits of others by itself."""
    settings = Settings(sharing=Sharing(poll_s=None))
    async with (
        Backend.open(application(), SqliteStore(file), settings=settings) as backend,
        serving(ConfectAsgi(backend, AdminKey("secret")), "127.0.0.1", 0) as port,
    ):
        yield f"127.0.0.1:{port}"


async def test_a_client_is_shown_at_once_what_it_has_seen_on_another_server(
    tmp_path: Path,
) -> None:
    async with a_server(tmp_path / "books.db") as one, a_server(tmp_path / "books.db") as other:
        async with httpx2.AsyncClient() as http:
            call = {"path": "books:add", "args": {"title": "a"}}
            await http.post(f"http://{one}/api/mutation", json=call)
        async with sync_socket(f"ws://{one}") as socket:
            await socket.modify(_TITLES)
            seen = await socket.hear()
        async with sync_socket(f"ws://{other}", connects=False) as socket:
            await socket.say_connect(maxObservedTimestamp=seen["endVersion"]["ts"])
            await socket.modify(_TITLES)
            assert (await socket.hear())["modifications"] == seen["modifications"]
