"""All benchmarks, by the names that they are asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks import (
    fanout,
    hot_counter,
    http,
    invalidation,
    memory,
    mutation,
    query,
    socket_mutation,
    sockets,
    table_size,
    tail,
)
from benchmarks.result import Result
from benchmarks.scale import Scale

Benchmark: TypeAlias = Callable[[Scale, Path], Awaitable[list[Result]]]
"""Measures with files in a folder that benchmarks share; says what it found."""

BENCHMARKS: Final[dict[str, Benchmark]] = {
    "mutation": mutation.measure,
    "hot-counter": hot_counter.measure,
    "query": query.measure,
    "invalidation": invalidation.measure,
    "table-size": table_size.measure,
    "tail": tail.measure,
    "memory": memory.measure,
    "sockets": sockets.measure,
    "socket-mutation": socket_mutation.measure,
    "fanout": fanout.measure,
    "http": http.measure,
}
