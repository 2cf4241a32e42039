"""Scheduled actions: begun at most once, whatever becomes of the process that runs them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from confect_core import Id
from confect_server import ActionCtx, Actions, JobFailed, MutationCtx, ScheduledFunction
from confect_server.runtime.job_runs import STOPPED
from confect_server.runtime.lease import GIVEN_UP, Lease
from confect_server.store import MemoryStore
from tests.server.scheduler.agenda import (
    SETTINGS,
    MovableClock,
    Planner,
    Refs,
    Script,
    Steps,
    job_id,
    planner,
)

LEASE_S = 30.0
DAY_NS = 86_400 * 10**9


def scheduling(text: str, delay: timedelta = timedelta()) -> Steps:
    async def steps(ctx: Any, _: str) -> str:
        return str(await ctx.scheduler.run_after(delay, Refs.act, text=text))

    return steps


def canceling(id: Id[ScheduledFunction]) -> Steps:
    async def steps(ctx: Any, _: str) -> str:
        await ctx.scheduler.cancel(id)
        return ""

    return steps


class Gate:
    """An action that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.is_reached = anyio.Event()
        self.is_open = anyio.Event()

    async def steps(self, ctx: ActionCtx[Any], text: str) -> str:
        self.is_reached.set()
        await self.is_open.wait()
        return text


async def stands_still(lease: Lease) -> str:
    del lease
    await anyio.sleep_forever()
    return "never"


async def error_of(at: Planner, id: Id[ScheduledFunction]) -> str:
    async def steps(ctx: MutationCtx[Any], _: str) -> str:
        job = await ctx.db.system.get(id)
        assert job is not None
        assert isinstance(job.state, JobFailed)
        return job.state.error

    return cast("str", await at.mutation(steps))


async def test_an_action_is_run_when_it_is_due() -> None:
    async with planner() as at:
        await at.mutation(scheduling("act", timedelta(seconds=5)))
        await at.clock.move(5)
        assert (at.runs, await at.jobs()) == (["act"], ["act success"])


async def test_everybody_sees_that_an_action_is_in_progress() -> None:
    gate = Gate()
    async with planner() as at:
        at.script.steps["slow"] = gate.steps
        await at.mutation(scheduling("slow"))
        await at.clock.move(1)
        assert await at.jobs() == ["slow inProgress"]
        await at.clock.move(10 * LEASE_S)
        gate.is_open.set()
        await at.clock.move(1)
        assert (at.runs, await at.jobs()) == (["slow"], ["slow success"])


async def test_an_action_schedules_at_once_even_if_it_fails_later() -> None:
    async def steps(ctx: ActionCtx[Any], text: str) -> str:
        await scheduling("kept")(ctx, text)
        raise ValueError("no")

    async with planner() as at:
        await at.failure("act", steps)
        await at.clock.move(1)
        assert at.runs == ["kept"]


async def test_an_action_that_raises_has_failed_and_is_not_run_again() -> None:
    async def steps(ctx: ActionCtx[Any], _: str) -> str:
        raise ValueError("no such luck")

    async with planner() as at:
        at.script.steps["bad"] = steps
        id = job_id(await at.mutation(scheduling("bad")))
        await at.clock.move(10_000)
        assert at.runs == ["bad"]
        assert "ValueError: no such luck" in await error_of(at, id)


async def test_what_a_canceled_action_schedules_never_runs() -> None:
    gate = Gate()

    async def steps(ctx: ActionCtx[Any], text: str) -> str:
        await scheduling("before")(ctx, text)
        await gate.steps(ctx, text)
        await scheduling("by itself")(ctx, text)

        async def task() -> None:
            await scheduling("in a task")(ctx, text)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(task)
        await ctx.run_mutation(Refs.do, text="mutation")
        return ""

    async with planner() as at:
        at.script.steps |= {"root": steps, "mutation": scheduling("by a mutation")}
        root = job_id(await at.mutation(scheduling("root")))
        await at.clock.move(1)
        await at.mutation(canceling(root))
        assert await at.jobs() == ["root canceled", "before success"]
        gate.is_open.set()
        await at.clock.move(1)
        assert at.runs == ["root", "before", "mutation"]
        assert set(await at.jobs()) == {
            "root canceled",
            "before success",
            "by itself canceled",
            "in a task canceled",
            "by a mutation canceled",
        }


