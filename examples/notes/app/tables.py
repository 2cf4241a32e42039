"""What is stored."""

from __future__ import annotations

from confect_core import Index, Table


class Note(Table, name="notes"):
    text: str
    author: str
    at: float
    tag: str | None = None

    by_author = Index("author")
