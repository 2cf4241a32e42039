"""What one socket has the server hold for it: requests that wait or run, and their size.

A frame is weighed before its message is kept. What it weighs is about the memory that its parsed
arguments take: a list of numbers or of empty lists takes many times the length of its text.
"""

from __future__ import annotations

from typing import Generic

from confect_core.errors import ProtocolError
from confect_server.settings import Sockets
from confect_server.transport.sync.effects import (
    TOO_MANY_ACTIONS,
    TOO_MANY_BYTES,
    TOO_MANY_MUTATIONS,
    Close,
    I,
    RunAction,
    RunMutation,
)

_SHORT = 1_024
_ITEM_BYTES = 64
_OBJECT_BYTES = 128
"""What one more item and one more object take beside their text; measured with empty lists."""


class TooManySubscriptions(ProtocolError):
    """A client that subscribes to more queries than a socket may; it would do so again."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This client subscribes to more than {limit:,} queries.",
            hint="Unsubscribe from what is no longer shown, or raise `subscriptions` in "
            "[tool.confect.sockets].",
        )


class ResultsTooLarge(ProtocolError):
    """Subscriptions whose results are too long to be sent together, as they have to be."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The queries that this client subscribes to answer more than {limit:,} bytes.",
            hint="Read long lists in pages, or raise `unsent_bytes` in [tool.confect.sockets].",
        )


def weigh(frame: str | bytes) -> int:
    """About how much memory the message of a frame takes."""
    length = len(frame)
    if length <= _SHORT:
        return length
    if isinstance(frame, bytes):
        return length + _ITEM_BYTES * frame.count(b",") + _OBJECT_BYTES * frame.count(b"{")
    return length + _ITEM_BYTES * frame.count(",") + _OBJECT_BYTES * frame.count("{")


class Waiting(Generic[I]):
    """The requests of one socket that are not answered yet, and what is held for it at all.

    What adds a request returns how the socket has to be closed if that is too much, or None.
    """

    __slots__ = ("_actions", "_actions_running", "_held", "_limits", "_mutations")

    def __init__(self, limits: Sockets) -> None:
        self._limits = limits
        self._mutations: list[tuple[RunMutation[I], int]] = []  # the first one is running
        self._actions: dict[int, int] = {}  # what those weigh that run
        self._actions_running = 0
        self._held = 0

    @property
    def is_empty(self) -> bool:
        """Is no request waiting or running?"""
        return not self._mutations and not self._actions_running

    def hold(self, weight: int) -> bool:
        """Hold so much more, or say that it is too much; what is alone may weigh what it likes."""
        if self._held and self._held + weight > self._limits.waiting_bytes:
            return False
        self._held += weight
        return True

    def let_go(self, weight: int) -> None:
        """Hold so much less."""
        self._held -= weight

    def add_mutation(self, run: RunMutation[I], weight: int) -> Close | None:
        """Put a mutation behind those that wait."""
        if len(self._mutations) >= self._limits.mutations:
            return TOO_MANY_MUTATIONS
        self._mutations.append((run, weight))
        return None if self.hold(weight) else TOO_MANY_BYTES

    @property
    def next_mutation(self) -> RunMutation[I] | None:
        """The mutation whose turn it is."""
        return self._mutations[0][0] if self._mutations else None

    def end_mutation(self, request_id: int) -> None:
        """The running mutation is answered, which must be this one."""
        run, weight = self._mutations.pop(0)
        answered = run.request.request_id
        if answered != request_id:
            raise ValueError(f"mutation {answered} is running, not {request_id}")
        self.let_go(weight)

    def add_action(self, run: RunAction[I], weight: int) -> Close | None:
        """Note that an action runs."""
        if self._actions_running >= self._limits.actions:
            return TOO_MANY_ACTIONS
        request_id = run.request.request_id
        self._actions_running += 1
        self._actions[request_id] = self._actions.get(request_id, 0) + weight
        return None if self.hold(weight) else TOO_MANY_BYTES

    def end_action(self, request_id: int) -> None:
        """An action has ended."""
        self._actions_running -= 1
        self.let_go(self._actions.pop(request_id, 0))
