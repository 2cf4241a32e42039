"""What subscribers are shown: the server's results, with the updates of unsettled mutations on top.

An update is run when its mutation is called, and again, after those of earlier mutations, whenever
the server has told something new. It is dropped in the step that takes in the results which include
its mutation, so that nobody sees both of them or neither. Nothing is kept but the updates and what
they come to: each replay begins with what the server said. When somebody else begins to call, that
is nothing until the server has told what is so for them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeAlias

from confect_client.session.events import (
    ClientEvent,
    FunctionResult,
    QueryChanged,
    UpdateFailed,
    is_same,
)
from confect_client.session.subscriptions import Subscriptions
from confect_core.protocol import FunctionPath, JsonObject


class Overlay:
    """What one update reads and sets, by the ids of the queries that are watched."""

    def __init__(self, queries: Subscriptions, shown: dict[int, FunctionResult]) -> None:
        self._queries = queries
        self.shown = shown

    def find(self, path: FunctionPath, args: JsonObject) -> int | None:
        """The id of a query, if it is watched."""
        return self._queries.find(path, args)

    def all_of(self, path: FunctionPath) -> list[tuple[int, JsonObject]]:
        """The ids and the arguments of all that are watched of one function."""
        return self._queries.all_of(path)

    def get(self, query_id: int) -> FunctionResult | None:
        """What is shown of a query, with the updates before this one and what it has set."""
        return self.shown.get(query_id) or self._queries.result_of(query_id)

    def set(self, query_id: int, result: FunctionResult) -> None:
        """Show this from now on."""
        self.shown[query_id] = result


Update: TypeAlias = Callable[[Overlay], None]
"""Sets what a mutation is going to change, as far as one can tell beforehand."""


class OptimisticResults:
    """The updates of the mutations that have not settled, and what they make of the results."""

    def __init__(self, queries: Subscriptions) -> None:
        self._queries = queries
        self._updates: dict[int, Update] = {}
        self._shown: dict[int, FunctionResult] = {}
        self._told: dict[int, FunctionResult] = {}  # since the results have lapsed, and at the end

    @property
    def request_ids(self) -> Collection[int]:
        """The mutations whose updates are shown."""
        return self._updates.keys()

    def result_of(self, query_id: int) -> FunctionResult | None:
        """What is shown of a query that is watched."""
        return self._shown.get(query_id) or self._queries.result_of(query_id)

    def try_out(self, update: Update) -> Overlay:
        """What an update makes of the results; what it raises is raised, and nothing is changed."""
        overlay = Overlay(self._queries, dict(self._shown))
        update(overlay)
        return overlay

    def add(self, request_id: int, update: Update, overlay: Overlay) -> list[ClientEvent]:
        """Show an update that was tried out, until its mutation settles."""
        before = self._told_so_far()
        self._updates[request_id] = update
        self._shown = overlay.shown
        return [*self._differences(before, {})]

    def forget(self, query_id: int) -> None:
        """Nobody watches a query any more."""
        self._shown.pop(query_id, None)
        self._told.pop(query_id, None)

    def lapse(self) -> None:
        """Somebody else calls: what the updates made of results that are not theirs is dropped."""
        self._told |= self._shown
        self._shown = {}

    def give_up(self, request_ids: Collection[int]) -> None:
        """Show nothing of some updates any more, once the next results are taken in."""
        for request_id in request_ids:
            self._updates.pop(request_id, None)

    def take_in(
        self, changes: list[QueryChanged], settled: Collection[int]
    ) -> list[QueryChanged | UpdateFailed]:
        """What there is to tell once results have changed and mutations have settled."""
        for request_id in settled:
            self._updates.pop(request_id, None)
        before = self._told_so_far()
        if not self._updates and not before:
            return [*changes]
        failures = self._replay()
        fresh = {change.query_id: change.result for change in changes}
        return [*self._differences(before, fresh), *failures]

    def _replay(self) -> list[UpdateFailed]:
        failures: list[UpdateFailed] = []
        self._shown = {}
        for request_id, update in self._updates.items():
            try:
                self._shown = self.try_out(update).shown
            except Exception as error:  # of the program; the other updates still make sense
                failures.append(UpdateFailed(request_id, error))
        return failures

    def _told_so_far(self) -> dict[int, FunctionResult]:
        """What everybody has been told, where it is not the newest result."""
        so_far = self._told | self._shown
        self._told = so_far if self._queries.are_lapsed else {}
        return so_far

    def _differences(
        self, before: dict[int, FunctionResult], fresh: dict[int, FunctionResult]
    ) -> list[QueryChanged]:
        changed: list[QueryChanged] = []
        for query_id in {**fresh, **before, **self._shown}:
            result = self.result_of(query_id)
            if result is None:
                continue  # an update is taken back, and nothing else is known yet
            # what the server says is logged once, also where an update hides it
            lines = fresh[query_id].log_lines if query_id in fresh else ()
            known = self._known_before(query_id, before, fresh)
            if lines or known is None or not is_same(known, result):
                changed.append(QueryChanged(query_id, replace(result, log_lines=lines)))
        return changed

    def _known_before(
        self, query_id: int, before: dict[int, FunctionResult], fresh: dict[int, FunctionResult]
    ) -> FunctionResult | None:
        if query_id in before:
            return before[query_id]
        return None if query_id in fresh else self._queries.told_of(query_id)
