"""Handlers that block or answer far too much: who calls them is told, and nobody else harmed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from threading import Event

import pytest

from confect_server import ActionCtx
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.workshop import PATIENCE_S, Workshop, until, workshop
from tests.sync_socket import Frame, SyncSocket, sync_socket

HUGE = 100_000_000


@asynccontextmanager
async def two_sockets() -> AsyncGenerator[tuple[Workshop, SyncSocket, SyncSocket]]:
    async with (
        workshop() as at,
        serving(ConfectAsgi(at.backend, AdminKey("k")), "127.0.0.1", 0) as port,
        sync_socket(f"ws://127.0.0.1:{port}") as one,
        sync_socket(f"ws://127.0.0.1:{port}") as other,
    ):
        yield at, one, other


async def answer(socket: SyncSocket) -> Frame:
    return (await socket.hear_until("ActionResponse"))[-1]


async def test_a_blocking_handler_keeps_no_other_socket_waiting() -> None:
    async with two_sockets() as (at, one, other):
        blocks, may_end = Event(), Event()

        def block(_: object) -> str:
            blocks.set()
            return str(may_end.wait(PATIENCE_S))

        at.script.block = block
        await one.act(0, "work:block")
        await until(blocks)
        await other.act(0, "work:half", number=8)
        assert (await answer(other))["result"] == 4.0
        may_end.set()
        assert (await answer(one))["result"] == "True"


@pytest.mark.parametrize("function", ["wait", "block"])
async def test_a_result_of_100_mb_is_refused_and_others_are_answered(function: str) -> None:
    async with two_sockets() as (at, one, other):

        async def wait(_: ActionCtx) -> str:
            return "x" * HUGE

        at.script.wait = wait
        at.script.block = lambda _: "x" * HUGE
        await one.act(0, f"work:{function}")
        await other.act(0, "work:half", number=8)
        assert (await answer(other))["result"] == 4.0
        refused = await answer(one)
        assert refused["success"] is False
        assert "ResultTooLarge: the result has 100,000,002 bytes" in refused["result"]
        await one.act(1, "work:half", number=8)
        assert (await answer(one))["result"] == 4.0
