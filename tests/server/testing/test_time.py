"""Time in tests: it stands, and moves from one moment at which something is due to the next."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import anyio
import anyio.to_thread
import pytest

from confect_server.testing import NeverIdle, TestApp, VirtualClock
from confect_server.testing.idleness import settled
from tests.server.testing.alarms import Calls, alarms

A_MILLISECOND = timedelta(milliseconds=1)


async def test_time_stands_but_for_what_mutations_take() -> None:
    start = datetime(2031, 5, 6, 7, 8, 9, 10, tzinfo=UTC)
    async with TestApp(alarms(), starts_at=start) as t:
        assert await t.query(Calls.now) == t.now == start
        await t.mutation(Calls.set_, note="tea")
        assert t.now == start + A_MILLISECOND


async def test_functions_are_told_the_time_that_the_test_has_moved_to() -> None:
    async with TestApp(alarms()) as t:
        before = t.now
        await t.advance(timedelta(days=30, microseconds=1))
        assert t.now == before + timedelta(days=30, microseconds=1)
        assert await t.query(Calls.now) == t.now


async def every(t: TestApp, clock: VirtualClock, seconds: float, note: str) -> None:
    while True:
        await clock.sleep(seconds)
        await t.mutation(Calls.set_, note=f"{note} {clock.now:%d %H:%M}")


async def test_a_month_of_work_is_done_at_its_moments_and_in_order() -> None:
    async with TestApp(alarms()) as t, anyio.create_task_group() as tasks:
        tasks.start_soon(every, t, t.clock, 86_400.0, "daily")
        tasks.start_soon(every, t, t.clock, 7 * 86_400.0, "weekly")
        await t.advance(timedelta(days=30, seconds=1))
        notes = await t.query(Calls.notes)
        assert len(notes) == 30 + 4
        assert notes[:2] == ["daily 02 00:00", "daily 03 00:00"]
        assert [each for each in notes if each.startswith("weekly")] == [
            "weekly 08 00:00",
            "weekly 15 00:00",
            "weekly 22 00:00",
            "weekly 29 00:00",
        ]
        tasks.cancel_scope.cancel()


async def test_what_is_due_after_the_time_that_passes_is_not_done() -> None:
    done: list[str] = []
    clock = VirtualClock()

    async def later(seconds: float, note: str) -> None:
        await clock.sleep(seconds)
        done.append(note)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later, 0.0, "now")
        tasks.start_soon(later, 2.0, "two")
        tasks.start_soon(later, 1.0, "one")
        await clock.advance(timedelta(0))
        assert done == ["now"]
        await clock.advance(timedelta(seconds=1))
        assert done == ["now", "one"]
        await clock.advance(timedelta(seconds=1))
        assert done == ["now", "one", "two"]


async def test_who_no_longer_sleeps_is_not_waited_for() -> None:
    clock = VirtualClock()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.sleep, 5.0)
        tasks.start_soon(clock.sleep, float("inf"))
        await settled()
        assert clock.next_ns == clock.now_ns() + 5_000_000_000
        tasks.cancel_scope.cancel()
    assert clock.next_ns is None


async def test_worker_threads_are_waited_for() -> None:
    done: list[str] = []

    async def work() -> None:
        await anyio.to_thread.run_sync(done.append, "in a thread")
        done.append("after it")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await settled()
        assert done == ["in a thread", "after it"]


async def test_callbacks_that_wake_others_are_waited_for() -> None:
    loop = asyncio.get_running_loop()
    woken, done = asyncio.Event(), list[str]()

    async def wait() -> None:
        await woken.wait()
        done.append("woken")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await settled()
        loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(woken.set)))
        await settled()
        assert done == ["woken"]


async def test_a_task_that_never_rests_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("confect_server.testing.idleness._MOST_TURNS", 100)

    async def spin() -> None:
        while True:
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spin, name="the spinner")
        with pytest.raises(NeverIdle, match="the spinner"):
            await settled()
        tasks.cancel_scope.cancel()


async def test_a_mutation_that_lost_does_not_wait_for_the_test_to_let_time_pass() -> None:
    clock = VirtualClock()
    with clock.passing():
        await clock.sleep(0.25)
    assert clock.now_ns() == VirtualClock().now_ns() + 250_000_000
