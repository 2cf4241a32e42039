"""Frames that our own server makes, and those that another one makes, are the same to a client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from datetime import timedelta

import anyio
import pytest
import uvicorn

from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.testing.clock import VirtualClock
from confect_server.transport import AdminKey, ConfectAsgi, serving
from confect_server.transport.serve import _listen, _Server
from confect_server.transport.sync.liveness import SILENT_AFTER_MS
from tests.server.runtime.board import Runs, board
from tests.sync_socket import sync_socket


@asynccontextmanager
async def served(*, is_ours: bool, clock: VirtualClock | None = None) -> AsyncGenerator[str]:
    """The board on a port, by our server or by uvicorn as it is."""
    async with Backend.open(board(Runs()), MemoryStore(), clock=clock) as backend:
        app = ConfectAsgi(backend, AdminKey("key"))
        if is_ours:
            async with serving(app, "127.0.0.1", 0) as port:
                yield f"ws://127.0.0.1:{port}"
            return
        listening = _listen("127.0.0.1", 0)
        config = uvicorn.Config(app, lifespan="off", ws="websockets-sansio", log_config=None)
        server = _Server(config)
        with closing(listening):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.serve, [listening])
                await server.wait_started()
                yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
                server.should_exit = True


both = pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "uvicorn"])


@both
async def test_results_of_every_length_arrive_whole(is_ours: bool) -> None:
    # lengths of frames are written in one, three or nine bytes; long ones fill what is between
    lengths = [1, 60, 125, 126, 1_000, 65_000, 66_000, 900_000]
    async with served(is_ours=is_ours) as url, sync_socket(url) as socket:
        await socket.add(0, "posts:list", room="a")
        await socket.hear()
        for number, length in enumerate(lengths):
            await socket.mutate(number, "posts:post", room="a", text="x" * length)
            response, transition = await socket.hear(), await socket.hear()
            assert response["success"]
            (update,) = transition["modifications"]
            assert [len(text) for text in update["value"]] == lengths[: number + 1]


@both
async def test_everybody_is_told_in_order(is_ours: bool) -> None:
    async with (
        served(is_ours=is_ours) as url,
        sync_socket(url) as writer,
        sync_socket(url) as first,
        sync_socket(url) as second,
    ):
        readers = (first, second)
        for reader in readers:
            await reader.add(0, "posts:list", room="a")
        ends = [(await reader.hear())["endVersion"] for reader in readers]
        for number in range(5):
            await writer.mutate(number, "posts:post", room="a", text=str(number))
            for at, reader in enumerate(readers):
                transition = await reader.hear()
                (update,) = transition["modifications"]
                assert update["value"] == [str(each) for each in range(number + 1)]
                assert transition["startVersion"] == ends[at]
                ends[at] = transition["endVersion"]


@both
async def test_what_was_said_before_a_close_arrives_before_it(is_ours: bool) -> None:
    async with served(is_ours=is_ours) as url, sync_socket(url) as socket:
        await socket.say("ModifyQuerySet", baseVersion=7, newVersion=8, modifications=[])
        frames, _ = await socket.hear_end()
        assert [frame["type"] for frame in frames] == ["FatalError"]


@both
async def test_a_client_that_only_listens_is_not_given_up(is_ours: bool) -> None:
    clock = VirtualClock()
    async with served(is_ours=is_ours, clock=clock) as url, sync_socket(url) as socket:
        await socket.add(0, "posts:list", room="a")
        await socket.hear()
        for _ in range(3):  # other servers do not say that it has answered their pings
            await clock.advance(timedelta(milliseconds=SILENT_AFTER_MS) / 2)
            await socket.pong()
        await socket.mutate(0, "posts:post", room="a", text="still there")
        await socket.hear_until("MutationResponse", success=True)
