"""What can stand against storing bytes."""

from __future__ import annotations

from confect_core.errors import DatabaseError


class BlobTooLarge(DatabaseError):
    """More bytes than one file may have."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"a file cannot have more than {most} bytes",
            hint="store it in parts, or let the server take larger files",
        )


class NoSuchBlob(DatabaseError):
    """Bytes that are not there: never stored, or deleted."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"no bytes are stored under {key}",
            hint="the file was deleted, or its folder is not the one of this database",
        )
