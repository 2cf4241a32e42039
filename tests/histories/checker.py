"""`anomalies`: everything in a history that no serial order of its transactions explains.

The cycles are named as by Adya: G0, G1c, G-single, G2; with `-realtime` if they need the order in
which clients asked and were answered. Besides, what the server says of time has to be true: every
dependency goes forward in its timestamps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from tests.histories.dependencies import (
    Edge,
    Graph,
    Kind,
    Orders,
    data_edges,
    external_reads,
    time_edges,
)
from tests.histories.history import Append, History, Outcome, Read, Transaction, Transfer

_MOST_UNKNOWN = 14
"""With so many transfers of which nobody knows, every subset can still be tried."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What is wrong, and with whom."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def anomalies(history: History) -> list[Anomaly]:
    """What is wrong with a history."""
    if history.complaints:
        return [Anomaly("unexpected failure", each) for each in history.complaints]
    orders = Orders.of(history)
    found = [*_list_anomalies(history, orders), *_bank_anomalies(history)]
    if found:
        return found  # what follows supposes that lists only grow
    edges = list(data_edges(history, orders))
    ordered = [each for each in history.transactions if _is_committed(each, orders)]
    return [*_cycles(edges, list(time_edges(ordered))), *_backward(edges)]


def _is_committed(transaction: Transaction, orders: Orders) -> bool:
    return transaction.outcome is Outcome.OK or orders.has_happened(transaction)


# What single lists show.


def _list_anomalies(history: History, orders: Orders) -> Iterator[Anomaly]:
    for key, elements in orders.elements.items():
        for element, count in Counter(elements).items():
            if count > 1:
                yield Anomaly("duplicate append", f"{element} is {count} times in {key}")
            yield from _provenance(key, element, orders)
    for transaction in history.transactions:
        yield from _internal(transaction)
        for read in external_reads(transaction):
            yield from _beginning(transaction, read, orders)
        if transaction.outcome is Outcome.OK:
            for step in transaction.appends:
                if step.element not in orders.elements.get(step.key, ()):
                    yield Anomaly("lost append", f"nobody ever saw {step}, of {transaction}")


def _provenance(key: str, element: int, orders: Orders) -> Iterator[Anomaly]:
    writer = orders.writers.get((key, element))
    if writer is None:
        yield Anomaly("phantom element", f"{element} in {key} was never appended")
    elif writer.outcome is Outcome.FAILED:
        yield Anomaly("G1a", f"{element} in {key} is of a transaction that failed: {writer}")


def _internal(transaction: Transaction) -> Iterator[Anomaly]:
    """A transaction sees its own writes, and nothing else that is new."""
    known: dict[str, tuple[int, ...]] = {}
    own: dict[str, tuple[int, ...]] = {}
    for step in transaction.steps:
        if isinstance(step, Append):
            own[step.key] = (*own.get(step.key, ()), step.element)
            if step.key in known:
                known[step.key] = (*known[step.key], step.element)
        else:
            ending = own.get(step.key, ())
            ends_well = step.elements[len(step.elements) - len(ending) :] == ending
            if not ends_well or known.get(step.key, step.elements) != step.elements:
                yield Anomaly("internal", f"{step} does not follow from the steps of {transaction}")
            known[step.key] = step.elements


def _beginning(reader: Transaction, read: Read, orders: Orders) -> Iterator[Anomaly]:
    elements = orders.elements.get(read.key, ())
    if elements[: len(read.elements)] != read.elements:
        yield Anomaly("incompatible order", f"{read}, but {list(elements)} elsewhere: {reader}")
    if not read.elements:
        return
    last = Append(read.key, read.elements[-1])
    writer = orders.writers.get((last.key, last.element))
    if writer is None or writer is reader:
        return
    of_this_list = [step for step in writer.appends if step.key == read.key]
    if of_this_list[-1] != last:
        yield Anomaly("G1b", f"{reader} saw {writer} by half")


# What they show together.


def _cycles(edges: Sequence[Edge], times: Sequence[Edge]) -> Iterator[Anomaly]:
    """The worst cycle, and the worst that is one only in real time."""
    for name, added in (("", ()), ("-realtime", times)):
        graph = Graph(chain(edges, added))
        timed = {each.kind for each in added}
        read = {Kind.WW, Kind.WR} | timed
        found = {
            "G0": graph.cycle({Kind.WW} | timed),
            "G1c": graph.cycle(read),
            "G-single": graph.cycle_with_one(Kind.RW, read),
            "G2": graph.cycle(read | {Kind.RW}),
        }
        for kind, cycle in found.items():
            if cycle is not None:
                yield Anomaly(kind + name, _told(cycle))
                return


def _told(cycle: Sequence[Edge]) -> str:
    lines = ["a cycle"]
    for edge in cycle:
        if isinstance(edge.source, Transaction):
            lines.append(f"    {edge.source}")
            lines.append(f"      {edge.kind.value}")
    return "\n".join(lines)


def _backward(edges: Sequence[Edge]) -> Iterator[Anomaly]:
    """Timestamps are in the order of the transactions; who only reads has that of its snapshot."""
    for edge in edges:
        source, target = edge.source, edge.target
        assert isinstance(source, Transaction)
        assert isinstance(target, Transaction)
        if source.ts is None or target.ts is None:
            continue
        is_snapshot = edge.kind is Kind.WR and not target.appends
        if source.ts > target.ts or (source.ts == target.ts and not is_snapshot):
            text = f"{source}\n      {edge.kind.value}\n    {target}"
            yield Anomaly("backward in time", text)


# The bank.


def _bank_anomalies(history: History) -> Iterator[Anomaly]:
    total = sum(history.opening.values())
    for seen in history.balances:
        if sum(seen.amounts.values()) != total:
            yield Anomaly("money made or lost", f"{total} were opened with; {seen}")
    if history.balances and not _explains(history, history.balances[-1].amounts):
        yield Anomaly("lost or repeated transfer", f"in the end {history.balances[-1]}")


def _explains(history: History, final: object) -> bool:
    """Do all transfers that happened, and some of those that may have, lead to these amounts?"""
    sure = [each for each in history.transfers if each.outcome is Outcome.OK]
    unsure = [each for each in history.transfers if each.outcome is Outcome.UNKNOWN]
    assert len(unsure) <= _MOST_UNKNOWN, "a history in which too little is known says nothing"
    return any(
        _after(history.opening, [*sure, *some]) == final
        for count in range(len(unsure) + 1)
        for some in combinations(unsure, count)
    )


def _after(opening: dict[str, int], transfers: Sequence[Transfer]) -> dict[str, int]:
    amounts = dict(opening)
    for transfer in transfers:
        amounts[transfer.source] -= transfer.amount
        amounts[transfer.target] += transfer.amount
    return amounts
