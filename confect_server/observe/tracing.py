"""`Tracing`: a span of OpenTelemetry for each run, inside the span of whoever called.

Only imported where the settings ask for it: OpenTelemetry is an extra. Where spans and metrics go
is for its SDK to say, which whoever runs the server sets up.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import Token
from typing import TypeVar

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation, get_meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider

from confect_server.observe.logs import fields_of
from confect_server.observe.metrics import Counter, Histogram, Labels, Metrics
from confect_server.observe.run_record import UNKNOWN, RunRecord

V = TypeVar("V")

NAME = "confect"


class Tracing:
    """Makes spans of runs; the fields of logs are their attributes."""

    def __init__(
        self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer(NAME, tracer_provider=tracers)
        self._meter = get_meter(NAME, meter_provider=meters)
        self._open: dict[int, tuple[Span, Token[Context]]] = {}

    def began(self, run: RunRecord) -> None:
        """Begin a span, which is the present one for whatever the run calls."""
        kind = SpanKind.INTERNAL if run.caller == "function" else SpanKind.SERVER
        name = f"{run.called.lower()} {run.path if run.is_known else UNKNOWN}"
        span = self._tracer.start_span(name, kind=kind)
        self._open[id(run)] = span, context.attach(trace.set_span_in_context(span))

    def ended(self, run: RunRecord) -> None:
        """End the span of a run with what the run was."""
        span, token = self._open.pop(id(run))
        for name, value in fields_of(run).items():
            if isinstance(value, (str, int, float)):
                span.set_attribute(f"{NAME}.{name}", value)
        if run.outcome == "failed":
            span.set_status(Status(StatusCode.ERROR, run.error))
        span.end()
        context.detach(token)

    @contextmanager
    def continued(self, headers: Iterable[tuple[bytes, bytes]]) -> Generator[None]:
        """Inside, spans belong to the trace that the headers of a request name, if they do.

        Unless something around the server has begun a span for the request already.
        """
        if trace.get_current_span().get_span_context().is_valid:
            yield
            return
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        token = context.attach(propagate.extract(carrier))
        try:
            yield
        finally:
            context.detach(token)

    def export(self, metrics: Metrics) -> None:
        """Let OpenTelemetry read what is counted; of distributions, their counts and sums."""
        for name, help, metric in metrics.all():
            _export(self._meter, name, help, metric, is_total=metrics.is_total(name))


def _export(
    meter: Meter,
    name: str,
    help: str,
    metric: Counter | Histogram | Callable[[], float],
    *,
    is_total: bool,
) -> None:
    if isinstance(metric, Counter):
        read = _labelled(metric.labels, metric.values, float)
        meter.create_observable_counter(name, [read], description=help)
    elif isinstance(metric, Histogram):
        sums = _labelled(metric.labels, metric.sums, float)
        meter.create_observable_counter(f"{name}_sum", [sums], description=help)
        counts = _labelled(metric.labels, metric.counts, lambda counts: float(sum(counts)))
        meter.create_observable_counter(f"{name}_count", [counts], description=help)
    elif is_total:
        meter.create_observable_counter(name, [_plain(metric)], description=help)
    else:
        meter.create_observable_gauge(name, [_plain(metric)], description=help)


def _labelled(
    names: Iterable[str], values: Mapping[Labels, V], number: Callable[[V], float]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(_: CallbackOptions) -> Iterable[Observation]:
        for labels, value in values.items():
            yield Observation(number(value), dict(zip(names, labels, strict=True)))

    return read


def _plain(
    number: Callable[[], float],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(number())]
