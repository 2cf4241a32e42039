"""`RunRecord`: what is known of one run of a function, for logs, metrics and traces."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal, Protocol, TypeAlias

from confect_server.engine.limits import Usage
from confect_server.log import Lines

UNKNOWN = "unknown"
"""Stands for every path at which there is no function: clients may ask for any number of these."""

CallerKind: TypeAlias = Literal["client", "admin", "function", "schedule"]
"""Who called: anybody on the network, whoever runs the server, another function, or the time."""

OutcomeKind: TypeAlias = Literal["success", "declared", "refused", "failed", "cancelled"]
"""How a run ended: with a result, an error of its spec, an error of its caller, or a defect."""

_asked_as: ContextVar[str | None] = ContextVar("asked_as", default=None)


@contextmanager
def asked_as(request_id: str) -> Generator[None]:
    """Inside, runs are known by the id that a client has given its request."""
    before = _asked_as.set(request_id)
    try:
        yield
    finally:
        _asked_as.reset(before)  # a connection may go on to other requests in this context


@dataclass(slots=True, eq=False)
class RunRecord:
    """One run of a function by an entry, or by another function; filled in while it runs."""

    path: str
    called: str
    """Query, Mutation, Action, or Route."""
    caller: CallerKind
    request: tuple[str, int] | None = None
    """The session and the number of a request that has such."""
    began_s: float = field(default_factory=monotonic)
    is_known: bool = True
    """Is there such a function? Clients may ask for any path."""
    outcome: OutcomeKind = "cancelled"
    error: str | None = None
    """The class of the error, if there is one."""
    late_s: float | None = None
    """How much later than scheduled it began, if it was scheduled."""
    attempts: int = 1
    """How often a mutation ran until nobody was faster."""
    usage: Usage | None = None
    """What the last attempt of a query or a mutation has read and written."""
    lines: Lines | None = None
    """What it has said; of a mutation, what the last attempt has."""
    result_bytes: int = 0
    duration_s: float = 0.0
    _request_id: str | None = None

    @property
    def request_id(self) -> str:
        """The id that callers are told with an error: the same one after a reconnect."""
        if self._request_id is None:
            self._request_id = _id_of(self.request)
        return self._request_id


class Observer(Protocol):
    """Is told of every run that has ended, in the task of the run."""

    def ended(self, run: RunRecord) -> None:
        """A run has ended, however it did."""
        ...


class Tracer(Protocol):
    """Is told when a run begins, too, before the functions that it calls begin."""

    def began(self, run: RunRecord) -> None:
        """A run begins."""
        ...

    def ended(self, run: RunRecord) -> None:
        """A run has ended, however it did."""
        ...


def _id_of(request: tuple[str, int] | None) -> str:
    if request is None:
        return _asked_as.get() or secrets.token_hex(8)
    session_id, number = request
    return hashlib.sha256(f"{session_id}|{number}".encode()).hexdigest()[:16]
