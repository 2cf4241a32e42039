"""The type checker is the first test: what is right passes both, what is wrong passes neither."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
FILES = ("positive.py", "mistakes.py")
_MARKED = re.compile(r"\S.*  # (?!type:|pyright:|noqa)")

Line = tuple[str, int]


def mypy() -> dict[Line, str]:
    """Every line of the two files that mypy rejects, with what it says."""
    command = [sys.executable, "-m", "mypy", "--output=json", *(str(HERE / name) for name in FILES)]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    found = [orjson.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    errors = [each for each in found if each["severity"] == "error"]
    return {(Path(each["file"]).name, each["line"]): each["message"] for each in errors}


def pyright() -> dict[Line, str]:
    """Every line of the two files that pyright rejects, with what it says."""
    configured = ["-p", str(HERE / "pyrightconfig.json"), "--pythonpath", sys.executable]
    command = [sys.executable, "-m", "pyright", "--outputjson", *configured]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    report = orjson.loads(run.stdout)
    assert report["summary"]["filesAnalyzed"] == len(FILES)
    errors = [each for each in report["generalDiagnostics"] if each["severity"] == "error"]
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1): each["message"]
        for each in errors
    }


def marked() -> set[Line]:
    """The lines that say in a comment why they are wrong."""
    return {
        (name, number)
        for name in FILES
        for number, line in enumerate((HERE / name).read_text().splitlines(), 1)
        if _MARKED.match(line.lstrip())
    }


@pytest.mark.parametrize("check", [mypy, pyright])
def test_a_type_checker_rejects_exactly_the_lines_that_are_marked(
    check: Callable[[], dict[Line, str]],
) -> None:
    rejected, wrong = check(), marked()
    assert len(wrong) > 60
    unexpected = {line: said for line, said in rejected.items() if line not in wrong}
    assert unexpected == {}
    assert sorted(wrong - rejected.keys()) == []
