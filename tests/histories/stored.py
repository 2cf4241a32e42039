"""What has to hold for the file of a database, whatever happened to those who wrote it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from confect_core.values import Interval, dumps
from confect_server.engine import Database
from confect_server.store import SqliteStore
from tests.server.stores import opened

TABLES = ("_tables", "_indexes", "_session_requests", "lists", "rows", "accounts")


async def check_stored(path: Path) -> None:
    """Fail unless SQLite finds it sound, nothing lies after the head, and all indexes agree."""
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (head,) = file.execute("SELECT ts FROM head").fetchone()
        for table in ("documents", "index_entries", "commit_log"):
            (newest,) = file.execute(f"SELECT max(ts) FROM {table}").fetchone()
            assert newest is None or newest <= head, f"{table} is ahead of the head"
    async with opened(SqliteStore(path)) as database:
        for table in TABLES:
            if database.catalog.has(table):
                await _check_indexes(database, table)


async def _check_indexes(database: Database, table: str) -> None:
    """Every index leads to every document of its table, under the key that belongs to it.

    And it is known how many documents the table has, unless it is a system table.
    """
    found: list[dict[bytes, bytes]] = []
    for index in database.catalog.table(table).indexes.values():
        rows = [row async for row in database.begin(is_read_only=True).range(index, Interval.all())]
        assert all(row.key == index.key(row.id, row.document) for row in rows)
        found.append({row.id: dumps(row.document) for row in rows})
        assert len(found[-1]) == len(rows), f"a document is twice in {table}.{index.name}"
    assert all(each == found[0] for each in found), f"the indexes of {table} disagree"
    if table.startswith("_"):
        return
    count = await database.begin(is_read_only=True).count(database.catalog.table(table).number)
    assert count == len(found[0]), f"{table} is said to have {count} documents"
