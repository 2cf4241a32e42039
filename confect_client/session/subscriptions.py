"""The queries that a client subscribes to, across connections.

Subscriptions to one query with equal arguments share one id on the wire. Ids are never used again,
so a late result can only belong to the subscription that it was asked for by. Results outlive the
connection: until the next one brings its own, they are what is known. They do not outlive whoever
they are for: from `lapse` on nothing is known, until the server has said what is so for the next.
"""

from __future__ import annotations

import orjson

from confect_client.session.events import FunctionResult, QueryChanged, Raised, Returned, is_same
from confect_core.protocol import (
    AddQuery,
    FunctionPath,
    JsonObject,
    Modification,
    ModifyQuerySet,
    QueryRemoved,
    QueryUpdated,
    RemoveQuery,
)
from confect_core.values.wire import Json


class Subscriptions:
    """Who watches what, and what the server has been told of it on this connection."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._ids: dict[bytes, int] = {}
        self._next_id = 0
        self._version = 0
        self._to_add: set[int] = set()
        self._to_remove: list[int] = []
        self.are_lapsed = False
        """Were the results asked for by somebody else than who calls now?"""

    def subscribe(self, path: FunctionPath, args: JsonObject) -> int:
        """Watch a query once more; equal ones have the same id."""
        key = _key(path, args)
        query_id = self._ids.get(key)
        if query_id is None:
            query_id = self._next_id
            self._next_id += 1
            self._ids[key] = query_id
            self._watched[query_id] = _Watched(AddQuery(query_id, path, args), key)
            self._to_add.add(query_id)
        self._watched[query_id].watchers += 1
        return query_id

    def unsubscribe(self, query_id: int) -> bool:
        """Watch a query once less; whether nobody watches it any more."""
        watched = self._watched[query_id]
        watched.watchers -= 1
        if watched.watchers:
            return False
        del self._watched[query_id], self._ids[watched.key]
        if query_id in self._to_add:
            self._to_add.remove(query_id)
        else:
            self._to_remove.append(query_id)
        return True

    def find(self, path: FunctionPath, args: JsonObject) -> int | None:
        """The id of a query that is watched, if it is."""
        return self._ids.get(_key(path, args))

    def all_of(self, path: FunctionPath) -> list[tuple[int, JsonObject]]:
        """The ids and the arguments of all that are watched of one function."""
        return [
            (query_id, watched.added.args)
            for query_id, watched in self._watched.items()
            if watched.added.path == path
        ]

    def result_of(self, query_id: int) -> FunctionResult | None:
        """The newest known result of a query that is watched."""
        return None if self.are_lapsed else self._watched[query_id].result

    def told_of(self, query_id: int) -> FunctionResult | None:
        """The newest result of a query that is watched, whoever asked for it."""
        return self._watched[query_id].result

    def lapse(self) -> None:
        """Somebody else calls: what is known is not for them."""
        self.are_lapsed = True

    def renew(self) -> list[int]:
        """What is known is so for who calls now; the queries of which something is."""
        self.are_lapsed = False
        return [query_id for query_id, each in self._watched.items() if each.result is not None]

    @property
    def are_current(self) -> bool:
        """Whether each query has a result of this connection."""
        return all(watched.is_current for watched in self._watched.values())

    def restart(self) -> ModifyQuerySet:
        """Begin a connection: the message that tells the server of everything that is watched."""
        self._version = 0
        self._to_remove = []
        self._to_add = set(self._watched)
        for watched in self._watched.values():
            watched.is_current = False
        return self._take_changes()

    def changes(self) -> ModifyQuerySet | None:
        """The message about what has changed since the last one, if anything has."""
        return self._take_changes() if self._to_add or self._to_remove else None

    def _take_changes(self) -> ModifyQuerySet:
        changes: list[AddQuery | RemoveQuery] = [
            RemoveQuery(query_id) for query_id in self._to_remove
        ]
        changes += [self._watched[query_id].as_added() for query_id in sorted(self._to_add)]
        self._to_add, self._to_remove = set(), []
        self._version += 1
        return ModifyQuerySet(self._version - 1, self._version, tuple(changes))

    def apply(self, modification: Modification[Json]) -> QueryChanged | None:
        """Take a result from the server; what is reported is a change only."""
        if isinstance(modification, QueryRemoved):
            return None
        watched = self._watched.get(modification.query_id)
        if watched is None:
            return None  # unsubscribed while the result was on its way
        watched.journal = modification.journal
        result: FunctionResult
        if isinstance(modification, QueryUpdated):
            result = Returned(modification.value, modification.log_lines)
        else:
            result = Raised(modification.message, modification.error_data, modification.log_lines)
        return QueryChanged(modification.query_id, result) if watched.take(result) else None


class _Watched:
    """One query: by how many it is watched, and what is known of it."""

    __slots__ = ("added", "is_current", "journal", "key", "result", "watchers")

    def __init__(self, added: AddQuery, key: bytes) -> None:
        self.added = added
        self.key = key
        self.watchers = 0
        self.result: FunctionResult | None = None
        self.journal: str | None = None
        self.is_current = False

    def as_added(self) -> AddQuery:
        added = self.added
        return AddQuery(added.query_id, added.path, added.args, self.journal)

    def take(self, result: FunctionResult) -> bool:
        known, self.result = self.result, result
        # A server does not repeat itself on one connection, so only its first result can be old.
        is_first, self.is_current = not self.is_current, True
        return not (is_first and known is not None and is_same(known, result))


def _key(path: FunctionPath, args: JsonObject) -> bytes:
    return orjson.dumps([str(path), args], option=orjson.OPT_SORT_KEYS)
