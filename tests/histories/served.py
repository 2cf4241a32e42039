"""The application on a real port of this process, with whatever slows it down."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Literal

from anyio.lowlevel import checkpoint

from confect_server.engine.pauses import PausePoint
from confect_server.runtime import Backend
from confect_server.store import MemoryStore, SqliteStore, Store
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.histories.application import application
from tests.server.stores import SuspendingStore

StoreKind = Literal["memory", "sqlite", "suspending", "suspending memory"]
STORE_KINDS: tuple[StoreKind, ...] = ("memory", "sqlite", "suspending", "suspending memory")


class RandomPauses:
    """Lets other tasks in at every pause point, for a while that is chosen at random."""

    def __init__(self, chooser: Random) -> None:
        self._chooser = chooser

    async def reached(self, point: PausePoint) -> None:
        for _ in range(self._chooser.choice((0, 0, 1, 2, 8))):
            await checkpoint()


def store_of(kind: StoreKind, folder: Path) -> Store:
    store = MemoryStore() if "memory" in kind else SqliteStore(folder / "data.db")
    return SuspendingStore(store) if "suspending" in kind else store


@asynccontextmanager
async def served(store: Store, seed: int) -> AsyncGenerator[str]:
    """The URL for sockets, for as long as the context lasts."""
    pauses = RandomPauses(Random(seed))
    async with Backend.open(application(seed), store, pauses=pauses) as backend:
        app = ConfectAsgi(backend, AdminKey("secret"))
        async with serving(app, "127.0.0.1", 0) as port:
            yield f"ws://127.0.0.1:{port}"
