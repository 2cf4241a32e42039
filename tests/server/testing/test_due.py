"""What is due in a tested application begins while the test lets time pass, and never before."""

from __future__ import annotations

from datetime import timedelta

import anyio

from confect_server import Every, cron
from confect_server.engine import PausePoint
from confect_server.testing import TestApp, replacing
from confect_server.testing.idleness import settled
from tests.server.testing.alarms import Bell, Calls, alarms


async def test_a_function_without_delay_is_seen_waiting_until_time_passes() -> None:
    async with TestApp(alarms()) as t:
        await t.mutation(Calls.plan, note="tea")
        await settled()  # whatever could begin by itself has begun
        await t.fetch("GET", "/nowhere")
        assert await t.query(Calls.planned) == ["tea pending"]
        assert await t.query(Calls.notes) == []
        await t.run_due()
        assert await t.query(Calls.planned) == ["tea success"]
        assert sorted(await t.query(Calls.notes)) == ["rang tea", "tea"]


async def test_what_is_scheduled_while_time_passes_begins_in_it() -> None:
    async with TestApp(
        alarms().recur(cron("again", Every(timedelta(hours=1)), Calls.plan, note="tea"))
    ) as t:
        await settled()
        assert await t.query(Calls.planned) == ["tea pending"]
        await t.advance(timedelta(hours=2))
        assert sorted(await t.query(Calls.notes)) == ["rang tea"] * 3 + ["tea"] * 3


async def test_what_ends_after_time_has_passed_lets_nothing_begin() -> None:
    bell = Bell()
    bell.held = anyio.Event()
    async with TestApp(alarms(), replacing(Bell).by(bell)) as t:
        await t.mutation(Calls.plan, note="tea")
        await t.run_due()
        await t.mutation(Calls.plan, note="cake")
        bell.held.set()
        await settled()
        assert await t.query(Calls.planned) == ["tea success", "cake pending"]
        await t.run_due()
        assert await t.query(Calls.planned) == ["tea success", "cake success"]


async def test_what_waits_when_the_process_dies_begins_in_the_next_when_time_passes() -> None:
    async with TestApp(alarms()) as t:
        await t.mutation(Calls.plan, note="tea")
        await t.crash()
        await settled()
        assert await t.query(Calls.planned) == ["tea pending"]
        await t.run_due()
        assert await t.query(Calls.planned) == ["tea success"]


async def test_a_process_that_dies_before_it_begins_what_is_due_leaves_it_to_the_next() -> None:
    async with TestApp(alarms()) as t:
        await t.mutation(Calls.plan, note="tea")
        t.crash_at(PausePoint.JOB_DUE)
        await settled()
        assert await t.query(Calls.planned) == ["tea pending"]
        await t.run_due()
        await t.run_due()
        assert await t.query(Calls.planned) == ["tea success"]


async def test_more_than_may_run_at_once_are_all_run() -> None:
    count = 40
    async with TestApp(alarms()) as t:
        for number in range(count):
            await t.mutation(Calls.plan, note=str(number))
        assert await t.query(Calls.notes) == []
        await t.run_due()
        assert len(await t.query(Calls.notes)) == 2 * count
