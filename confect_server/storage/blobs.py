"""`Blobs`: the port behind which the bytes of files lie.

Bytes are written once, under a key that nobody knows before they are durable, and never changed.
A document is written after them and deleted before them, so there is no document without its bytes;
bytes without a document are found by `stored_before`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are stored."""

    key: str
    size: int
    sha256: bytes


class Blobs(Protocol):
    """Where the bytes of files lie."""

    async def write(self, chunks: AsyncIterable[bytes], at_most: int) -> Blob:
        """Store what comes, durably; raises `BlobTooLarge`, and keeps nothing if that is cut."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, in chunks; raises `NoSuchBlob`."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        ...

    def stored_before(self, at_s: float) -> AsyncIterator[str]:
        """The keys of everything that was stored before a moment, in seconds since the epoch."""
        ...
