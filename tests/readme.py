"""`blocks`: the code that README.md shows, as tests run it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A piece of code, and where it stands."""

    language: str
    line: int
    section: str
    code: str

    def __str__(self) -> str:
        return f"{self.section}, line {self.line}"


def blocks(language: str, section: str | None = None) -> list[Block]:
    """All code in one language, or that of one section, in the order of the page."""
    text = _README.read_text(encoding="utf-8")
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        before = text[: match.start()]
        headings: list[str] = re.findall(r"^## (.*)$", before, re.MULTILINE)
        under = headings[-1] if headings else ""
        if match[1] == language and section in (None, under):
            found.append(Block(language, before.count("\n") + 2, under, match[2]))
    return found
