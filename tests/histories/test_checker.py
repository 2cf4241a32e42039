"""The checker finds every anomaly in a history made for it, and none in one that is clean."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.histories.checker import anomalies
from tests.histories.history import (
    Append,
    Balances,
    History,
    Outcome,
    Read,
    Step,
    Transaction,
    Transfer,
)


def step_of(text: str) -> Step:
    """`x+1` appends 1 to x; `x=1,2` reads both."""
    if "+" in text:
        key, element = text.split("+")
        return Append(key, int(element))
    key, elements = text.split("=")
    return Read(key, tuple(int(each) for each in elements.split(",") if each))


def transaction(line: str) -> Transaction:
    """`client outcome [began-ended] [@ts] steps`, for example `a ok 1-2 @7 x+1 x=1`."""
    client, outcome, *rest = line.split()
    result = Transaction(line, client, (), Outcome(outcome))
    steps: list[Step] = []
    for word in rest:
        if word.startswith("@"):
            result.ts = int(word[1:])
        elif "+" in word or "=" in word:
            steps.append(step_of(word))
        else:
            result.began, result.ended = (int(each) for each in word.split("-"))
    result.steps = steps
    return result


def found_in(text: str) -> list[str]:
    history = History([transaction(line) for line in text.strip().splitlines()])
    return [each.name for each in anomalies(history)]


ANOMALIES = {
    "an element that is there twice": ("duplicate append", "a ok x+1\nb ok x=1,1"),
    "an element from nowhere": ("phantom element", "a ok x+1\nb ok x=1,2"),
    "what failed is seen": ("G1a", "a failed x+1\nb ok x=1"),
    "half of a transaction is seen": ("G1b", "a ok x+1 x+2\nb ok x=1\nc ok x=1,2"),
    "an acknowledged append is gone": ("lost append", "a ok x+1\nb ok x+2\nc ok x=2"),
    "an update that overwrote another": ("lost append", "a ok x= x+1\nb ok x= x+2\nc ok x=1"),
    "two orders of one list": ("incompatible order", "a ok x+1\nb ok x+2\nc ok x=1,2\nd ok x=2,1"),
    "its own append is not seen": ("internal", "a ok x+1 x=\nb ok x=1"),
    "a second read sees more": ("internal", "a ok x+1\nb ok x= x=1"),
    "writes in two orders": ("G0", "a ok x+1 y+1\nb ok x+2 y+2\nc ok x=1,2\nd ok y=2,1"),
    "each read the other's write": ("G1c", "a ok x+1 y=2\nb ok y+2 x=1"),
    "a list was seen before, another after a write": (
        "G-single",
        "a ok x+1 y+1\nb ok x=1 y=\nc ok y=1",
    ),
    "both read what they had not written": (
        "G2",
        "a ok x= y+1\nb ok y= x+1\nc ok x=1 y=1",
    ),
    "a write skew over three": ("G2", "a ok x= y+1\nb ok y= z+1\nc ok z= x+1\nd ok x=1 y=1 z=1"),
    "an answered write is not read": ("G-single-realtime", "a ok 1-2 x+1\nb ok 3-4 x=\nc ok x=1"),
    "two writes in the wrong order": ("G0-realtime", "a ok 1-2 x+1\nb ok 3-4 x+2\nc ok x=2,1"),
    "a subscription goes back": ("G-single-realtime", "a ok 1-2 x+1\nb ok x=1\nb ok x="),
    "a subscription is shown half of a transaction": (
        "G-single",
        "a ok x+1 y+1\nb ok y=1 x=\nc ok x=1",
    ),
    "a snapshot lacks an older commit": ("backward in time", "a ok @5 x+1\nb ok @6 x=\nc ok x=1"),
    "a snapshot has a younger commit": ("backward in time", "a ok @5 x+1\nb ok @4 x=1"),
    "two commits share a timestamp": ("backward in time", "a ok @5 x+1\nb ok @5 x+2\nc ok x=1,2"),
}

CLEAN = {
    "nothing": "a ok x=",
    "one after the other": "a ok 1-2 @1 x+1\nb ok 3-4 @2 x=1 x+2 x=1,2\nc ok 5-6 @3 x=1,2",
    "what failed is not seen": "a failed x+1\nb ok x=",
    "an unknown outcome that happened": "a unknown 1-2 x+1\nb ok 3-4 x=1",
    "an unknown outcome that happened late": "a unknown x+1\nb ok 3-4 x=\nb ok 5-6 x=1",
    "an unknown outcome that did not happen": "a unknown x+1\nb ok x=",
    "at the same time in either order": "a ok 1-4 x+1\nb ok 2-3 x=\nc ok 5-6 x=1",
    "one reads the old and another the new": "a ok x+1 y+1\nb ok x=1 y=1\nc ok x= y=",
    "a whole transaction of several appends": "a ok x+1 x+2 y+3\nb ok x=1,2 y=3\nc ok x= y=",
    "a subscription lags behind": "a ok 1-2 @5 x+1\nb ok @4 x=\nb ok @5 x=1",
}


@pytest.mark.parametrize(("name", "text"), ANOMALIES.values(), ids=ANOMALIES.keys())
def test_each_anomaly_is_found(name: str, text: str) -> None:
    assert name in found_in(text)


@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN.keys())
def test_a_clean_history_passes(text: str) -> None:
    assert found_in(text) == []


@pytest.mark.parametrize("seed", range(50))
def test_a_serial_history_passes_and_one_with_a_stale_read_does_not(seed: int) -> None:
    chooser = random.Random(seed)
    lists: dict[str, tuple[int, ...]] = dict.fromkeys("xyz", ())
    history = History()
    for number in range(30):
        steps: list[Step] = []
        for at in range(chooser.randint(1, 4)):
            key = chooser.choice("xyz")
            if chooser.random() < 0.5:
                steps.append(Append(key, element := 10 * number + at))
                lists[key] = (*lists[key], element)
            else:
                steps.append(Read(key, lists[key]))
        began, ended = history.moment(), history.moment()
        history.transactions.append(
            Transaction(str(number), "a", steps, Outcome.OK, began, ended, number)
        )
    everything = [Read(key, elements) for key, elements in lists.items()]
    began, ended = history.moment(), history.moment()
    history.transactions.append(Transaction("last", "a", everything, Outcome.OK, began, ended, 30))
    assert anomalies(history) == []
    key = next(key for key, elements in lists.items() if elements)
    stale = [Read(key, ())]
    history.transactions.append(
        Transaction("stale", "a", stale, Outcome.OK, history.moment(), history.moment(), 31)
    )
    assert "G-single-realtime" in [each.name for each in anomalies(history)]


def bank(*transfers: Transfer, final: dict[str, int]) -> list[str]:
    history = History(opening={"x": 10, "y": 10}, transfers=list(transfers))
    history.balances = [Balances("a", {"x": 10, "y": 10}), Balances("a", final)]
    return [each.name for each in anomalies(history)]


def test_a_bank_keeps_its_money_and_does_every_transfer_once() -> None:
    done = Transfer("a", "x", "y", 3, Outcome.OK)
    maybe = Transfer("b", "y", "x", 1)
    failed = Transfer("c", "x", "y", 5, Outcome.FAILED)
    assert bank(done, failed, final={"x": 7, "y": 13}) == []
    assert bank(done, maybe, final={"x": 7, "y": 13}) == []
    assert bank(done, maybe, final={"x": 8, "y": 12}) == []
    assert bank(done, final={"x": 4, "y": 16}) == ["lost or repeated transfer"]
    assert bank(done, final={"x": 10, "y": 10}) == ["lost or repeated transfer"]
    assert bank(failed, final={"x": 5, "y": 15}) == ["lost or repeated transfer"]
    assert "money made or lost" in bank(done, final={"x": 7, "y": 12})


def test_a_history_is_written_so_that_people_can_read_it(tmp_path: Path) -> None:
    history = History([transaction("a ok 1-2 @7 x+1"), transaction("b ok 3-4 x=")])
    history.write(tmp_path / "history.txt", ["G0: an example"])
    text = (tmp_path / "history.txt").read_text()
    assert "G0: an example" in text
    assert "append x 1" in text
    assert "read x []" in text
