"""What a database does by itself goes by the clock that it was given, however fast that is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from confect_server.engine import OutOfRetention
from confect_server.settings import Retention, Settings, Sharing
from confect_server.store import MemoryStore, Store
from confect_server.testing import VirtualClock
from tests.server.engine.conftest import TABLES
from tests.server.stores import opened

HOUR_S = 3600
MONTH_S = 30 * 24 * HOUR_S


async def test_the_past_is_forgotten_as_time_goes_by(store: Store) -> None:
    clock = VirtualClock()
    windows = Retention(history_s=HOUR_S, sweep_s=24 * HOUR_S)
    settings = Settings(retention=windows, sharing=Sharing(poll_s=None))
    async with opened(store, clock=clock, settings=settings) as database:
        await database.declare(TABLES)
        table = database.catalog.table("items").number
        first = database.newest_ts
        transaction = database.begin()
        await transaction.insert(table, {"rank": 1.0})
        await database.commit(transaction)
        await clock.advance(timedelta(seconds=23 * HOUR_S))
        await database.begin(first).get(table, bytes(16))
        await clock.advance(timedelta(seconds=2 * HOUR_S))
        with pytest.raises(OutOfRetention):
            await database.begin(first).get(table, bytes(16))


async def test_commits_of_others_are_looked_for_as_time_goes_by() -> None:
    store, clock = MemoryStore(), VirtualClock()
    settings = Settings(retention=Retention(sweep_s=2 * MONTH_S), sharing=Sharing(poll_s=HOUR_S))
    async with (
        opened(store, clock=clock, settings=settings) as one,
        opened(store, seed=1, clock=clock, settings=settings) as other,
    ):
        await other.declare(TABLES)
        await clock.advance(timedelta(seconds=HOUR_S / 2))
        assert one.newest_ts < other.newest_ts
        await clock.advance(timedelta(seconds=HOUR_S))
        assert one.newest_ts == other.newest_ts
        await clock.advance(timedelta(seconds=MONTH_S))
