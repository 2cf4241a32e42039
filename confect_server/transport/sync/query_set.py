"""The queries that one socket subscribes to, and which of their results have to be found anew.

Between `begin` and `finish` the queries run at one timestamp. A query that is removed meanwhile is
forgotten, whatever its run gives; one that is written to by a later commit is stale again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confect_core.protocol import (
    AddQuery,
    BaseVersionMismatch,
    EncodedValue,
    Modification,
    ModifyQuerySet,
    QueryIdMisused,
    QueryRemoved,
)
from confect_server.runtime.outcome import (
    Digest,
    Failed,
    QueryRun,
    RunOutcome,
    Succeeded,
    digest_of,
    is_same_outcome,
)
from confect_server.transport.sync.answers import query_answer
from confect_server.transport.sync.effects import QueryToRun

LONGEST_KEPT = 4_096
"""The length of results that are kept to be compared; of longer ones only a digest is."""


class QuerySet:
    """The subscriptions of one socket, by the ids that its client gave them."""

    __slots__ = (
        "_queries",
        "_removed",
        "_removed_before_run",
        "_running",
        "_running_ts",
        "_stale",
        "version",
    )

    def __init__(self) -> None:
        self.version = 0
        self._queries: dict[int, _Query] = {}
        self._stale: set[int] = set()
        self._removed: list[int] = []
        self._running: dict[int, _Query] = {}
        self._running_ts = 0
        self._removed_before_run: list[int] = []

    @property
    def is_stale(self) -> bool:
        """Whether a query has to run."""
        return bool(self._stale)

    @property
    def only_stale(self) -> int | None:
        """The query that has to run, if that is one and nothing else has changed."""
        if len(self._stale) != 1 or self._removed:
            return None
        return next(iter(self._stale))

    @property
    def has_changed(self) -> bool:
        """Is there anything that the client is yet to be told, or that has to be found out?"""
        return bool(self._stale or self._removed)

    @property
    def unacknowledged(self) -> int:
        """How many removals the client has yet to be told of."""
        return len(self._removed) + len(self._removed_before_run)

    def __len__(self) -> int:
        return len(self._queries)

    def modify(self, message: ModifyQuerySet, weight: int = 0) -> tuple[tuple[int, ...], int]:
        """Add and remove queries; the ids of the removed, and how much more all weigh together.

        Raises `BaseVersionMismatch` or `QueryIdMisused`; the set is then of no more use.
        """
        if message.base_version != self.version:
            raise BaseVersionMismatch("query set", message.base_version, self.version)
        changes = message.modifications
        share = weight // max(sum(isinstance(each, AddQuery) for each in changes), 1)
        removed: list[int] = []
        more = 0
        for change in changes:
            if isinstance(change, AddQuery):
                self._add(change, share)
                more += share
            else:
                more -= self._remove(change.query_id)
                removed.append(change.query_id)
        self.version = message.new_version
        return tuple(removed), more

    def _add(self, added: AddQuery, weight: int) -> None:
        if added.query_id in self._queries:
            raise QueryIdMisused(added.query_id, "is added, but was added before")
        self._queries[added.query_id] = _Query(added, weight)
        self._stale.add(added.query_id)

    def _remove(self, query_id: int) -> int:
        query = self._queries.pop(query_id, None)
        if query is None:
            raise QueryIdMisused(query_id, "is removed, but is not there")
        self._stale.discard(query_id)
        self._removed.append(query_id)
        return query.weight

    def invalidate(self, query_ids: Iterable[int], ts: int) -> bool:
        """Note that the commit at `ts` wrote what these queries read; whether any has to run."""
        is_hit = False
        for query_id in query_ids:
            is_known = query_id in self._queries
            sees_commit = ts <= self._running_ts and query_id in self._running
            if is_known and not sees_commit:
                self._stale.add(query_id)
                is_hit = True
        return is_hit

    def invalidate_all(self) -> None:
        """Have every query run again."""
        self._stale.update(self._queries)

    def begin(self, ts: int) -> tuple[QueryToRun, ...]:
        """Take what is stale, to be run at `ts`."""
        self._running = {query_id: self._queries[query_id] for query_id in sorted(self._stale)}
        self._running_ts = ts
        self._removed_before_run = self._removed
        self._stale, self._removed = set(), []
        return tuple([QueryToRun(query.added, query.journal) for query in self._running.values()])

    def take_alone(self, outcome: Succeeded, journal: str | None) -> bool:
        """Take the result of the only stale query, one that is kept; is it new to the client?"""
        query = self._queries[self._stale.pop()]
        known, query.known, query.journal = query.known, outcome, journal
        return known is not outcome and known != outcome

    def was_told(self, query_id: int, outcome: RunOutcome) -> None:
        """Note what the client was told of a query that did not have to run here."""
        self._queries[query_id].known = outcome

    def put_off(self) -> None:
        """Let what `begin` gave be stale again: it has not run, or not all of it."""
        running, self._running = self._running, {}
        self._stale.update(
            query_id for query_id, query in running.items() if self._queries.get(query_id) is query
        )
        self._removed = self._removed_before_run + self._removed
        self._removed_before_run = []

    def finish(self, runs: Mapping[int, QueryRun]) -> tuple[Modification[EncodedValue], ...]:
        """Take the results of what `begin` gave, and return what is new in them for the client."""
        running, self._running = self._running, {}
        modifications: list[Modification[EncodedValue]] = [
            QueryRemoved(query_id) for query_id in self._removed_before_run
        ]
        self._removed_before_run = []
        for query_id, query in running.items():
            if self._queries.get(query_id) is query:
                modification = query.take(runs[query_id])
                if modification is not None:
                    modifications.append(modification)
        return tuple(modifications)


class _Query:
    """One subscription and what its client knows of its result."""

    __slots__ = ("added", "journal", "known", "weight")

    def __init__(self, added: AddQuery, weight: int) -> None:
        self.added = added
        self.weight = weight  # what its arguments take
        self.journal = added.journal
        self.known: RunOutcome | Digest | None = None

    def take(self, run: QueryRun) -> Modification[EncodedValue] | None:
        self.journal = run.journal
        outcome = run.outcome
        if self._knows(outcome):
            return None
        return query_answer(self.added.query_id, outcome, run.journal)

    def _knows(self, outcome: RunOutcome) -> bool:
        """Is this what the client was told last? It is what it will have been told."""
        known = self.known
        if outcome.length > LONGEST_KEPT:
            self.known = digest_of(outcome)
            return known == self.known
        self.known = outcome
        return isinstance(known, (Succeeded, Failed)) and is_same_outcome(known, outcome)
