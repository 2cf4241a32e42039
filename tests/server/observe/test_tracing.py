"""Spans of OpenTelemetry: one for each run, inside the span of whoever called."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from confect_core import ref
from confect_server import BlockingActionCtx, Observing, Settings
from confect_server.errors import NoOpenTelemetry
from confect_server.observe.tracing import Tracing
from confect_server.transport import AdminKey, ConfectAsgi
from tests.server.runtime.workshop import Work, Workshop, workshop

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@dataclass
class Traced:
    at: Workshop
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def measured(self) -> dict[str, float]:
        """The sum of all points of each metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        (resource,) = data.resource_metrics
        (scope,) = resource.scope_metrics
        return {
            metric.name: sum(getattr(point, "value", 0.0) for point in metric.data.data_points)
            for metric in scope.metrics
        }


@asynccontextmanager
async def traced() -> AsyncGenerator[Traced]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    async with workshop() as at:
        at.backend.trace(Tracing(tracers, meters))
        yield Traced(at, exporter, reader)
    tracers.shutdown()
    meters.shutdown()


async def test_a_nested_call_is_a_span_inside_that_of_its_caller_even_from_a_thread() -> None:
    async with traced() as it:
        await it.at.run("half", number=8.0)
        outer, inner = it.spans()["action work:half"], it.spans()["mutation work:double"]
        assert outer.parent is None
        assert outer.context is not None
        assert inner.parent is not None
        assert inner.parent.span_id == outer.context.span_id
        assert (outer.kind, inner.kind) == (SpanKind.SERVER, SpanKind.INTERNAL)
        assert outer.attributes is not None
        assert outer.attributes["confect.outcome"] == "success"
        assert outer.attributes["confect.function"] == "work:half"


async def test_a_defect_makes_its_span_an_error() -> None:
    async with traced() as it:

        def block(ctx: BlockingActionCtx[Any]) -> str:
            ctx.run_mutation(ref("work:double", Work.double), number=1)
            raise ValueError("a defect")

        it.at.script.block = block
        await it.at.failure("block")
        failed, went_well = it.spans()["action work:block"], it.spans()["mutation work:double"]
        assert (failed.status.status_code, failed.status.description) == (
            StatusCode.ERROR,
            "ValueError",
        )
        assert went_well.status.status_code is StatusCode.UNSET


async def test_a_request_continues_the_trace_that_it_names() -> None:
    async with traced() as it:
        app = ConfectAsgi(it.at.backend, AdminKey("k"))
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as http:
            headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
            body = {"path": "work:half", "args": {"number": 4}}
            await http.post("/api/action", json=body, headers=headers)
            await http.post("/api/action", json=body)
        continued, own = (
            span for span in it.exporter.get_finished_spans() if span.name == "action work:half"
        )
        assert continued.parent is not None
        assert f"{continued.parent.trace_id:x}" == TRACE.lstrip("0")
        assert f"{continued.parent.span_id:x}" == SPAN
        assert own.parent is None
        measured = it.measured()
        assert measured["confect_runs_total"] == 4
        assert measured["confect_run_seconds_count"] == 4
        assert measured["confect_threads_busy"] == 0


async def test_settings_ask_for_spans() -> None:
    async with workshop(Settings(observing=Observing(opentelemetry=True))) as at:
        assert at.backend.tracing is not None
        assert await at.run("half", number=8.0) == 4.0


async def test_spans_without_what_makes_them_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "confect_server.observe.tracing")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(NoOpenTelemetry):
        async with workshop(Settings(observing=Observing(opentelemetry=True))):
            pass
