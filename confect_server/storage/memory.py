"""Files in memory, for a database in memory: both are gone together."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterable, AsyncIterator

from confect_server.engine import Timepiece
from confect_server.storage.blobs import Blob
from confect_server.storage.errors import BlobTooLarge, NoSuchBlob

_CHUNK = 256 * 1024
_KEY_BYTES = 16
_NS_PER_S = 1_000_000_000


class MemoryBlobs:
    """Stores bytes in memory."""

    def __init__(self, clock: Timepiece) -> None:
        self._clock = clock
        self._stored: dict[str, tuple[bytes, float]] = {}

    async def write(self, chunks: AsyncIterable[bytes], at_most: int) -> Blob:
        """Store what comes; raises `BlobTooLarge`, and keeps nothing if that is cut."""
        content = bytearray()
        async for chunk in chunks:
            content += chunk
            if len(content) > at_most:
                raise BlobTooLarge(at_most)
        key = secrets.token_hex(_KEY_BYTES)
        self._stored[key] = bytes(content), self._clock.now_ns() / _NS_PER_S
        return Blob(key, len(content), hashlib.sha256(content).digest())

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, in chunks; raises `NoSuchBlob`."""
        if key not in self._stored:
            raise NoSuchBlob(key)
        content = memoryview(self._stored[key][0])[start:end]
        for at in range(0, len(content), _CHUNK):
            yield bytes(content[at : at + _CHUNK])

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        self._stored.pop(key, None)

    async def stored_before(self, at_s: float) -> AsyncIterator[str]:
        """The keys of everything that was stored before a moment, in seconds since the epoch."""
        for key in [key for key, (_, stored_at_s) in self._stored.items() if stored_at_s < at_s]:
            yield key