async def test_what_runs_beside_a_canceled_action_schedules_as_ever() -> None:
    gate = Gate()
    async with planner() as at:
        at.script.steps["slow"] = gate.steps
        slow = job_id(await at.mutation(scheduling("slow")))
        await at.clock.move(1)
        await at.mutation(canceling(slow))
        await at.action(scheduling("other"))
        await at.clock.move(1)
        assert at.runs == ["slow", "other"]
        gate.is_open.set()
        await at.clock.move(1)
        assert await at.jobs() == ["slow canceled", "other success"]


async def test_an_action_that_runs_when_the_server_stops_has_failed() -> None:
    gate, store, script = Gate(), MemoryStore(), Script()
    script.steps["slow"] = gate.steps
    async with planner(store, script=script) as at:
        id = job_id(await at.mutation(scheduling("slow")))
        await at.clock.move(1)
        await gate.is_reached.wait()
    async with planner(store, seed=1) as at:
        await at.clock.move(10 * LEASE_S)
        assert (at.runs, await error_of(at, id)) == ([], STOPPED)


async def test_an_action_has_a_while_to_end_when_the_server_stops() -> None:
    gate, store, script = Gate(), MemoryStore(), Script()
    script.steps["slow"] = gate.steps
    settings = replace(SETTINGS, actions=Actions(grace_s=60))
    async with anyio.create_task_group() as tasks:
        async with planner(store, script=script, settings=settings) as at:
            await at.mutation(scheduling("slow"))
            await at.clock.move(1)
            tasks.start_soon(open_after_a_turn, gate)
        assert gate.is_open.is_set()
    async with planner(store, seed=1) as at:
        assert await at.jobs() == ["slow success"]


async def open_after_a_turn(gate: Gate) -> None:
    for _ in range(20):
        await anyio.lowlevel.checkpoint()
    gate.is_open.set()


async def test_the_word_of_a_process_that_was_given_up_comes_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, clock, gate = MemoryStore(), MovableClock(), Gate()
    script = Script()
    script.steps["slow"] = gate.steps
    async with planner(store, clock=clock, script=script) as stopped:
        id = job_id(await stopped.mutation(scheduling("slow")))
        await clock.move(1)
        # its heart stands still, as if the whole process did
        monkeypatch.setattr(Lease, "renewed", stands_still)
        async with planner(store, seed=1, clock=clock) as other:
            await clock.move(LEASE_S + 1)
            assert await error_of(other, id) == GIVEN_UP
            gate.is_open.set()
            await clock.move(1)
            assert await error_of(stopped, id) == GIVEN_UP
            assert stopped.runs == ["slow"]


async def test_a_process_whose_clock_was_set_back_is_given_up_as_soon_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, clock, gate = MemoryStore(), MovableClock(), Gate()
    script = Script()
    script.steps["slow"] = gate.steps
    async with planner(store, clock=clock, script=script) as stopped:
        clock.set(clock.at_ns + DAY_NS)
        id = job_id(await stopped.mutation(scheduling("slow")))
        await clock.move(1)
        clock.set(clock.at_ns - DAY_NS)
        await clock.move(LEASE_S / 2)
        monkeypatch.setattr(Lease, "renewed", stands_still)
        async with planner(store, seed=1, clock=clock) as other:
            await clock.move(LEASE_S + 1)
            assert await error_of(other, id) == GIVEN_UP


async def test_a_lease_is_kept_while_an_action_runs_and_others_look_on() -> None:
    store, clock, gate, script = MemoryStore(), MovableClock(), Gate(), Script()
    script.steps["slow"] = gate.steps
    async with (
        planner(store, clock=clock, script=script) as one,
        planner(store, seed=1, clock=clock) as other,
    ):
        await one.mutation(scheduling("slow"))
        await clock.move(20 * LEASE_S)
        await other.backend.database.refresh()
        assert await other.jobs() == ["slow inProgress"]
        gate.is_open.set()
        await clock.move(1)
        assert await one.jobs() == ["slow success"]


async def test_a_process_that_was_given_up_begins_with_a_new_word() -> None:
    store, clock, script = MemoryStore(), MovableClock(), Script()
    async with planner(store, clock=clock, script=script) as at:
        await at.mutation(scheduling("first"))
        await clock.move(1)
        async with planner(store, seed=1, clock=clock) as other:
            # the clock of another machine is ahead, and it takes this process for dead
            clock.at_ns += int(2 * LEASE_S * 1e9)
            await clock.move(0)
            assert await other.jobs() == ["first success"]
            clock.at_ns -= int(2 * LEASE_S * 1e9)
        await at.mutation(scheduling("second"))
        await clock.move(1)
        assert at.runs == ["first", "second"]
        assert set(await at.jobs()) == {"first success", "second success"}
