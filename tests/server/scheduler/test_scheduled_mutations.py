"""Scheduled mutations: a part of the mutation that schedules them, run once, when they are due."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import pytest

from confect_core import Args, FunctionSpec, GroupSpec, ref
from confect_server import (
    ActionCtx,
    Actions,
    JobCanceled,
    JobFailed,
    JobInProgress,
    Limits,
    MutationCtx,
    QueryCtx,
    Scheduling,
)
from confect_server.engine import PausePoint, TooManyFunctionsPending
from confect_server.runtime import CLIENT
from confect_server.runtime.functions import Functions
from confect_server.store import MemoryStore
from tests.server.engine.pausing import Pausing
from tests.server.scheduler.agenda import (
    SETTINGS,
    MovableClock,
    Refs,
    Script,
    Steps,
    agenda,
    job_id,
    planner,
)
from tests.server.stores import NOW_NS

SECOND = timedelta(seconds=1)
DAY_S = 86_400.0


class Word(Args):
    word: str


class FormerAgenda(GroupSpec):
    do = FunctionSpec.public_mutation(args=Word, returns=str)


class Former:
    """The agenda as it was in an earlier version."""

    do: Final = ref("agenda:do", FormerAgenda.do)


def scheduling(text: str, delay: timedelta = timedelta()) -> Steps:
    async def steps(ctx: Any, _: str) -> str:
        return str(await ctx.scheduler.run_after(delay, Refs.do, text=text))

    return steps


async def test_a_function_is_run_when_its_time_has_come_and_not_before() -> None:
    async with planner() as at:
        await at.mutation(scheduling("later", 60 * SECOND))
        await at.clock.move(59.999)
        assert (at.runs, await at.jobs()) == ([], ["later pending"])
        await at.clock.move(0.001)
        assert (at.runs, await at.jobs()) == (["later"], ["later success"])
        await at.clock.move(1000)
        assert at.runs == ["later"]


async def test_without_a_delay_it_is_run_at_once() -> None:
    async with planner() as at:
        await at.mutation(scheduling("at once"))
        await at.clock.move(0)
        assert at.runs == ["at once"]


async def test_functions_are_run_at_a_time_of_day() -> None:
    async def steps(ctx: MutationCtx[Any], _: str) -> str:
        noon = datetime.fromtimestamp(NOW_NS / 1e9, UTC) + timedelta(hours=5)
        await ctx.scheduler.run_at(noon, Refs.do, text="noon")
        await ctx.scheduler.run_at(noon - timedelta(days=1), Refs.do, text="past")
        return ""

    async with planner() as at:
        await at.mutation(steps)
        await at.clock.move(0)
        assert at.runs == ["past"]
        await at.clock.move(5 * 3600)
        assert at.runs == ["past", "noon"]


async def test_a_mutation_that_fails_schedules_nothing() -> None:
    async def steps(ctx: MutationCtx[Any], text: str) -> str:
        await scheduling("never")(ctx, text)
        raise ValueError("no")

    async with planner() as at:
        await at.failure("do", steps)
        await at.clock.move(1)
        assert (at.runs, await at.jobs()) == ([], [])


async def test_a_nested_mutation_that_fails_takes_back_what_it_scheduled_and_no_more() -> None:
    async def failing(ctx: MutationCtx[Any], text: str) -> str:
        await scheduling("inner")(ctx, text)
        raise ValueError("no")

    async def steps(ctx: MutationCtx[Any], text: str) -> str:
        await scheduling("before")(ctx, text)
        with pytest.raises(ValueError, match="no"):
            await ctx.run_mutation(Refs.do, text="failing")
        await ctx.run_mutation(Refs.do, text="fine")
        return ""

    async with planner() as at:
        at.script.steps |= {"failing": failing, "fine": scheduling("nested")}
        await at.mutation(steps)
        await at.clock.move(1)
        assert await at.jobs() == ["before success", "nested success"]


async def test_the_job_sees_itself_in_progress_and_others_see_it_pending() -> None:
    seen: list[object] = []

    async def looking(ctx: MutationCtx[Any], _: str) -> str:
        [job] = await ctx.db.system.scheduled_functions.collect()
        seen.append(job.state)
        seen.append(await at.jobs())
        return ""

    async with planner() as at:
        at.script.steps["looking"] = looking
        await at.mutation(scheduling("looking"))
        await at.clock.move(1)
        assert seen == [JobInProgress(), ["looking pending"]]


async def test_a_handler_that_raises_has_failed_and_left_nothing() -> None:
    async def steps(ctx: MutationCtx[Any], _: str) -> str:
        return str(await ctx.scheduler.run_after(timedelta(), Refs.refuse))

    async with planner() as at:
        id = job_id(await at.mutation(steps))
        await at.clock.move(1)

        async def state(ctx: MutationCtx[Any], _: str) -> str:
            job = await ctx.db.system.get(id)
            assert job is not None
            assert isinstance(job.state, JobFailed)
            assert job.completed_time == NOW_NS / 1e6
            return job.state.error

        assert "Refused(why='it is Sunday')" in str(await at.mutation(state))
        assert await at.texts() == []
        await at.clock.move(10_000)
        assert await at.jobs() == [" failed"]


async def test_a_canceled_function_never_runs() -> None:
    async with planner() as at:
        id = job_id(await at.mutation(scheduling("never", SECOND)))

        async def cancel(ctx: MutationCtx[Any], _: str) -> str:
            await ctx.scheduler.cancel(id)
            await ctx.scheduler.cancel(id)
            job = await ctx.db.system.get(id)
            assert job is not None
            assert job.state == JobCanceled()
            return ""

        await at.mutation(cancel)
        await at.clock.move(10)
        assert (at.runs, await at.jobs()) == ([], ["never canceled"])


async def test_to_cancel_what_has_ended_does_nothing() -> None:
    async with planner() as at:
        id = job_id(await at.mutation(scheduling("done")))
        await at.clock.move(1)

        async def cancel(ctx: MutationCtx[Any], _: str) -> str:
            await ctx.scheduler.cancel(id)
            return ""

        await at.mutation(cancel)
        assert await at.jobs() == ["done success"]


async def test_results_are_kept_for_as_long_as_the_settings_say() -> None:
    async with planner() as at:
        await at.mutation(scheduling("done"))
        await at.mutation(scheduling("waits", timedelta(days=30)))
        await at.clock.move(7 * 86_400)
        assert await at.jobs() == ["done success", "waits pending"]
        await at.clock.move(2 * 3600)
        assert await at.jobs() == ["waits pending"]


LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
REFUSED: list[tuple[Callable[[Any], Awaitable[object]], str]] = [
    (lambda ctx: ctx.scheduler.run_after(-SECOND, Refs.do, text="x"), "1 seconds ago"),
    (lambda ctx: ctx.scheduler.run_after(SECOND, Refs.texts), "agenda:texts is a query"),
    (lambda ctx: ctx.scheduler.run_after(SECOND, Refs.do, text=3), "ArgumentValidationError"),
    (
        lambda ctx: ctx.scheduler.run_after(timedelta(days=2000), Refs.do, text="x"),
        "cannot be run 2,000 days from now; 1,825 are the most",
    ),
    (lambda ctx: ctx.scheduler.run_after(timedelta.max, Refs.do, text="x"), "999,999,999 days"),
    (lambda ctx: ctx.scheduler.run_at(LONG_AGO, Refs.do, text="x"), "days from now"),
    (
        lambda ctx: ctx.scheduler.run_at(datetime(2023, 1, 1), Refs.do, text="x"),
        "a time without a zone",
    ),
]


@pytest.mark.parametrize(("scheduled", "told"), REFUSED)
@pytest.mark.parametrize("kind", ["do", "act"])
async def test_what_cannot_be_scheduled_is_refused_at_once(
    kind: str, scheduled: Callable[[Any], Awaitable[object]], told: str
) -> None:
    async def steps(ctx: Any, _: str) -> str:
        return str(await scheduled(ctx))

    async with planner() as at:
        assert told in await at.failure(kind, steps)
        assert await at.jobs() == []


async def test_a_query_has_no_scheduler() -> None:
    assert not hasattr(QueryCtx, "scheduler")


@pytest.mark.parametrize(
    ("limits", "fits", "too_much", "told"),
    [
        (Limits(functions_scheduled=3), 3, 4, "would have scheduled 4 functions"),
        (Limits(bytes_scheduled=30), 2, 3, "scheduled functions with 36 bytes of arguments"),
        (Limits(scheduled_arguments_bytes=11), 0, 1, "a scheduled function have 12 bytes"),
    ],
)
async def test_limits_of_one_run(limits: Limits, fits: int, too_much: int, told: str) -> None:
    def several(count: int) -> Steps:
        async def steps(ctx: MutationCtx[Any], text: str) -> str:
            for _ in range(count):
                await scheduling("x")(ctx, text)
            return f"{ctx.meta.functions_scheduled.used} {ctx.meta.bytes_scheduled.used}"

        return steps

    async with planner(settings=replace(SETTINGS, limits=limits)) as at:
        assert await at.mutation(several(fits)) == f"{fits} {fits * 12}"
        assert told in await at.failure("do", several(too_much))
        assert len(await at.jobs()) == fits


@pytest.mark.parametrize("kind", ["do", "act"])
async def test_no_more_functions_wait_than_the_settings_say(kind: str) -> None:
    async def cancel(ctx: MutationCtx[Any], _: str) -> str:
        for job in await ctx.db.system.scheduled_functions.collect():
            await ctx.scheduler.cancel(job.id)
        return ""

    async def stubborn(ctx: MutationCtx[Any], text: str) -> str:
        with suppress(TooManyFunctionsPending):
            await scheduling("caught", SECOND)(ctx, text)
        return await scheduling("again", SECOND)(ctx, text)

    settings = replace(SETTINGS, limits=Limits(functions_pending=3))
    async with planner(settings=settings) as at:
        for _ in range(3):
            await at.mutation(scheduling("waits", SECOND))
        told = "3 scheduled functions wait to be run; the limit functions_pending is 3"
        assert told in await at.failure(kind, scheduling("one more", SECOND))
        assert told in await at.failure(kind, stubborn)
        await at.clock.move(1)  # what has run counts no more
        for _ in range(2):
            await at.mutation(scheduling("waits again", SECOND))
        await at.failure("do", raising_after(scheduling("undone", SECOND)))
        await at.mutation(scheduling("waits again", SECOND))
        assert told in await at.failure(kind, scheduling("one more", SECOND))
        await at.mutation(cancel)
        assert await at.mutation(scheduling("fits", SECOND))


def raising_after(steps: Steps) -> Steps:
    async def raising(ctx: Any, text: str) -> str:
        await steps(ctx, text)
        raise ValueError("undone")

    return raising


async def test_no_more_functions_run_at_once_than_the_settings_say() -> None:
    running: list[int] = [0, 0]

    async def slow(ctx: ActionCtx[Any], text: str) -> str:
        running[0] += 1
        running[1] = max(running)
        await at.clock.sleep(1)
        running[0] -= 1
        return text

    async def steps(ctx: MutationCtx[Any], text: str) -> str:
        for _ in range(50):
            await ctx.scheduler.run_after(timedelta(), Refs.act, text="slow")
        return text

    settings = replace(SETTINGS, scheduling=Scheduling(parallelism=4))
    async with planner(settings=settings) as at:
        at.script.steps["slow"] = slow
        await at.mutation(steps)
        await at.clock.move(12.5)
        assert (len(at.runs), running[1]) == (50, 4)
        await at.clock.move(1)
        assert set(await at.jobs()) == {"slow success"}


async def test_what_the_database_cannot_take_is_run_later_until_it_can() -> None:
    pausing = Pausing()
    async with planner(pauses=pausing) as at:
        await at.mutation(scheduling("stubborn", SECOND))
        pausing.fail(PausePoint.COMMIT_ADMITTED)
        await at.clock.move(1)
        assert await at.jobs() == ["stubborn pending"]
        await at.clock.move(0.5)
        assert (at.runs, await at.jobs()) == (["stubborn"] * 2, ["stubborn success"])


async def test_what_a_task_of_a_handler_could_not_read_is_run_later() -> None:
    troubles: list[Exception] = [sqlite3.OperationalError("disk I/O error"), ValueError("no")]

    async def steps(ctx: MutationCtx[Any], text: str) -> str:
        if len(at.runs) == 1:
            raise ExceptionGroup("tasks", [ExceptionGroup("more tasks", troubles)])
        return text

    async with planner() as at:
        at.script.steps["reads"] = steps
        await at.mutation(scheduling("reads"))
        await at.clock.move(1)
        assert (at.runs, await at.jobs()) == (["reads"] * 2, ["reads success"])


async def test_a_function_that_no_version_has_has_failed_after_a_while() -> None:
    async with planner() as at:
        await at.mutation(scheduling("gone", SECOND))
        runner = at.backend.executor.runner
        with_it = runner.application
        runner.application = replace(with_it, functions=Functions({}))
        await at.clock.move(500)
        runner.application = with_it
        assert await at.jobs() == ["gone pending"]
        runner.application = replace(with_it, functions=Functions({}))
        await at.clock.move(60)
        runner.application = with_it
        assert (at.runs, await at.jobs()) == ([], ["gone failed"])


async def test_a_function_that_only_another_process_knows_is_left_to_it() -> None:
    store, clock = MemoryStore(), MovableClock()
    async with (
        planner(store, clock=clock) as new,
        planner(store, seed=1, clock=clock) as old,
    ):
        runner = old.backend.executor.runner
        runner.application = replace(runner.application, functions=Functions({}))
        await new.mutation(scheduling("new", SECOND))
        await old.backend.database.refresh()
        await clock.move(1)
        await new.backend.database.refresh()
        await clock.move(10)
        assert (new.runs, await new.jobs()) == (["new"], ["new success"])


async def test_arguments_that_a_version_does_not_take_have_failed() -> None:
    async with planner() as at:

        async def steps(ctx: MutationCtx[Any], _: str) -> str:
            await ctx.scheduler.run_after(SECOND, Former.do, word="old")
            return ""

        await at.mutation(steps)
        await at.clock.move(1)
        assert (at.runs, await at.jobs()) == ([], [" failed"])


async def test_services_stay_open_while_a_mutation_of_a_replaced_version_runs() -> None:
    is_reached, may_go_on, is_closed = anyio.Event(), anyio.Event(), list[bool]()

    async def steps(ctx: MutationCtx[Any], text: str) -> str:
        is_reached.set()
        await may_go_on.wait()
        is_closed.append(at.backend._version is not old)
        is_closed.append(old._is_closed.is_set())
        return text

    settings = replace(SETTINGS, actions=Actions(grace_s=60))
    async with planner(settings=settings) as at:
        at.script.steps["slow"], old = steps, at.backend._version
        await at.mutation(scheduling("slow"))
        await at.clock.move(0)
        await is_reached.wait()
        await at.backend.replace(agenda(at.script))
        await at.clock.move(0)
        may_go_on.set()
        await at.clock.move(0)
        assert is_closed == [True, False]
        assert await at.jobs() == ["slow success"]


async def test_a_clock_that_was_ahead_and_is_set_back_hides_nothing() -> None:
    async with planner() as at:
        at.clock.set(at.clock.at_ns + int(DAY_S * 1e9))
        await at.clock.move(0)
        at.clock.set(at.clock.at_ns - int(DAY_S * 1e9))
        await at.clock.move(0)
        await at.mutation(scheduling("seen"))
        await at.clock.move(1)
        assert at.runs == ["seen"]


async def test_nothing_begins_while_a_server_drains() -> None:
    async with planner() as at:
        await at.mutation(scheduling("late", SECOND))
        await at.backend.drain()
        await at.clock.move(10)
        assert (at.runs, await at.jobs()) == ([], ["late pending"])


async def test_sixteen_days_of_nothing_take_no_step() -> None:
    async with planner() as at:
        await at.mutation(scheduling("far", timedelta(days=17)))
        await at.clock.move(700)  # once it looks whether anything came late
        before = at.clock._count
        await at.clock.move(16 * 86_400)
        # results are swept once in an hour or two, and nothing else wakes
        assert at.clock._count - before < 16 * 24
        await at.clock.move(86_400)
        assert at.runs == ["far"]


async def test_a_function_that_is_canceled_before_it_commits_leaves_nothing() -> None:
    pausing = Pausing()
    async with planner(pauses=pausing) as at:

        async def steps(ctx: MutationCtx[Any], _: str) -> str:
            return str(await ctx.scheduler.run_after(timedelta(), Refs.add, text="late"))

        async def cancel(ctx: MutationCtx[Any], text: str) -> str:
            await ctx.scheduler.cancel(job)
            return text

        hold = pausing.hold(PausePoint.JOB_RAN)
        job = job_id(await at.mutation(steps))
        await at.clock.move(0)
        await hold.wait_reached()
        await at.mutation(cancel)
        hold.release()
        await at.clock.move(10)
        assert (await at.texts(), await at.jobs()) == ([], ["late canceled"])


async def test_two_servers_run_a_function_once_whoever_scheduled_it() -> None:
    store, clock, script = MemoryStore(), MovableClock(), Script()
    async with (
        planner(store, clock=clock, script=script) as one,
        planner(store, seed=1, clock=clock, script=script) as other,
    ):
        for number in range(20):
            at = (one, other)[number % 2]
            await at.mutation(scheduling(f"{number}", SECOND))
        await other.backend.database.refresh()
        await clock.move(10)
        await one.backend.database.refresh()
        assert sorted(await one.jobs()) == sorted(f"{each} success" for each in range(20))


async def test_a_subscribed_query_shows_how_far_a_function_is() -> None:
    async with planner() as at:
        result = await at.backend.executor.run_query("agenda:jobs", {}, CLIENT)
        told: list[int] = []
        at.backend.database.subscribe(result.reads, result.ts, told.append)
        await at.mutation(scheduling("later", SECOND))
        assert len(told) == 1
