"""How far new indexes are filled, for people who wait for a reload."""

from __future__ import annotations

from confect_codegen.report import print_line
from confect_server.engine import Backfill

_PARTS = 10


class Filling:
    """Prints a line for each tenth of an index."""

    def __init__(self) -> None:
        self._printed: dict[tuple[str, str], int] = {}

    def tell(self, filled: Backfill) -> None:
        """Some more of an index is filled."""
        index = filled.table, filled.index
        part = _PARTS * filled.done // max(filled.total, 1)
        if part > self._printed.get(index, 0) and filled.total:
            self._printed[index] = part
            name = f"{filled.table}.{filled.index}"
            print_line(f"backfilling {name} {filled.done:,}/{filled.total:,}")
