"""An engine that breaks one of its promises is caught by the histories that are made with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from confect_server.engine import Database
from confect_server.engine.read_set import ReadRecorder, ReadSet
from confect_server.engine.subscription import Subscription, Subscriptions, Watch
from confect_server.engine.transaction import Transaction
from confect_server.engine.write_log import WriteLog
from confect_server.runtime import executor
from tests.histories.client import Habits
from tests.histories.made import make
from tests.histories.served import served, store_of

ENOUGH = 60
"""After so many histories without an anomaly, the checker would have missed one."""

Break = Callable[[pytest.MonkeyPatch], None]


def without_conflicts(patch: pytest.MonkeyPatch) -> None:
    def check(log: WriteLog, reads: ReadSet, begin_ts: int) -> None:
        return None

    patch.setattr(WriteLog, "check", check)


def without_intervals(patch: pytest.MonkeyPatch) -> None:
    finished = ReadRecorder.finished

    def only_points(recorder: ReadRecorder) -> ReadSet:
        return ReadSet(finished(recorder).points, {})

    patch.setattr(ReadRecorder, "finished", only_points)


def without_remembering_requests(patch: pytest.MonkeyPatch) -> None:
    async def nothing(id: bytes, transaction: Transaction) -> None:
        return None

    patch.setattr(executor, "answer_to", nothing)


def with_subscriptions_that_look_at_nothing_before(patch: pytest.MonkeyPatch) -> None:
    def begin(
        subscriptions: Subscriptions, subscription: Subscription, reads: ReadSet, ts: int
    ) -> bool:
        watch = Watch(reads, ts)
        subscriptions._insert(watch)
        watch.subscriptions.add(subscription)
        subscription.watch = watch
        return True

    patch.setattr(Subscriptions, "begin", begin)


def without_one_snapshot(patch: pytest.MonkeyPatch) -> None:
    begin = Database.begin

    def newest(database: Database, ts: int | None = None, **how: Any) -> Transaction:
        return begin(database, **how)

    patch.setattr(Database, "begin", newest)


BREAKS: dict[str, Break] = {
    "it checks no conflicts": without_conflicts,
    "it forgets the ranges that were read": without_intervals,
    "it forgets which requests it has answered": without_remembering_requests,
    "it registers subscriptions late": with_subscriptions_that_look_at_nothing_before,
    "it runs each query at a snapshot of its own": without_one_snapshot,
}


@pytest.mark.parametrize("break_it", BREAKS.values(), ids=BREAKS.keys())
async def test_a_broken_promise_is_caught(
    break_it: Break, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    break_it(monkeypatch)
    habits = Habits(loses_connection=0.2, gives_up=0.1)
    async with served(store_of("suspending memory", tmp_path), seed=1) as url:
        for seed in range(ENOUGH):
            made = await make(seed, url, habits)
            if made.found:
                return
    raise AssertionError(f"{ENOUGH} histories passed")
