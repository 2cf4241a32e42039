"""Whatever is committed while a socket is being answered, its client is told of in the end."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from confect_core.protocol import JsonObject
from confect_server import Impl
from confect_server.engine import Database, PausePoint
from confect_server.runtime import CLIENT, Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.engine.pausing import Pausing
from tests.server.runtime.bank import Journal, Meeting, bank
from tests.server.runtime.ledger import Script, ledger
from tests.server.stores import SuspendingStore
from tests.sync_socket import Frame, SyncSocket, sync_socket

PUSH_POINTS = [PausePoint.PUSH_WOKEN, PausePoint.QUERY_RAN, PausePoint.PUSH_RAN]

pytestmark = pytest.mark.parametrize("point", PUSH_POINTS, ids=lambda point: point.name)


class Served:
    """The bank on a port, and its pause points."""

    def __init__(self, backend: Backend, pausing: Pausing, url: str) -> None:
        self.pausing = pausing
        self.url = url
        self._executor = backend.executor

    async def open_account(self, name: str, balance: int) -> None:
        args: JsonObject = {"name": name, "balance": balance}
        result = await self._executor.run_mutation("accounts:open", args, CLIENT)
        assert result.ts is not None


@asynccontextmanager
async def a_bank() -> AsyncGenerator[Served]:
    pausing = Pausing()
    store = SuspendingStore(MemoryStore())
    async with (
        Backend.open(bank(Journal(), Meeting()), store, pauses=pausing) as backend,
        serving(ConfectAsgi(backend, AdminKey("key")), "127.0.0.1", 0) as port,
    ):
        yield Served(backend, pausing, f"ws://127.0.0.1:{port}")


def total(transition: Frame) -> int:
    (update,) = transition["modifications"]
    assert update["type"] == "QueryUpdated"
    return int(update["value"])


async def heard_totals(socket: SyncSocket, last: int) -> list[int]:
    """The totals that a socket is told of, up to this one."""
    totals: list[int] = []
    while not totals or totals[-1] != last:
        totals.append(total(await socket.hear()))
    return totals


async def test_a_commit_before_what_was_read_is_watched_is_told(point: PausePoint) -> None:
    async with a_bank() as served, sync_socket(served.url) as socket:
        hold = served.pausing.hold(point)
        await socket.add(0, "accounts:total")
        await hold.wait_reached()
        await served.open_account("ann", 5)
        hold.release()
        # one step less if the commit came before there was a snapshot to answer at
        seen_late = point is not PausePoint.PUSH_WOKEN
        assert await heard_totals(socket, 5) == ([0, 5] if seen_late else [5])


async def test_commits_while_a_socket_is_answered_are_told_in_one_step(point: PausePoint) -> None:
    async with a_bank() as served, sync_socket(served.url) as socket:
        await socket.add(0, "accounts:total")
        assert total(await socket.hear()) == 0
        hold = served.pausing.hold(point)
        await served.open_account("ann", 1)
        await hold.wait_reached()
        for name in ("ben", "cat", "dan"):
            await served.open_account(name, 1)
        hold.release()
        assert await heard_totals(socket, 4) == ([4] if point is PUSH_POINTS[0] else [1, 4])
        runs = served.pausing.arrivals[PausePoint.QUERY_RAN]
        assert runs <= 3  # the first, and at most two for the four commits


async def test_a_query_that_is_dropped_while_it_is_answered_is_not_watched(
    point: PausePoint,
) -> None:
    async with a_bank() as served, sync_socket(served.url) as socket:
        hold = served.pausing.hold(point)
        await socket.add(0, "accounts:total")
        await hold.wait_reached()
        await socket.remove(0)
        await socket.mutate(7, "accounts:open", name="ann", balance=5)
        assert (await socket.hear())["type"] == "MutationResponse"  # so the server knows by now
        hold.release()
        heard = [await socket.hear()]
        while heard[-1]["endVersion"]["querySet"] != 2:
            heard.append(await socket.hear())
        changes = [change["type"] for each in heard for change in each["modifications"]]
        assert "QueryUpdated" not in changes


async def test_one_socket_that_fails_is_closed_and_another_is_not(
    point: PausePoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with a_bank() as served, sync_socket(served.url) as well:
        await well.add(0, "accounts:total")
        assert total(await well.hear()) == 0
        async with sync_socket(served.url) as failing:
            served.pausing.fail(point)
            await failing.add(0, "accounts:total")
            with pytest.raises(ConnectionClosed):
                await failing.hear()
        await served.open_account("ann", 5)
        assert total(await well.hear()) == 5
        async with sync_socket(served.url) as again:
            await again.add(0, "accounts:total")
            assert total(await again.hear()) == 5


async def test_a_query_of_an_application_that_is_replaced_meanwhile_runs_again(
    point: PausePoint,
) -> None:
    pausing = Pausing()
    async with Backend.open(says("old"), MemoryStore(), pauses=pausing) as backend:
        app = ConfectAsgi(backend, AdminKey("key"))
        async with (
            serving(app, "127.0.0.1", 0) as port,
            sync_socket(f"ws://127.0.0.1:{port}") as socket,
        ):
            hold = pausing.hold(point)
            await socket.add(0, "ledger:query")
            await hold.wait_reached()
            await backend.replace(says("new"))
            app.reloaded()
            hold.release()
            if point is not PausePoint.PUSH_WOKEN:
                assert answer(await socket.hear()) == "old"
            assert answer(await socket.hear()) == "new"


async def test_a_table_that_is_made_while_a_socket_is_answered_costs_it_nothing(
    point: PausePoint,
) -> None:
    pausing = Pausing()
    async with Backend.open(says("yes"), MemoryStore(), pauses=pausing) as backend:
        app = ConfectAsgi(backend, AdminKey("key"))
        async with (
            serving(app, "127.0.0.1", 0) as port,
            sync_socket(f"ws://127.0.0.1:{port}") as socket,
        ):
            hold = pausing.hold(point)
            await socket.modify(
                {"type": "Add", "queryId": 0, "udfPath": "ledger:query", "args": [{}]},
                {"type": "Add", "queryId": 1, "udfPath": "ledger:echo", "args": [{"text": "hi"}]},
                {"type": "Add", "queryId": 2, "udfPath": "ledger:texts", "args": [{}]},
            )
            await hold.wait_reached()
            await make_table(backend.database)
            hold.release()
            transition = await socket.hear()
            values = {each["queryId"]: each["value"] for each in transition["modifications"]}
            assert values == {0: "yes", 1: "hi", 2: []}
            await socket.mutate(7, "ledger:add", text="one")
            assert (await socket.hear())["type"] == "MutationResponse"
            assert answer(await socket.hear()) == "['one']"


async def make_table(database: Database) -> None:
    transaction = database.begin()
    table = await transaction.table_to_fill("another")
    await transaction.insert(table.number, {})
    await database.commit(transaction)


def says(word: str) -> Impl[Any]:
    """An application whose query answers this."""

    async def steps(_: object) -> str:
        return word

    script = Script()
    script.steps = steps
    return ledger(script)


def answer(transition: Frame) -> str:
    (update,) = transition["modifications"]
    return str(update["value"])
