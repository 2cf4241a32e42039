"""Two server processes on one file: each shows what the other commits, and neither loses."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from confect_core.values import Interval
from confect_server.store import SqliteStore
from tests.server.processes import run_in_two_processes
from tests.server.stores import index_of, opened
from tests.serving import Server, serving_notes
from tests.sync_socket import sync_socket


@pytest.fixture
def servers(tmp_path: Path) -> Generator[tuple[Server, Server]]:
    (tmp_path / "other").mkdir()
    with (
        serving_notes(tmp_path) as one,
        serving_notes(tmp_path / "other", database=one.database) as other,
    ):
        yield one, other


async def test_a_socket_shows_what_another_process_commits(servers: tuple[Server, Server]) -> None:
    one, other = servers
    async with sync_socket(other.socket_url) as socket:
        await socket.add(0, "notes:search", text="", limit=10)
        await socket.hear_until("Transition")
        for text in ("one", "two"):
            one.call("mutation", "notes:insert", text=text).raise_for_status()
            while text not in json.dumps(await socket.hear()):
                pass
        assert other.texts() == one.texts() == ["two", "one"]


INCREMENTS = 40

PROGRAM = """
import os, sys
from pathlib import Path
import anyio
from confect_core.values import Interval
from confect_server.engine import Conflict, Database
from confect_server.runtime.clock import SystemClock
from confect_server.store import SqliteStore

FREE_ATTEMPTS = 2

async def main(path, count):
    async with Database.open(SqliteStore(Path(path)), SystemClock(), os.urandom) as database:
        print("ready", flush=True)
        sys.stdin.readline()
        await database.declare({"items": {"by_rank": ("rank",)}})
        items = database.catalog.table("items")

        async def incremented(turn=None):
            transaction = database.begin(turn=turn)
            found = transaction.range(items.indexes["by_rank"], Interval.all())
            counter = await anext(found, None)
            await anyio.sleep(0.001)
            if counter is None:
                await transaction.insert(items.number, {"rank": 1.0})
            else:
                rank = counter.document["rank"]
                await transaction.replace(items.number, counter.id, {"rank": rank + 1})
            await database.commit(transaction, turn)

        async def increment():
            for _ in range(FREE_ATTEMPTS):
                try:
                    return await incremented()
                except Conflict:
                    pass
            async with database.turn() as turn:
                await incremented(turn)

        async def increment_often():
            for _ in range(count // 4):
                await increment()

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(increment_often)

anyio.run(main, sys.argv[1], int(sys.argv[2]))
"""


async def test_slow_handlers_in_two_processes_all_get_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    run_in_two_processes(PROGRAM, str(path), str(INCREMENTS))
    async with opened(SqliteStore(path)) as database:
        found = database.begin().range(index_of(database, "items", "by_rank"), Interval.all())
        assert [each.document["rank"] async for each in found] == [2.0 * INCREMENTS]
