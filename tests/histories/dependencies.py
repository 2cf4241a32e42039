"""Which transaction has to come before which, and the cycles that there must not be.

The order of a list gives three dependencies: between the transactions of two neighbours in it
(`ww`), from the last element that was read to its reader (`wr`), and from a reader to the
transaction of the first element that it did not see (`rw`). What ended before another began gives
the order of real time; it goes over nodes for the ends, as every pair would be too many.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tests.histories.history import Append, History, Outcome, Read, Transaction


class Kind(Enum):
    """Why one transaction comes before another."""

    WW = "wrote before"
    WR = "was read by"
    RW = "was read before the write of"
    TIME = "ended before"
    SESSION = "was seen before"


Node: TypeAlias = Transaction | int
"""A transaction, or a moment."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One reason for one order."""

    source: Node
    kind: Kind
    target: Node


@dataclass(frozen=True, slots=True)
class Orders:
    """The lists as they were in the end, and who appended what."""

    elements: dict[str, tuple[int, ...]]
    writers: dict[tuple[str, int], Transaction]

    @classmethod
    def of(cls, history: History) -> Orders:
        """The longest that was seen of each list; the rest are its beginnings, or anomalies."""
        elements: dict[str, tuple[int, ...]] = {}
        writers: dict[tuple[str, int], Transaction] = {}
        for transaction in history.transactions:
            for step in transaction.steps:
                if isinstance(step, Append):
                    writers[step.key, step.element] = transaction
                elif len(step.elements) > len(elements.get(step.key, ())):
                    elements[step.key] = step.elements
        return cls(elements, writers)

    def has_happened(self, transaction: Transaction) -> bool:
        """Did anybody see what it wrote?"""
        return any(step.element in self.elements.get(step.key, ()) for step in transaction.appends)


def external_reads(transaction: Transaction) -> Iterator[Read]:
    """What a transaction saw of the others: its reads without what it had appended itself."""
    own: dict[str, int] = defaultdict(int)
    for step in transaction.steps:
        if isinstance(step, Append):
            own[step.key] += 1
        else:
            yield Read(step.key, step.elements[: len(step.elements) - own[step.key]])


def data_edges(history: History, orders: Orders) -> Iterator[Edge]:
    """The dependencies that follow from what was seen."""
    for key, elements in orders.elements.items():
        writers = [orders.writers[key, element] for element in elements]
        for one, other in itertools.pairwise(writers):
            if one is not other:
                yield Edge(one, Kind.WW, other)
    for transaction in history.transactions:
        for read in external_reads(transaction):
            yield from _read_edges(transaction, read, orders)


def _read_edges(reader: Transaction, read: Read, orders: Orders) -> Iterator[Edge]:
    elements, count = orders.elements.get(read.key, ()), len(read.elements)
    if count:
        writer = orders.writers[read.key, elements[count - 1]]
        if writer is not reader:
            yield Edge(writer, Kind.WR, reader)
    if count < len(elements):
        writer = orders.writers[read.key, elements[count]]
        if writer is not reader:
            yield Edge(reader, Kind.RW, writer)


def time_edges(transactions: Sequence[Transaction]) -> Iterator[Edge]:
    """What had ended before it was asked for comes before it; so does what a client saw before."""
    asked = [each for each in transactions if each.began is not None]
    ends = sorted(each.ended for each in asked if each.ended is not None)
    for one, other in itertools.pairwise(ends):
        yield Edge(one, Kind.TIME, other)
    for each in asked:
        assert each.began is not None
        if each.ended is not None:
            yield Edge(each, Kind.TIME, each.ended)
        before = bisect_left(ends, each.began)
        if before:
            yield Edge(ends[before - 1], Kind.TIME, each)
    yield from _session_edges(transactions)


def _session_edges(transactions: Sequence[Transaction]) -> Iterator[Edge]:
    """What one client is shown never goes back, and what it asks for happens in that order."""
    last: dict[tuple[str, bool], Transaction] = {}
    for each in transactions:
        of_client = each.client, each.began is None
        if each.outcome is Outcome.OK:
            if of_client in last:
                yield Edge(last[of_client], Kind.SESSION, each)
            last[of_client] = each


class Graph:
    """Dependencies, searched for cycles."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._from: dict[Node, list[Edge]] = defaultdict(list)
        for edge in edges:
            self._from[edge.source].append(edge)

    def cycle(self, kinds: set[Kind]) -> list[Edge] | None:
        """A short cycle of such dependencies."""
        for source in self._in_cycles(kinds):
            path = self._path(source, source, kinds)
            if path is not None:
                return path
        return None

    def cycle_with_one(self, single: Kind, kinds: set[Kind]) -> list[Edge] | None:
        """A cycle with exactly one dependency of the kind `single`."""
        for edges in list(self._from.values()):
            for edge in edges:
                if edge.kind is single:
                    path = self._path(edge.target, edge.source, kinds)
                    if path is not None:
                        return [edge, *path]
        return None

    def _in_cycles(self, kinds: set[Kind]) -> list[Node]:
        """The nodes that are left when those that nothing leads to are taken away in turn."""
        incoming: dict[Node, int] = defaultdict(int)
        for edges in self._from.values():
            for edge in edges:
                if edge.kind in kinds:
                    incoming[edge.target] += 1
        free = deque(node for node in list(self._from) if not incoming[node])
        while free:
            for edge in self._from.get(free.popleft(), ()):
                if edge.kind in kinds:
                    incoming[edge.target] -= 1
                    if not incoming[edge.target]:
                        free.append(edge.target)
        return [node for node in self._from if incoming[node]]

    def _path(self, source: Node, target: Node, kinds: set[Kind]) -> list[Edge] | None:
        """The shortest way, of one step at least."""
        came_by: dict[Node, Edge] = {}
        waiting = deque([source])
        while waiting:
            for edge in self._from.get(waiting.popleft(), ()):
                if edge.kind not in kinds or edge.target in came_by:
                    continue
                came_by[edge.target] = edge
                if edge.target is target or edge.target == target:
                    return _way_back(came_by, source, target)
                waiting.append(edge.target)
        return None


def _way_back(came_by: dict[Node, Edge], source: Node, target: Node) -> list[Edge]:
    path = [came_by[target]]
    while path[0].source != source:
        path.insert(0, came_by[path[0].source])
    return path
