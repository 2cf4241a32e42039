"""What can be wrong with the place where the data lies."""

from __future__ import annotations

from confect_core.errors import DatabaseError


class ForeignDatabase(DatabaseError):
    """A file that is no database of this program, or one of another version."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"{path} cannot be opened: {problem}",
            hint="name another file with --db, or move this one away",
        )


class DatabaseBusy(DatabaseError):
    """Another process holds the database for too long."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"{path} is held by another process: {problem}",
            hint="stop the other process, or give it another file",
        )
