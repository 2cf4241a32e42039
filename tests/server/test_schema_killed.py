"""A process that is killed while it changes the schema is followed by one that ends the change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from confect_core.values import Interval
from confect_server.engine import DeclaredTable, PausePoint
from confect_server.store import SqliteStore
from tests.server.stores import index_of, opened

POINTS = [point for point in PausePoint if point.name.startswith(("INDEX_", "SCHEMA_"))]
BOTH = {"by_rank": ("rank",), "by_name": ("name",)}

PROGRAM = """
import os, signal, sys
from pathlib import Path
import anyio
from confect_server.engine import Conflict, Database, DeclaredShape, DeclaredTable, schema_change
from confect_server.runtime.clock import SystemClock
from confect_server.store import SqliteStore

schema_change._STEP = 7
point, left = sys.argv[2], int(sys.argv[3])

class Deadly:
    async def reached(self, at):
        global left
        left -= at.name == point
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

async def main(path):
    store = SqliteStore(Path(path))
    async with Database.open(store, SystemClock(), os.urandom, pauses=Deadly()) as database:
        await database.declare({"items": {"by_rank": ("rank",)}})
        table = database.catalog.table("items").number

        async def write():
            for number in range(10**9):
                transaction = database.begin()
                fields = {"rank": float(number % 7), "name": f"{number % 100:03}"}
                await transaction.insert(table, fields)
                try:
                    await database.commit(transaction)
                except Conflict:
                    pass
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            shape = DeclaredShape("anything", lambda document, catalog: None, lambda old: False)
            indexes = {"by_rank": ("rank",), "by_name": ("name",)}
            await database.declare({"items": DeclaredTable(indexes, shape)})
            print("declared", flush=True)
            tasks.cancel_scope.cancel()

anyio.run(main, sys.argv[1])
"""


def is_killed_at(path: Path, point: PausePoint, arrival: int) -> bool:
    """Whether the process came to that arrival, and was killed, or changed the schema."""
    command = [sys.executable, "-c", PROGRAM, str(path), point.name, str(arrival)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stdout) in [(-9, ""), (0, "declared\n")], child.stderr
    return child.returncode == -9


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_the_next_process_ends_the_change(point: PausePoint, tmp_path: Path) -> None:
    # the first declaration only makes the table
    arrivals = (1, 2, 3) if point is PausePoint.INDEX_STEPPED else (2, 3)
    kills = 0
    for arrival in arrivals:
        path = tmp_path / f"{arrival}.db"
        kills += is_killed_at(path, point, arrival)
        async with opened(SqliteStore(path)) as database:
            await database.declare({"items": DeclaredTable(BOTH)})
            reader = database.begin(is_read_only=True)
            found = {
                name: [each.id async for each in reader.range(index, Interval.all())]
                for name, index in database.catalog.table("items").indexes.items()
            }
            assert set(found) == {"by_creation_time", *BOTH}
            everything = sorted(found["by_creation_time"])
            assert everything
            assert all(sorted(ids) == everything for ids in found.values())
            assert index_of(database, "items", "by_name").is_ready
    assert kills
