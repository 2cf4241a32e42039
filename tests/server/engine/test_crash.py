"""A process that is killed while it commits loses nothing that it was told is committed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from confect_core.values import Interval
from confect_server.store import SqliteStore
from tests.server.stores import index_of, opened

ROUNDS = 20
SEED = 11

PROGRAM = """
import os, sys
from pathlib import Path
import anyio
from confect_server.engine import Database
from confect_server.runtime.clock import SystemClock
from confect_server.store import SqliteStore

async def main(path, number):
    async with Database.open(SqliteStore(Path(path)), SystemClock(), os.urandom) as database:
        await database.declare({"twins": {"by_number": ("number",)}})
        table = database.catalog.table("twins").number
        async def commit_for_ever(number):
            while True:
                transaction = database.begin()
                for _ in range(2):
                    await transaction.insert(table, {"number": float(number)})
                await database.commit(transaction)
                print(number, flush=True)
                number += 5
        async with anyio.create_task_group() as tasks:
            for each in range(5):
                tasks.start_soon(commit_for_ever, number + each)

anyio.run(main, sys.argv[1], int(sys.argv[2]))
"""


def killed_while_committing(path: Path, first: int, after: int) -> list[int]:
    """What the process said was committed before it was killed."""
    command = [sys.executable, "-c", PROGRAM, str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(after)]
        child.kill()
        said += child.stdout.readlines()
    assert child.returncode == -9
    return [int(line) for line in said if line.endswith("\n")]


async def numbers_in(path: Path) -> list[int]:
    async with opened(SqliteStore(path)) as database:
        found = database.begin().range(index_of(database, "twins", "by_number"), Interval.all())
        return [int(str(each.document["number"]).removesuffix(".0")) async for each in found]


async def test_nothing_acknowledged_is_lost_and_nothing_is_there_by_half(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    chooser = random.Random(SEED)
    acknowledged: set[int] = set()
    for round in range(ROUNDS):
        first = round * 100_000
        acknowledged.update(killed_while_committing(path, first, chooser.randint(1, 40)))
        found = await numbers_in(path)
        assert acknowledged <= set(found)
        assert all(found.count(number) == 2 for number in set(found[-400:]))
        assert len(found) == 2 * len(set(found))
