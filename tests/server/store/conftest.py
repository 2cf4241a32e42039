"""Every kind of store, open and empty."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from confect_server.store import Store
from tests.server.stores import STORE_KINDS, StoreKind, new_store


@pytest.fixture(params=STORE_KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    kind: StoreKind = request.param
    store = new_store(kind, tmp_path)
    await store.open()
    yield store
    await store.close()
