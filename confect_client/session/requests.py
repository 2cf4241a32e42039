"""The mutations and actions of a client, from the call to its one answer, across connections.

A mutation is sent again on every connection until its answer has come and the results on screen
include it; the server runs it once, because it knows the session and the request by their ids. An
action that was sent is never sent again, because nobody could tell how far it came.
"""

from __future__ import annotations

from collections.abc import Collection

from confect_client.errors import ConnectionLost, ServerRefused
from confect_client.session.events import Raised, Returned, Settled
from confect_core.protocol import (
    Action,
    ActionSucceeded,
    FunctionPath,
    JsonObject,
    Mutation,
    MutationSucceeded,
    Response,
)
from confect_core.values.wire import Json


class Requests:
    """The requests that have not settled, in the order of their ids."""

    def __init__(self) -> None:
        self._open: dict[int, _Request] = {}
        self._next_id = 0

    def mutate(self, path: FunctionPath, args: JsonObject) -> Mutation:
        """A new mutation, to be sent."""
        mutation = Mutation(self._new_id(), path, args)
        self._open[mutation.request_id] = _Request(mutation)
        return mutation

    def act(self, path: FunctionPath, args: JsonObject) -> Action:
        """A new action, to be sent."""
        action = Action(self._new_id(), path, args)
        self._open[action.request_id] = _Request(action)
        return action

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    @property
    def are_current(self) -> bool:
        """Whether nothing is left of what was open when the connection began."""
        return not any(request.is_older_than_connection for request in self._open.values())

    @property
    def in_flight(self) -> tuple[int, int]:
        """How many mutations and how many actions there are."""
        actions = sum(isinstance(request.message, Action) for request in self._open.values())
        return len(self._open) - actions, actions

    def unanswered(self, request_ids: Collection[int]) -> list[int]:
        """Those that were open when the connection began, and have no answer yet."""
        return [
            request_id
            for request_id in request_ids
            if (request := self._open.get(request_id)) is not None
            and request.is_older_than_connection
            and request.committed is None
        ]

    def restart(self) -> list[Mutation | Action]:
        """Begin a connection: what has to be sent on it, in order."""
        for request in self._open.values():
            request.is_older_than_connection = True
        return [request.message for request in self._open.values()]

    def sent(self, request_id: int) -> None:
        """The request has gone out."""
        self._open[request_id].is_sent = True

    def lose_connection(self, reason: str) -> list[Settled]:
        """The connection is gone, and with it the answers to the actions that it carried."""
        lost = [
            request.message
            for request in self._open.values()
            if request.is_sent and isinstance(request.message, Action)
        ]
        return [
            self._settle(action.request_id, ConnectionLost(str(action.path), reason))
            for action in lost
        ]

    def answer(self, response: Response[Json]) -> Settled | None:
        """Take an answer. A committed mutation settles later, when `reflect` reaches its ts."""
        request = self._open.get(response.request_id)
        if request is None:
            return None  # a mutation that was sent twice, and settled after the first answer
        if isinstance(response, MutationSucceeded):
            request.committed = response.ts, Returned(response.result, response.log_lines)
            return None
        if isinstance(response, ActionSucceeded):
            returned = Returned(response.result, response.log_lines)
            return self._settle(response.request_id, returned)
        raised = Raised(response.message, response.error_data, response.log_lines)
        return self._settle(response.request_id, raised)

    def reflect(self, ts: int) -> list[Settled]:
        """All results are now as of `ts`: settle the mutations that they include."""
        reflected = [
            (request_id, request.committed[1])
            for request_id, request in self._open.items()
            if request.committed is not None and request.committed[0] <= ts
        ]
        return [self._settle(request_id, returned) for request_id, returned in reflected]

    def end(self, error: ServerRefused) -> list[Settled]:
        """No answer will come any more."""
        return [self._settle(request_id, error) for request_id in list(self._open)]

    def _settle(
        self, request_id: int, outcome: Returned | Raised | ConnectionLost | ServerRefused
    ) -> Settled:
        del self._open[request_id]
        return Settled(request_id, outcome)


class _Request:
    """One request and how far it is."""

    __slots__ = ("committed", "is_older_than_connection", "is_sent", "message")

    def __init__(self, message: Mutation | Action) -> None:
        self.message = message
        self.is_sent = False
        self.is_older_than_connection = False
        self.committed: tuple[int, Returned] | None = None
