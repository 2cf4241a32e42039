"""`Files`: the stored files of a database: bytes first, then the document that makes it a file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from confect_core import Id, StoredFile
from confect_server.engine import PausePoint, Pauses, Timepiece, Transaction
from confect_server.settings import Storage
from confect_server.storage.blobs import Blob, Blobs
from confect_server.storage.errors import BadContentType, NoOrigin, StoredTooSlowly, WrongDigest
from confect_server.storage.rows import add_file, is_known
from confect_server.storage.upload_tokens import UploadTokens

T = TypeVar("T")

_NS_PER_MS = 1_000_000
_MS_PER_S = 1_000


class Transact(Protocol):
    """Does work on the database as one transaction, or as a part of one."""

    async def __call__(self, work: Callable[[Transaction], Awaitable[T]], /) -> T:
        """What the work gives."""
        ...


class Files:
    """Stores bytes as files, and knows the URLs by which they come and go."""

    def __init__(
        self,
        blobs: Blobs,
        tokens: UploadTokens,
        clock: Timepiece,
        settings: Storage,
        pauses: Pauses,
    ) -> None:
        self.blobs = blobs
        """Where the bytes are."""
        self.served_at: str | None = None
        """The address of the server, said by whoever serves; the setting `origin` goes before."""
        self._tokens = tokens
        self._clock = clock
        self._settings = settings
        self._pauses = pauses

    async def add(
        self,
        chunks: AsyncIterable[bytes],
        content_type: str | None,
        sha256: bytes | None,
        transact: Transact,
    ) -> Id[StoredFile]:
        """Store what comes.

        Raises `BadContentType`, `BlobTooLarge`, `WrongDigest`, and then keeps nothing, or
        `StoredTooSlowly`.
        """
        if content_type is not None and not (content_type.isascii() and content_type.isprintable()):
            raise BadContentType(content_type)
        blob = await self.blobs.write(chunks, self._settings.file_bytes)
        written_ms = self.now_ms
        if sha256 not in (None, blob.sha256):
            await self.blobs.delete(blob.key)
            raise WrongDigest(_text(sha256 or b""), _text(blob.sha256))
        await self._pauses.reached(PausePoint.FILE_STORED)
        return await transact(
            lambda transaction: self._entered(transaction, blob, content_type, written_ms)
        )

    async def _entered(
        self, transaction: Transaction, blob: Blob, content_type: str | None, written_ms: float
    ) -> Id[StoredFile]:
        """Make a file of the bytes, unless a sweeper may have given them up by now.

        If one does so at the same time, one of the two conflicts, for each looks for the other.
        """
        is_given_up = await is_known(transaction, blob.key)
        waited_ms = transaction.began_at_ns / _NS_PER_MS - written_ms
        if is_given_up or waited_ms >= self._settings.orphan_s * _MS_PER_S:
            raise StoredTooSlowly
        return await add_file(transaction, blob, content_type)

    @property
    def largest(self) -> int:
        """The most bytes that one file may have."""
        return self._settings.file_bytes

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a file, in chunks."""
        return self.blobs.read(key, start, end)

    def url(self, key: str) -> str:
        """Where clients read the bytes under this key."""
        return f"{self._origin}/api/storage/{key}"

    def upload_url(self) -> str:
        """Where clients send a file to, for a while."""
        token = self._tokens.made(self.now_ms + self._settings.upload_s * _MS_PER_S)
        return f"{self._origin}/api/storage/upload?token={token}"

    def check_token(self, token: str) -> None:
        """Raise `StorageTokenInvalid` or `StorageTokenExpired` unless it lets store files."""
        self._tokens.check(token, self.now_ms)

    @property
    def now_ms(self) -> float:
        """The time, in milliseconds since the epoch."""
        return self._clock.now_ns() / _NS_PER_MS

    @property
    def _origin(self) -> str:
        origin = self._settings.origin or self.served_at
        if origin is None:
            raise NoOrigin
        return origin.rstrip("/")


def _text(sha256: bytes) -> str:
    return b64encode(sha256).decode()
