"""What is printed shows the place, the line, what happened and what to do."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from confect_codegen.errors import NoImpl, NotAsync
from confect_codegen.report import print_mistakes
from confect_core.errors import Mistakes, Where


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NotAsync:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.py").write_text("\ndef search(ctx):\n    return 1\n")
    return NotAsync("app.plain.search", Where(str(tmp_path / "plain.py"), 2))


def test_a_mistake_is_shown_with_its_line(mistake: NotAsync) -> None:
    stream = io.StringIO()
    print_mistakes(mistake, stream)

    assert stream.getvalue().splitlines() == [
        "✘ NotAsync  app.plain.search is not an async function",
        "  plain.py:2",
        "     2 | def search(ctx):",
        "       | ^^^^^^^^^^^^^^^^",
        "  hint: declare it with `async def`",
    ]


def test_several_mistakes_are_shown_in_the_order_of_their_places(mistake: NotAsync) -> None:
    first = NoImpl("app.impl", "no `app`", Where(str(Path.cwd() / "impl.py"), 1))
    stream = io.StringIO()
    print_mistakes(Mistakes("the project has 2 mistakes", [mistake, first]), stream)

    shown = stream.getvalue()
    assert shown.index("NoImpl") < shown.index("NotAsync")
    assert shown.endswith("\n2 mistakes\n")


def test_a_place_without_a_file_is_shown_without_a_line() -> None:
    stream = io.StringIO()
    print_mistakes(NoImpl("app.impl", "no `app`", Where("/nowhere/impl.py", 1)), stream)

    assert "^" not in stream.getvalue()


def test_a_terminal_gets_colours_unless_they_are_forbidden(
    mistake: NotAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), Terminal()
    print_mistakes(mistake, coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    print_mistakes(mistake, plain)

    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[" not in plain.getvalue()
