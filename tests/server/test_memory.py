"""A server needs the memory that it was allowed, however much there is in its database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import anyio
import pytest

from confect_core import Index, PaginationOptions, Table
from confect_server.db import Cursors, DatabaseReader, DataModel, OpenTables, Paging
from confect_server.engine import Database
from confect_server.runtime.clock import SystemClock
from confect_server.settings import MIB, Memory, Settings
from confect_server.store import SqliteStore

DOCUMENTS: Final = 10_000
TEXT: Final = "x" * 4_000  # together 40 MiB
CACHE_BYTES: Final = 4 * MIB
ALLOWED_GROWTH: Final = 20 * MIB
"""For the cache, for SQLite's, and for what one page of results takes; half of a copy of all."""

_STATUS: Final = Path("/proc/self/status")


class Sheet(Table, name="sheets"):
    number: int
    text: str
    by_number = Index("number")


MODEL: Final = DataModel((Sheet,))


async def fill(path: Path) -> None:
    async with Database.open(SqliteStore(path), SystemClock(), os.urandom) as database:
        await database.declare(MODEL.declared)
        tables = OpenTables.of(MODEL.tables, database.catalog)
        for first in range(0, DOCUMENTS, 500):
            transaction = database.begin()
            writer = MODEL.writer(transaction, tables, Paging(Cursors(database.incarnation)))
            for number in range(first, first + 500):
                await writer.table(Sheet).insert(number=number, text=TEXT)
            await database.commit(transaction)


class Walk:
    """Reads everything in every way, and looks at the memory of its process meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = OpenTables.of(MODEL.tables, database.catalog)
        self._at_first = resident()
        self._steps = 0
        self.growth = 0

    async def everything(self) -> None:
        """Scan, read page by page, and read one by one, some twice."""
        ids = [sheet.id async for sheet in self._reader().table(Sheet).query() if self._step()]
        assert len(ids) == DOCUMENTS
        cursor: str | None = None
        for _ in range(0, DOCUMENTS, 50):
            options = PaginationOptions(num_items=50, cursor=cursor)
            page = await self._reader().table(Sheet).query().paginate(options)
            cursor = page.continue_cursor
            assert len(page.page) == 50
            self._step()
        for at, id in enumerate(ids):
            again = await self._reader().get(ids[at - 1])
            assert again is not None
            assert await self._reader().get(id) is not None
            self._step()

    def _reader(self) -> DatabaseReader:
        transaction = self._database.begin(is_read_only=True)
        paging = Paging(Cursors(self._database.incarnation))
        return MODEL.reader(transaction, self._tables, paging)

    def _step(self) -> bool:
        self._steps += 1
        if self._steps % 50 == 0:
            self.growth = max(self.growth, resident() - self._at_first)
        return True


def resident() -> int:
    """How much memory this process takes."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


async def walk(path: Path, cache_bytes: int) -> int:
    memory = Memory(document_cache_bytes=cache_bytes)
    opening = Database.open(SqliteStore(path), SystemClock(), os.urandom, Settings(memory=memory))
    async with opening as database:
        await database.declare(MODEL.declared)
        walk = Walk(database)
        await walk.everything()
    return walk.growth


def growth_of_a_process(path: Path, cache_bytes: int) -> int:
    """By how much a process grows that reads everything."""
    program = "import sys; from tests.server.test_memory import main; main(*sys.argv[1:])"
    command = [sys.executable, "-c", program, str(path), str(cache_bytes)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main(path: str, cache_bytes: str) -> None:
    sys.stdout.write(str(anyio.run(walk, Path(path), int(cache_bytes))))


@pytest.mark.skipif(not _STATUS.exists(), reason="it says nowhere how much memory a process takes")
async def test_a_table_of_ten_times_the_cache_is_read_within_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    await fill(path)
    assert path.stat().st_size > 10 * CACHE_BYTES
    assert growth_of_a_process(path, CACHE_BYTES) < ALLOWED_GROWTH
    assert growth_of_a_process(path, 100 * MIB) > ALLOWED_GROWTH, "a copy of everything is noticed"
