"""`docs/guarantees.md` names tests; each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "guarantees.md"
LINES = (TESTS / "typing" / "mistakes.py").read_text().splitlines()
_QUOTED = re.compile(r"`((?:# |[\w/]+\.py::)[^`]+)`")

NAMED = [
    named
    for row in TABLE.read_text().splitlines()
    if row.startswith("| ")
    for named in _QUOTED.findall(row)
]


def is_there(named: str) -> bool:
    """Is this a marked line, a test, or one of the named cases of a test?"""
    if named.startswith("# "):
        return any(line.endswith(f"  {named}") for line in LINES)
    file, _, name = named.partition("::")
    text = (TESTS / file).read_text()
    if name.startswith("test_"):
        return re.search(rf"^(async )?def {name}\(", text, re.MULTILINE) is not None
    return f'    "{name}": ' in text


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_what_holds_a_promise_is_there(named: str) -> None:
    assert is_there(named)


def test_every_row_names_what_holds_it() -> None:
    rows = [
        row
        for row in TABLE.read_text().splitlines()
        if row.startswith("| ") and not row.startswith(("| #", "| ---", "| mistake", "| there"))
    ]
    assert len(rows) > 40
    assert [row for row in rows if not _QUOTED.search(row)] == []


@pytest.mark.parametrize("named", ["# no such line", "core/test_refs.py::test_nothing"])
def test_what_is_not_there_is_missed(named: str) -> None:
    assert not is_there(named)
