"""Errors of middleware arrive at a client as the classes that they are."""

from __future__ import annotations

from returns.result import Failure, Success

from confect_client import AsyncClient
from confect_core import ref_behind
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.guarded import (
    Club,
    Full,
    Hidden,
    Journal,
    Refs,
    Unknown,
    found,
    guarded,
)

SEAT = ref_behind("club:seat", Club.seat, Unknown | Full)


async def test_a_client_gets_the_errors_of_functions_and_of_middleware_alike() -> None:
    journal = Journal()
    async with (
        Backend.open(guarded(journal), MemoryStore()) as backend,
        serving(ConfectAsgi(backend, AdminKey("k")), "127.0.0.1", 0) as port,
        AsyncClient(f"http://127.0.0.1:{port}") as client,
    ):
        await found(backend)
        assert await client.query(Refs.hello, text="hi") == Success("hi Ada")
        assert await client.mutation(Refs.join, text="fail") == Failure(Hidden(why="fail"))
        for name in ("Bea", "Cleo"):
            assert isinstance(await client.mutation(Refs.join, text=name), Success)
        assert await client.query(SEAT) == Failure(Full(at=3))
        journal.who = "Dora"
        assert await client.query(SEAT) == Failure(Unknown(name="Dora"))
        assert await client.mutation(Refs.join, text="x") == Failure(Unknown(name="Dora"))
