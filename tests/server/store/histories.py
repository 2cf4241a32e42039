"""Commits made by hand, for tests that look at a store alone."""

from __future__ import annotations

from confect_core.values import Interval
from confect_server.store import (
    Commit,
    DocumentWrite,
    IndexedRevision,
    IndexRow,
    KeyChange,
    Order,
    Store,
)
from tests.server.stores import admitted

TABLE, INDEX = 10_001, 1_000_001
LATEST = 2**62


def doc(name: str) -> bytes:
    return name.encode().ljust(16, b".")


def commit_id(ts: int) -> bytes:
    return ts.to_bytes(16, "big")


def commit(ts: int, **keys: tuple[bytes | None, bytes | None]) -> Commit:
    """Each document's old key and its new one; a document without a new key is deleted."""
    documents: list[DocumentWrite] = []
    rows: list[IndexRow] = []
    changes: list[KeyChange] = []
    for name, (old, new) in keys.items():
        value = None if new is None else f"{name}@{ts}".encode()
        documents.append(DocumentWrite(TABLE, doc(name), value))
        changes.append(KeyChange(INDEX, old, new))
        if old is not None and old != new:
            rows.append(IndexRow(INDEX, old, True, TABLE, doc(name)))
        if new is not None and old != new:
            rows.append(IndexRow(INDEX, new, False, TABLE, doc(name)))
    return Commit(ts, commit_id(ts), documents, rows, changes)


async def append(store: Store, *commits: Commit) -> None:
    async with admitted(store) as admission:
        await admission.append(commits)


async def keys_in(
    store: Store,
    interval: Interval | None = None,
    ts: int = LATEST,
    order: Order = "asc",
    limit: int = 100,
) -> list[bytes]:
    return [row.key for row in await scanned(store, interval, ts, order, limit)]


async def scanned(
    store: Store,
    interval: Interval | None = None,
    ts: int = LATEST,
    order: Order = "asc",
    limit: int = 100,
) -> list[IndexedRevision]:
    """What a scan finds, which is where the store says that it is found."""
    asked = INDEX, interval or Interval.all(), ts, order, limit
    rows = await store.scan(*asked)
    assert await store.locate(*asked) == [row[:3] for row in rows]
    return rows
