"""Scheduled functions are runs like any other: they are told of, and what they say is."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from confect_core import Ref
from confect_server.engine import Conflict
from confect_server.log import LogLine
from confect_server.observe import Metrics, RunMetrics, RunRecord
from confect_server.observe.tracing import Tracing
from tests.server.scheduler.agenda import Planner, Refs, Steps, planner


class Listener:
    """Keeps the runs that nobody called."""

    def __init__(self, at: Planner) -> None:
        self.runs: list[RunRecord] = []
        self.lines: list[LogLine] = []
        at.backend.observe(self)
        at.backend.executor.runner.observers.listen(self.lines.append)

    def ended(self, run: RunRecord) -> None:
        if run.caller == "schedule":
            self.runs.append(run)

    @property
    def messages(self) -> list[str]:
        return [line.getMessage() for line in self.lines]


async def run_soon(at: Planner, ref: Ref[..., Any], steps: Steps) -> None:
    """Schedule a function for now, and let it run."""

    async def schedule(ctx: Any, _: str) -> str:
        return str(await ctx.scheduler.run_after(timedelta(), ref, text="job"))

    at.script.steps["job"] = steps
    await at.mutation(schedule)
    await at.clock.move(0)


@pytest.mark.parametrize("ref", [Refs.do, Refs.act])
async def test_a_scheduled_function_is_a_run_that_the_schedule_calls(ref: Ref[..., Any]) -> None:
    async def steps(ctx: Any, text: str) -> str:
        ctx.log.info("working on %s", text)
        return text

    async with planner() as at:
        listener = Listener(at)
        await run_soon(at, ref, steps)
        (run,) = listener.runs
        assert (run.path, run.outcome, run.attempts) == (ref.path, "success", 1)
        assert run.called == ("Mutation" if ref is Refs.do else "Action")
        (line,) = listener.lines
        assert (line.getMessage(), line.function) == ("working on job", ref.path)
        assert line.request_id == run.request_id


@pytest.mark.parametrize("ref", [Refs.do, Refs.act])
async def test_a_scheduled_function_that_fails_is_told_of_under_one_id(
    ref: Ref[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def steps(ctx: Any, text: str) -> str:
        ctx.log.warning("it will fail")
        raise ValueError("a defect")

    async with planner() as at:
        listener = Listener(at)
        await run_soon(at, ref, steps)
        (run,) = listener.runs
        assert (run.outcome, run.error) == ("failed", "ValueError")
        said, failed = (r for r in caplog.records if r.levelno >= logging.WARNING)
        assert said.getMessage() == "it will fail"
        assert f"[Request ID: {run.request_id}]" in failed.getMessage()
        assert listener.lines[0].request_id == run.request_id


async def test_how_late_a_scheduled_function_began_is_counted() -> None:
    async def steps(ctx: Any, text: str) -> str:
        running.append(at.backend.executor.scheduled_runs)
        return text

    async def schedule(ctx: Any, _: str) -> str:
        return str(await ctx.scheduler.run_after(timedelta(seconds=2), Refs.do, text="job"))

    running: list[int] = []
    async with planner() as at:
        listener, metrics = Listener(at), Metrics()
        at.backend.observe(RunMetrics(metrics))
        at.script.steps["job"] = steps
        await at.mutation(schedule)
        at.clock.at_ns += 5_000_000_000
        await at.clock.move(0)
        (run,) = listener.runs
        assert run.late_s == pytest.approx(3.0)
        assert b"confect_scheduled_late_seconds_count 1\n" in metrics.text()
        assert b'confect_scheduled_late_seconds_bucket{le="2.5"} 0\n' in metrics.text()
        assert running == [1]
        assert at.backend.executor.scheduled_runs == 0


@pytest.mark.parametrize("ref", [Refs.do, Refs.act])
async def test_what_a_scheduled_function_calls_is_in_its_trace(
    ref: Ref[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def steps(ctx: Any, text: str) -> str:
        await ctx.run_mutation(Refs.add, text=text)
        return text

    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    async with planner() as at:
        at.backend.trace(Tracing(tracers))
        await run_soon(at, ref, steps)
    tracers.shutdown()
    spans = {span.name.split()[1]: span for span in exporter.get_finished_spans()[-2:]}
    outer, inner = spans[ref.path], spans[Refs.add.path]
    assert outer.parent is None
    assert outer.context is not None
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert outer.attributes is not None
    assert outer.attributes["confect.caller"] == "schedule"
    assert caplog.records == []  # a span that ends in another task leaves a complaint


async def test_what_a_scheduled_mutation_said_before_it_lost_is_not_told() -> None:
    attempts: list[None] = []

    async def steps(ctx: Any, text: str) -> str:
        attempts.append(None)
        ctx.log.info("attempt %s", len(attempts))
        if len(attempts) < 2:
            raise Conflict(0, 0)
        return text

    async with planner() as at:
        listener = Listener(at)
        await run_soon(at, Refs.do, steps)
        await at.clock.move(1)
        assert listener.messages == ["attempt 2"]
        assert [(run.outcome, run.attempts) for run in listener.runs] == [("success", 2)]


async def test_a_function_that_is_canceled_in_time_is_no_run() -> None:
    async def schedule(ctx: Any, _: str) -> str:
        job = await ctx.scheduler.run_after(timedelta(seconds=1), Refs.do, text="job")
        await ctx.scheduler.cancel(job)
        return ""

    async with planner() as at:
        listener = Listener(at)
        await at.mutation(schedule)
        await at.clock.move(10)
        assert listener.runs == []
