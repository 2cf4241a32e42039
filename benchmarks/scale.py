"""`Scale`: how large everything is that a benchmark makes and measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The sizes of one run of the benchmarks."""

    rounds: int
    """How often ours and the peer are measured in turn."""
    calls: int
    """How many calls a round makes."""
    least_calls: int
    """How many calls over HTTP a round makes at least."""
    burst_s: float
    """How long a round of calls over HTTP, or of updates, is to last."""
    documents: int
    """In the table that is queried."""
    many_documents: int
    """In the table that is meant to be large."""
    tail_documents: int
    """In the table into which is inserted while the slowest of the calls are looked for."""
    subscriptions: tuple[int, ...]
    """How many subscriptions stand beside a write that they do not depend on."""
    idle_sockets: int
    """How many sockets hold a subscription and do nothing."""
    active_sockets: int
    """How many sockets mutate without a pause."""
    subscribers: int
    """How many sockets are told of each update."""
    updates: int
    """How many updates a round makes at least."""


FULL = Scale(
    rounds=15,
    calls=2_000,
    least_calls=500,
    burst_s=0.7,
    documents=100_000,
    many_documents=1_000_000,
    tail_documents=300_000,
    subscriptions=(100, 10_000, 100_000),
    idle_sockets=1_000,
    active_sockets=200,
    subscribers=1_000,
    updates=10,
)
"""What the targets are about."""

QUICK = Scale(
    rounds=5,
    calls=1_000,
    least_calls=200,
    burst_s=0.3,
    documents=20_000,
    many_documents=50_000,
    tail_documents=20_000,
    subscriptions=(100, 1_000, 10_000),
    idle_sockets=300,
    active_sockets=60,
    subscribers=1_000,
    updates=10,
)
"""A first impression in a minute or so; the targets are not about it."""

SMOKE = Scale(
    rounds=1,
    calls=64,
    least_calls=64,
    burst_s=0.0,
    documents=1_000,
    many_documents=2_000,
    tail_documents=1_000,
    subscriptions=(10, 20),
    idle_sockets=10,
    active_sockets=4,
    subscribers=10,
    updates=2,
)
"""Just enough to see that every benchmark still runs."""
