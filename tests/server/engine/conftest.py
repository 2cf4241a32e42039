"""A database on every kind of store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from confect_server.engine import Database
from confect_server.store import Store
from tests.server.stores import STORE_KINDS, StoreKind, new_store, opened

TABLES = {"items": {"by_rank": ("rank",)}}


@pytest.fixture(params=STORE_KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    kind: StoreKind = request.param
    return new_store(kind, tmp_path)


@pytest.fixture
async def database(store: Store) -> AsyncGenerator[Database]:
    async with opened(store) as database:
        await database.declare(TABLES)
        yield database
