"""`ConnectionState`: how a client is connected, for those who want to show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How a client is connected at one moment, and what it is still waiting for."""

    is_connected: bool
    """Is a socket open? Calls wait for one if not."""

    has_ever_connected: bool

    connections: int
    """How many sockets were opened so far."""

    retries: int
    """How many attempts have failed since all was well last."""

    last_error: str | None
    """Why there is no connection, or why the last one ended; None before any has."""

    mutations_in_flight: int

    actions_in_flight: int

    oldest_in_flight_since: datetime | None
    """When the oldest mutation or action was called that has no answer yet; in UTC."""
