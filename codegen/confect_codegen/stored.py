"""`StoredDatabase`: a database file that is looked at and not changed.

A server may be running on it: everything here is read at whatever is the newest snapshot by then,
so that no reader is in the way of what is forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from confect_core.values import Interval
from confect_server.db.schema_diff import SchemaDiff, StoredTable, stored_tables
from confect_server.engine import Catalog, DeclaredTable
from confect_server.engine.catalog import read_catalog
from confect_server.engine.counts import count_of
from confect_server.engine.index import BY_CREATION_TIME
from confect_server.engine.snapshot import Found, Snapshot, rest_of
from confect_server.errors import SchemaRefusesDocument
from confect_server.store import SqliteStore, Store

_STEP = 200


class StoredDatabase:
    """What a database file has."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncGenerator[StoredDatabase | None]:
        """The database in a file, or None if there is none; then none is made."""
        if not _is_there(path):
            yield None
            return
        store = SqliteStore(path)
        await store.open_to_read()
        try:
            yield cls(store)
        finally:
            await store.close()

    async def tables(self) -> dict[str, StoredTable]:
        """The tables by name, with how many documents each has."""
        snapshot = await self._newest()
        catalog = await read_catalog(snapshot)
        counts = {
            table.name: await count_of(self._store, table.number, snapshot.ts)
            for table in catalog.tables
        }
        return stored_tables(catalog, counts)

    async def refused(
        self, diff: SchemaDiff, declared: Mapping[str, DeclaredTable]
    ) -> list[SchemaRefusesDocument]:
        """Of each table that has to be validated the first document that does not fit."""
        catalog = await read_catalog(await self._newest())
        found = [
            await self._first_refused(catalog, each.name, declared[each.name])
            for each in diff.tables
            if each.is_validated
        ]
        return [each for each in found if each is not None]

    async def _first_refused(
        self, catalog: Catalog, name: str, declared: DeclaredTable
    ) -> SchemaRefusesDocument | None:
        assert declared.shape is not None, "there is something to validate"
        index = catalog.table(name).indexes[BY_CREATION_TIME]
        rest = Interval.all()
        while found := await self._read(index.number, rest):
            try:
                for each in found:
                    declared.shape.check(each.document, catalog)
            except SchemaRefusesDocument as refused:
                return refused
            rest = rest_of(rest, found[-1].key, "asc")
        return None

    async def _read(self, index_no: int, interval: Interval) -> list[Found]:
        snapshot = await self._newest()
        rows = snapshot.range(index_no, interval, "asc", at_most=_STEP)
        found: list[Found] = []
        while len(found) < _STEP and (row := await rows.next()) is not None:
            found.append(row)
        return found

    async def _newest(self) -> Snapshot:
        return Snapshot(self._store, (await self._store.head()).ts)


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
