"""A process that is killed while it forgets the past loses nothing that can still be read."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from confect_core.values import Interval
from confect_server.store import SqliteStore
from confect_server.store.sqlite_connection import connect
from tests.server.stores import index_of, opened

ROUNDS = 4
SEED = 5

PROGRAM = """
import os, sys
from pathlib import Path
import anyio
from confect_core.values import Interval
from confect_server.engine import Database, retention
from confect_server.runtime.clock import SystemClock
from confect_server.settings import Retention, Settings
from confect_server.store import SqliteStore

WINDOWS = Settings(retention=Retention(history_s=0, log_s=0, requests_s=0))
retention._AT_ONCE = retention._MOST_AT_ONCE = 7

class Said:
    async def reached(self, point):
        print(point.name, flush=True)

async def main(path):
    store = SqliteStore(Path(path))
    async with Database.open(store, SystemClock(), os.urandom, WINDOWS, Said()) as database:
        await database.declare({"items": {"by_rank": ("rank",)}})
        items = database.catalog.table("items")
        async with anyio.create_task_group() as tasks:
            async def forget_for_ever():
                while True:
                    await database.forget()
            tasks.start_soon(forget_for_ever)
            while True:
                transaction = database.begin()
                async for found in transaction.range(items.indexes["by_rank"], Interval.all()):
                    if found.document["rank"] % 3:
                        await transaction.delete(items.number, found.id)
                    else:
                        rank = found.document["rank"] + 1
                        await transaction.replace(items.number, found.id, {"rank": rank})
                for rank in range(5):
                    await transaction.insert(items.number, {"rank": float(rank)})
                await database.commit(transaction)
                print("committed", len(transaction.finished().documents), flush=True)

anyio.run(main, sys.argv[1])
"""


def killed_while_forgetting(path: Path, after: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = 0
        while lines < after:
            lines += child.stdout.readline() in ("PAST_DELETED\n", "HORIZON_RAISED\n")
        child.kill()
        child.stdout.read()
    assert child.returncode == -9


async def test_what_can_be_read_survives_and_forgetting_goes_on(tmp_path: Path) -> None:
    path, chance = tmp_path / "data.db", random.Random(SEED)
    for _ in range(ROUNDS):
        killed_while_forgetting(path, chance.randint(1, 60))
        async with opened(SqliteStore(path)) as database:
            by_rank = index_of(database, "items", "by_rank")
            by_creation = index_of(database, "items")
            found = [each.id async for each in database.begin().range(by_rank, Interval.all())]
            again = [each.id async for each in database.begin().range(by_creation, Interval.all())]
            assert sorted(found) == sorted(again), f"seed {SEED}"
            assert len(found) >= 5
            await database.forget()
        assert_nothing_is_left_over(path)


def assert_nothing_is_left_over(path: Path) -> None:
    """Everything is gone that lies before the horizon; the clock of `opened` raises none."""
    connection = connect(path)
    query = """
        SELECT count(*) FROM documents AS older JOIN head WHERE EXISTS (
            SELECT 1 FROM documents AS newer WHERE newer.table_no = older.table_no
            AND newer.id = older.id AND newer.ts > older.ts AND newer.ts <= horizon)
        """
    assert connection.execute(query).fetchone() == (0,)
    keys = """
        SELECT count(*) FROM index_entries AS row JOIN head
        WHERE row.ts <= horizon AND (is_deleted OR EXISTS (
            SELECT 1 FROM index_entries AS newer WHERE newer.index_no = row.index_no
            AND newer.key = row.key AND newer.ts > row.ts AND newer.ts <= horizon))
        """
    assert connection.execute(keys).fetchone() == (0,)
    connection.close()
