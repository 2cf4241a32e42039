"""`Metrics`: counts that are kept until somebody asks, in the text format of Prometheus.

Written by hand: the client library locks on each count and keeps a registry of the whole process,
while everything here is counted on one loop and belongs to one server.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

Labels: TypeAlias = tuple[str, ...]

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Counter:
    """Counts by labels, of which there must be few."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels, by: float = 1) -> None:
        """Count some more."""
        self.values[labels] = self.values.get(labels, 0) + by


class Histogram:
    """Counts of durations up to each bound, by labels."""

    def __init__(self, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self.labels = labels
        self.bounds = bounds
        self.counts: dict[Labels, list[int]] = {}
        self.sums: dict[Labels, float] = {}

    def observe(self, labels: Labels, value: float) -> None:
        """Count one more."""
        counts = self.counts.get(labels)
        if counts is None:
            counts = self.counts[labels] = [0] * (len(self.bounds) + 1)
            self.sums[labels] = 0.0
        counts[bisect_left(self.bounds, value)] += 1
        self.sums[labels] += value


class Metrics:
    """Everything that is counted, each under a name that says its unit."""

    def __init__(self) -> None:
        self._helps: dict[str, str] = {}
        self._metrics: dict[str, Counter | Histogram | Callable[[], float]] = {}
        self._are_totals: set[str] = set()

    def counter(self, name: str, help: str, *labels: str) -> Counter:
        """A new count that only grows."""
        counter = Counter(labels)
        self.take(name, help, counter)
        return counter

    def take(self, name: str, help: str, counter: Counter) -> None:
        """Tell of a count that somebody else has made."""
        self._helps[name], self._metrics[name] = help, counter

    def histogram(self, name: str, help: str, *labels: str, bounds: Sequence[float]) -> Histogram:
        """A new distribution."""
        histogram = Histogram(labels, bounds)
        self._helps[name], self._metrics[name] = help, histogram
        return histogram

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """A number that is read when somebody asks; one that only grows is a `total`."""
        self._helps[name], self._metrics[name] = help, read
        if name.endswith("_total"):
            self._are_totals.add(name)

    def all(self) -> Iterator[tuple[str, str, Counter | Histogram | Callable[[], float]]]:
        """Every name with what it is and what is counted."""
        return ((name, self._helps[name], metric) for name, metric in self._metrics.items())

    def is_total(self, name: str) -> bool:
        """Does a number that is read when somebody asks only grow?"""
        return name in self._are_totals

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return "".join(line for name in self._metrics for line in self._lines(name)).encode()

    def _lines(self, name: str) -> Iterator[str]:
        metric = self._metrics[name]
        yield f"# HELP {name} {self._helps[name]}\n"
        yield f"# TYPE {name} {self._kind(name)}\n"
        if isinstance(metric, Counter):
            for labels, value in metric.values.items():
                yield f"{name}{_shown(metric.labels, labels)} {value:g}\n"
        elif isinstance(metric, Histogram):
            yield from _histogram_lines(name, metric)
        else:
            yield f"{name} {float(metric())!r}\n"

    def _kind(self, name: str) -> str:
        metric = self._metrics[name]
        if isinstance(metric, Histogram):
            return "histogram"
        return "counter" if isinstance(metric, Counter) or name in self._are_totals else "gauge"


def _histogram_lines(name: str, histogram: Histogram) -> Iterator[str]:
    names = (*histogram.labels, "le")
    bounds = (*(f"{bound:g}" for bound in histogram.bounds), "+Inf")
    for labels, counts in histogram.counts.items():
        total = 0
        for bound, count in zip(bounds, counts, strict=True):
            total += count
            yield f"{name}_bucket{_shown(names, (*labels, bound))} {total}\n"
        shown = _shown(histogram.labels, labels)
        yield f"{name}_sum{shown} {histogram.sums[labels]!r}\n"
        yield f"{name}_count{shown} {total}\n"


def _shown(names: Sequence[str], values: Labels) -> str:
    if not names:
        return ""
    pairs = zip(names, values, strict=True)
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
