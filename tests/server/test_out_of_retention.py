"""A process that was not told what others commit, while what it knows falls out of retention."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
from returns.result import Success

from confect_core import ref
from confect_core.protocol import JsonObject
from confect_server.engine import OutOfRetention
from confect_server.log import Lines
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, RunOutcome
from confect_server.settings import Retention, Settings, Sharing
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey
from confect_server.transport.sync.socket import Socket
from confect_server.transport.sync.websocket import SyncServer
from tests.server.runtime.board import Posts, Runs, board
from tests.server.stores import SettableClock
from tests.server.transport.test_shared_queries import SCOPE, Reader

SECOND = 1_000_000_000
LIST = "posts:list"
IN_A: JsonObject = {"room": "a"}
WINDOWS = Settings(retention=Retention(history_s=60, log_s=120), sharing=Sharing(poll_s=None))


@dataclass
class Stalled:
    """A server that missed what the other one on the same store did since."""

    backend: Backend
    old_ts: int

    async def cached(self, ts: int | None = None) -> RunOutcome:
        return (await self.backend.queries.run(LIST, IN_A, CLIENT, ts)).outcome


@asynccontextmanager
async def stalled() -> AsyncGenerator[Stalled]:
    store, clock = MemoryStore(), SettableClock()
    async with (
        Backend.open(board(Runs()), store, clock=clock, settings=WINDOWS) as busy,
        Backend.open(board(Runs()), store, clock=clock, settings=WINDOWS) as backend,
    ):
        old_ts = backend.database.newest_ts
        for text in ("one", "two"):
            args: JsonObject = {**IN_A, "text": text}
            clock.at_ns += 100 * SECOND
            await busy.executor.run_mutation("posts:post", args, CLIENT)
        clock.at_ns += 100 * SECOND
        await busy.database.forget()
        assert backend.database.newest_ts == old_ts
        yield Stalled(backend, old_ts)


def value_in(outcome: RunOutcome) -> bytes:
    assert not isinstance(outcome, Failed), outcome.message
    return outcome.value


async def test_a_fresh_query_is_answered_at_a_snapshot_that_is_kept() -> None:
    async with stalled() as at:
        result = await at.backend.executor.run_query(LIST, IN_A, CLIENT)
        assert value_in(result.outcome) == b'["one","two"]'
        assert result.ts > at.old_ts


async def test_a_fresh_query_of_a_client_is_answered_and_the_answer_kept() -> None:
    async with stalled() as at:
        outcome = await at.cached()
        assert value_in(outcome) == b'["one","two"]'
        assert await at.cached() is outcome


async def test_everybody_who_asked_at_once_is_answered() -> None:
    async with stalled() as at:
        outcomes: list[RunOutcome] = []

        async def ask() -> None:
            outcomes.append(await at.cached())

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        assert [value_in(each) for each in outcomes] == [b'["one","two"]'] * 5


async def test_a_query_that_an_action_calls_is_answered() -> None:
    async with stalled() as at:
        list_posts = ref(LIST, Posts.list_)
        runner = at.backend.executor.runner
        outside = runner.calls_outside("tests:call", None, Lines())
        posts = await runner.call(list_posts, {"room": "a"}, outside)
        assert posts == Success(["one", "two"])


async def test_a_socket_is_answered_at_a_snapshot_that_is_kept() -> None:
    async with stalled() as at, anyio.create_task_group() as tasks:
        reader = Reader()
        server = SyncServer(at.backend, AdminKey("secret"))
        tasks.start_soon(server.serve, Socket(SCOPE, reader.receive, reader.send))
        await reader.wait_posts(2)
        tasks.cancel_scope.cancel()


async def test_a_snapshot_that_was_asked_for_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async with stalled() as at:
        result = await at.backend.executor.run_query(LIST, IN_A, CLIENT, at.old_ts)
        cached = await at.cached(at.old_ts)
        for outcome in (result.outcome, cached):
            assert isinstance(outcome, Failed)
            assert OutOfRetention.__name__ in outcome.message
        assert at.backend.database.newest_ts == at.old_ts
    assert [each.levelname for each in caplog.records] == ["WARNING", "WARNING"]
