"""Telling the user what is wrong: the place, the line itself, what happened, what to do."""

from __future__ import annotations

import json
import linecache
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO, TypeAlias

from confect_codegen.write import Changes
from confect_core.errors import ConfectError, Mistakes, Where

Style: TypeAlias = Literal["bold", "bold red", "cyan", "dim", "green", ""]


@dataclass(frozen=True)
class Piece:
    """A stretch of text in one style."""

    text: str
    style: Style = ""


def mistakes_of(error: ConfectError | Mistakes) -> list[ConfectError]:
    """One mistake, or each of those that were found together, in the order of their places."""
    if isinstance(error, ConfectError):
        return [error]
    found: list[ConfectError] = []
    for each in error.exceptions:
        if isinstance(each, ConfectError | Mistakes):
            found += mistakes_of(each)
    return sorted(found, key=_order)


def describe(error: ConfectError) -> Iterator[list[Piece]]:
    """The lines that tell of one mistake."""
    yield [Piece(f"✘ {error.tag}  ", "bold red"), Piece(error.message, "bold")]
    if error.where:
        yield [Piece(f"  {_shown(error.where)}", "cyan")]
        yield from _excerpt(error.where)
    yield [Piece("  hint: ", "green"), Piece(error.hint)]


def print_mistakes(error: ConfectError | Mistakes, stream: TextIO | None = None) -> None:
    """Print every mistake; in colour on a terminal, unless `NO_COLOR` forbids it."""
    print_each(mistakes_of(error), stream or sys.stderr)


def print_each(mistakes: Sequence[ConfectError], stream: TextIO | None = None) -> None:
    """Print several mistakes, and how many they are."""
    out = stream or sys.stdout
    for position, mistake in enumerate(mistakes):
        if position:
            print_line("", out)
        for line in describe(mistake):
            print_line(line, out)
    if len(mistakes) > 1:
        print_line(f"\n{len(mistakes)} mistakes", out)


def as_json(mistakes: Sequence[ConfectError]) -> str:
    """The mistakes for programs to read: a list, with the place of each where it has one."""
    return json.dumps([_record(mistake) for mistake in mistakes], indent=2, ensure_ascii=False)


def print_line(line: str | list[Piece], stream: TextIO | None = None) -> None:
    """Print one line of plain or of styled text."""
    out = stream or sys.stdout
    pieces = [Piece(line)] if isinstance(line, str) else line
    if not _is_coloured(out):
        out.write("".join(piece.text for piece in pieces) + "\n")
        out.flush()
        return
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble(*((piece.text, piece.style) for piece in pieces))
    Console(file=out, highlight=False, soft_wrap=True).print(text)


def print_changes(changes: Changes, stream: TextIO | None = None) -> None:
    """Print each file with `+` if it is new, `~` if it is different, `-` if it is gone."""
    signs: list[tuple[str, Style, tuple[Path, ...]]] = [
        ("+", "green", changes.added),
        ("~", "cyan", changes.changed),
        ("-", "bold red", changes.removed),
    ]
    for sign, style, paths in signs:
        for path in paths:
            print_line([Piece(f"{sign} ", style), Piece(str(_relative(path)))], stream)


def _record(mistake: ConfectError) -> dict[str, object]:
    record: dict[str, object] = {
        "tag": mistake.tag,
        "message": mistake.message,
        "hint": mistake.hint,
    }
    if mistake.where is not None:
        record |= {"file": mistake.where.file, "line": mistake.where.line}
        record |= {"columns": mistake.where.columns} if mistake.where.columns else {}
    return record


def _is_coloured(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return False
    try:
        import rich as rich
    except ImportError:
        return False
    return True


def _excerpt(where: Where) -> Iterator[list[Piece]]:
    linecache.checkcache(where.file)
    line = linecache.getline(where.file, where.line).rstrip()
    if not line.strip():
        return
    code = line.strip()
    indent = len(line) - len(line.lstrip())
    start, end = where.columns or (indent, len(line))
    margin = f"  {where.line:>4} | "
    yield [Piece(margin, "dim"), Piece(code)]
    carets = " " * (start - indent) + "^" * (end - start)
    yield [Piece(f"{' ' * (len(margin) - 2)}| ", "dim"), Piece(carets, "bold red")]


def _shown(where: Where) -> str:
    return f"{_relative(Path(where.file))}:{where.line}"


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _order(error: ConfectError) -> tuple[str, int]:
    return (error.where.file, error.where.line) if error.where else ("", 0)
