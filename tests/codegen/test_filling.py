"""What people are told while an index is filled."""

from __future__ import annotations

import pytest

from confect_codegen.filling import Filling
from confect_server.engine import Backfill


def test_a_line_is_printed_for_each_tenth_of_an_index(capsys: pytest.CaptureFixture[str]) -> None:
    filling = Filling()
    for done in range(0, 12_001, 200):
        filling.tell(Backfill("notes", "by_author", done, 12_000))
    filling.tell(Backfill("notes", "by_text", 0, 0))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0] == "backfilling notes.by_author 1,200/12,000"
    assert lines[-1] == "backfilling notes.by_author 12,000/12,000"
