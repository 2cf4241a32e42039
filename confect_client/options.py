"""`CallOptions`: what holds for the calls of one view of a client, besides their arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

OnError: TypeAlias = Callable[[Exception], None]
"""Is told why a callback has no result to be called with."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How the calls of a client are made; options never mix with the arguments of a function."""

    timeout_s: float | None = None
    """How long a call waits for its answer before it raises `CallTimedOut`; None is for ever."""

    on_error: OnError | None = None
    """Who is told when a query with a callback fails; None is the logger `confect_client`."""
