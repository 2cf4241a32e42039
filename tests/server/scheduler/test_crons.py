"""Crons: run again and again, never two at once, in a history that one can look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from confect_core.errors import SpecError
from confect_server import (
    ActionCtx,
    Cron,
    CronJob,
    CronRun,
    Every,
    JobCanceled,
    JobSuccess,
    MutationCtx,
    Recurrence,
    Retention,
    Scheduling,
    Settings,
    cron,
    daily,
)
from confect_server.runtime.job_runs import STOPPED
from confect_server.runtime.lease import Lease
from confect_server.scheduler.errors import (
    BadCronArguments,
    BadCronName,
    CronOfNothing,
    DuplicateCron,
)
from confect_server.settings import Sharing
from confect_server.store import MemoryStore
from tests.server.scheduler.agenda import (
    SETTINGS,
    MovableClock,
    Planner,
    Refs,
    Script,
    Steps,
    agenda,
    planner,
)
from tests.server.scheduler.test_scheduled_actions import stands_still
from tests.server.scheduler.worker import Refs as ElsewhereRefs
from tests.server.stores import NOW_NS

START = datetime.fromtimestamp(NOW_NS / 1e9, UTC)  # 22:13:20
MINUTE = timedelta(minutes=1)
DAY_S = 86_400.0


def tick(recurrence: Recurrence, text: str = "tick") -> Cron:
    return cron("tick", recurrence, Refs.do, text=text)


def act(recurrence: Recurrence) -> Cron:
    return cron("tick", recurrence, Refs.act, text="act")


def ms(at: datetime) -> float:
    return at.timestamp() * 1000


async def stored(at: Planner) -> list[CronJob]:
    found: list[CronJob] = []

    async def steps(ctx: MutationCtx[Any], _: str) -> str:
        found.extend(await ctx.crons.list())
        assert found == await ctx.db.system.crons.collect()
        return ""

    await at.mutation(steps)
    return found


async def runs(at: Planner) -> list[CronRun]:
    found: list[CronRun] = []

    async def steps(ctx: MutationCtx[Any], _: str) -> str:
        found.extend(await ctx.db.system.cron_runs.collect())
        return ""

    await at.mutation(steps)
    return found


async def test_an_interval_begins_at_once_and_keeps_its_rhythm() -> None:
    async with planner(crons=[tick(Every(MINUTE))]) as at:
        await at.clock.move(0)
        assert at.runs == ["tick"]
        await at.clock.move(59.999)
        assert at.runs == ["tick"]
        await at.clock.move(0.001)
        assert at.runs == ["tick", "tick"]
        [job] = await stored(at)
        assert (job.name, job.function, job.args) == ("tick", "agenda:do", {"text": "tick"})
        assert (job.recurrence, job.next_time) == (Every(MINUTE), ms(START + 2 * MINUTE))
        assert job.is_declared


async def test_a_month_of_days() -> None:
    async with planner(crons=[tick(daily(hour=3, timezone="Europe/Berlin"))]) as at:
        await at.clock.move(30 * DAY_S)
        assert len(at.runs) == 30
        [job] = await stored(at)
        assert job.next_time == ms(datetime(2023, 12, 15, 2, 0, tzinfo=UTC))


async def test_the_history_says_how_runs_ended_and_is_kept_for_a_while() -> None:
    failing = cron("fails", Every(30 * MINUTE), Refs.refuse)
    settings = Settings(sharing=Sharing(poll_s=None), retention=Retention(sweep_s=3600))
    crons = [tick(Every(30 * MINUTE)), failing]
    async with planner(crons=crons, settings=settings) as at:
        await at.clock.move(0)
        first, second = sorted(await runs(at), key=lambda run: run.cron)
        assert (first.cron, second.cron) == ("fails", "tick")
        assert (first.state.kind, second.state) == ("failed", JobSuccess())
        assert second.scheduled_time == second.completed_time == ms(START)
        assert second.skipped_since is None
        await at.clock.move(8 * DAY_S)
        assert len(await runs(at)) == pytest.approx(2 * 7 * 24 * 2, rel=0.02)


async def test_runs_do_not_overlap_and_what_is_missed_is_skipped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = anyio.Event()

    async def slow(ctx: ActionCtx[Any], text: str) -> str:
        await gate.wait()
        return text

    async with planner(crons=[act(Every(MINUTE))]) as at:
        at.script.steps["act"] = slow
        await at.clock.move(5.5 * 60)
        assert at.runs == ["act"]
        gate.set()
        await at.clock.move(0)
        [run] = await runs(at)
        assert run.skipped_since == ms(START + MINUTE)
        assert "cron 'tick' skips its runs" in caplog.text
        await at.clock.move(30)
        assert at.runs == ["act", "act"]


async def test_a_server_that_was_down_runs_once_and_skips_the_rest() -> None:
    store, clock = MemoryStore(), MovableClock()
    async with planner(store, clock=clock, crons=[tick(Every(MINUTE))]) as at:
        await clock.move(0)
        assert at.runs == ["tick"]
    clock.at_ns += int(10.5 * 60e9)
    async with planner(store, seed=1, clock=clock, crons=[tick(Every(MINUTE))]) as at:
        await clock.move(0)
        assert at.runs == ["tick"]
        assert [run.skipped_since for run in await runs(at)] == [None, ms(START + 2 * MINUTE)]
        await clock.move(30)
        assert at.runs == ["tick", "tick"]


async def changed_to(*later: Cron, after_s: float = 90) -> Planner:
    """A planner in which these crons have followed one that ran every minute."""
    script = Script()
    async with planner(crons=[tick(Every(MINUTE))], script=script) as at:
        await at.clock.move(after_s)
        script.runs.clear()
        await at.backend.replace(agenda(script, *later))
        await at.clock.move(DAY_S)
        return at


async def test_of_each_cron_only_the_last_runs_are_kept() -> None:
    often, seldom = tick(Every(MINUTE)), cron("seldom", Every(60 * MINUTE), Refs.do, text="seldom")
    settings = replace(SETTINGS, scheduling=Scheduling(cron_runs=20, results_s=DAY_S))
    async with planner(crons=[often, seldom], settings=settings) as at:
        await at.clock.move(10 * 3600)
        kept = Counter(run.cron for run in await runs(at))
        since_sweep = int(DAY_S / 100 / 60) + 1
        assert kept["seldom"] == 11
        assert 20 <= kept["tick"] <= 20 + since_sweep
        assert max(run.scheduled_time for run in await runs(at)) == ms(START) + 10 * 3_600_000
        ended = [each for each in await at.jobs() if each.endswith("success")]
        assert len(ended) == kept.total()


@pytest.mark.parametrize(
    ("later", "count"),
    [
        ([], 0),
        ([tick(Every(MINUTE))], 1440),
        ([tick(Every(MINUTE), "tock")], 1440),
        ([tick(Every(60 * MINUTE))], 25),  # at once, and after each hour
        ([tick(daily(hour=3))], 1),
        ([cron("other", Every(60 * MINUTE), Refs.do, text="other")], 25),
    ],
)
async def test_another_version_of_the_application_brings_its_crons(
    later: Sequence[Cron], count: int
) -> None:
    at = await changed_to(*later)
    expected = later[0].kwargs["text"] if later else ""
    assert at.runs == [expected] * count


async def test_a_running_action_is_followed_by_the_new_plan_once_it_has_ended() -> None:
    gate, script = anyio.Event(), Script()

    async def slow(ctx: ActionCtx[Any], text: str) -> str:
        await gate.wait()
        return text

    script.steps["act"] = slow
    async with planner(crons=[act(Every(MINUTE))], script=script) as at:
        await at.clock.move(90)
        await at.backend.replace(agenda(script, act(Every(60 * MINUTE))))
        await at.clock.move(600)
        assert at.runs == ["act"]
        gate.set()
        await at.clock.move(3600)
        assert at.runs == ["act", "act"]


async def test_a_canceled_run_is_skipped_and_the_next_one_comes() -> None:
    async def cancel(ctx: MutationCtx[Any], _: str) -> str:
        [job] = await ctx.crons.list()
        await ctx.scheduler.cancel(job.job)
        return ""

    async with planner(crons=[tick(Every(MINUTE))]) as at:
        await at.clock.move(30)
        await at.mutation(cancel)
        assert [run.state for run in await runs(at)] == [JobSuccess(), JobCanceled()]
        await at.clock.move(60)
        assert at.runs == ["tick"]
        await at.clock.move(60)
        assert at.runs == ["tick", "tick"]


async def test_the_next_run_waits_for_one_that_was_canceled_while_it_runs() -> None:
    gate = anyio.Event()

    async def slow(ctx: ActionCtx[Any], text: str) -> str:
        await gate.wait()
        return text

    async def cancel(ctx: MutationCtx[Any], _: str) -> str:
        [job] = await ctx.crons.list()
        await ctx.scheduler.cancel(job.job)
        return ""

    async with planner(crons=[act(Every(MINUTE))]) as at:
        at.script.steps["act"] = slow
        await at.clock.move(1)
        await at.mutation(cancel)
        await at.clock.move(600)
        assert at.runs == ["act"]
        gate.set()
        await at.clock.move(60)
        assert at.runs == ["act", "act"]
        assert [run.state for run in await runs(at)] == [JobCanceled(), JobSuccess()]


async def test_a_cron_goes_on_after_the_server_stopped_while_it_ran() -> None:
    store, clock, script = MemoryStore(), MovableClock(), Script()

    async def forever(ctx: ActionCtx[Any], text: str) -> str:
        await anyio.sleep_forever()
        return text

    script.steps["act"] = forever
    crons = [act(Every(MINUTE))]
    async with planner(store, clock=clock, crons=crons, script=script) as at:
        await clock.move(1)
        assert at.runs == ["act"]
    async with planner(store, seed=1, clock=clock, crons=crons) as at:
        assert [getattr(run.state, "error", "") for run in await runs(at)] == [STOPPED]
        await clock.move(60)
        assert at.runs == ["act"]


@pytest.mark.parametrize("is_canceled", [False, True])
async def test_a_cron_goes_on_after_the_process_died_while_it_ran(
    is_canceled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, clock, script = MemoryStore(), MovableClock(), Script()

    async def forever(ctx: ActionCtx[Any], text: str) -> str:
        await anyio.sleep_forever()
        return text

    async def cancel(ctx: MutationCtx[Any], _: str) -> str:
        [job] = await ctx.crons.list()
        await ctx.scheduler.cancel(job.job)
        return ""

    script.steps["act"] = forever
    crons = [act(Every(MINUTE))]
    async with planner(store, clock=clock, crons=crons, script=script) as dead:
        await clock.move(1)
        if is_canceled:
            await dead.mutation(cancel)
        monkeypatch.setattr(Lease, "renewed", stands_still)
        settings = replace(SETTINGS, scheduling=Scheduling(parallelism=0))
        async with planner(store, seed=1, clock=clock, crons=crons, settings=settings) as other:
            await clock.move(40)
            expected = "canceled" if is_canceled else "failed"
            assert [run.state.kind for run in await runs(other)] == [expected]
            [job] = await stored(other)
            assert job.next_time == ms(START + MINUTE)


async def test_mutations_register_and_delete_crons() -> None:
    async def register(ctx: MutationCtx[Any], _: str) -> str:
        await ctx.crons.register("mine", Every(MINUTE), Refs.do, text="mine")
        return ""

    async def delete(ctx: MutationCtx[Any], _: str) -> str:
        await ctx.crons.delete("mine")
        return ""

    async with planner(crons=[tick(daily(hour=3))]) as at:
        assert "there is no cron 'mine'" in await at.failure("do", delete)
        await at.mutation(register)
        assert "there is a cron 'mine' already" in await at.failure("do", register)
        await at.clock.move(60)
        assert at.runs == ["mine", "mine"]
        assert [(job.name, job.is_declared) for job in await stored(at)] == [
            ("tick", True),
            ("mine", False),
        ]
        # it is not the application's, so another version leaves it alone
        await at.backend.replace(agenda(at.script))
        assert [job.name for job in await stored(at)] == ["mine"]
        await at.clock.move(60)
        await at.mutation(delete)
        assert await stored(at) == []
        await at.clock.move(DAY_S)
        assert at.runs == ["mine"] * 3


async def test_a_mutation_that_fails_registers_nothing() -> None:
    async def steps(ctx: MutationCtx[Any], _: str) -> str:
        await ctx.crons.register("mine", Every(MINUTE), Refs.do, text="mine")
        raise ValueError("no")

    async with planner() as at:
        await at.failure("do", steps)
        await at.clock.move(60)
        assert (at.runs, await stored(at)) == ([], [])


async def registering_a_declared_one(ctx: MutationCtx[Any], _: str) -> str:
    return str(await ctx.crons.register("tick", Every(MINUTE), Refs.do, text="mine"))


async def deleting_a_declared_one(ctx: MutationCtx[Any], _: str) -> str:
    await ctx.crons.delete("tick")
    return ""


async def registering_a_query(ctx: MutationCtx[Any], _: str) -> str:
    anything: Any = Refs.texts
    return str(await ctx.crons.register("mine", Every(MINUTE), anything))


async def registering_without_a_name(ctx: MutationCtx[Any], _: str) -> str:
    return str(await ctx.crons.register(" ", Every(MINUTE), Refs.do, text="mine"))


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (registering_a_declared_one, "there is a cron 'tick' already"),
        (deleting_a_declared_one, "declared by the application"),
        (registering_a_query, "agenda:texts is a query"),
        (registering_without_a_name, "BadCronName"),
    ],
)
async def test_what_cannot_be_a_cron_is_refused(steps: Steps, told: str) -> None:
    async with planner(crons=[tick(daily(hour=3))]) as at:
        assert told in await at.failure("do", steps)
        assert [job.name for job in await stored(at)] == ["tick"]


async def test_a_declared_cron_takes_the_name_of_one_that_was_registered() -> None:
    async with planner() as at:
        await at.mutation(registering_a_declared_one)
        await at.backend.replace(agenda(at.script, tick(daily(hour=3))))
        [job] = await stored(at)
        assert (job.is_declared, job.args) == (True, {"text": "tick"})


ANYTHING: Any = 3


@pytest.mark.parametrize(
    ("crons", "mistakes"),
    [
        ([tick(Every(MINUTE)), tick(daily(hour=3))], [DuplicateCron, DuplicateCron]),
        ([cron("täglich", daily(hour=3), Refs.do, text="x")], [BadCronName]),
        ([cron("x", daily(hour=3), Refs.do, text=ANYTHING)], [BadCronArguments]),
        (
            [cron("x", daily(hour=3), ElsewhereRefs.change, text="x", children=0)],
            [CronOfNothing],
        ),
    ],
)
def test_mistakes_in_declared_crons_are_found_before_anything_runs(
    crons: list[Cron], mistakes: list[type[SpecError]]
) -> None:
    found = agenda(Script(), *crons).mistakes()
    assert [type(each) for each in found] == mistakes
    assert all(str(each.where).startswith(__file__) for each in found)
