"""What `ctx.storage` is: in a query, in a mutation, in an action."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

from confect_core import Id, StoredFile
from confect_server.engine import Transaction
from confect_server.storage.errors import NoSuchFile
from confect_server.storage.files import Files, Transact
from confect_server.storage.rows import file_of, key_of_file, remove_file


class FileReader:
    """The stored files, to look at."""

    def __init__(self, files: Files, transact: Transact) -> None:
        self._files = files
        self._transact = transact

    async def url(self, id: Id[StoredFile]) -> str | None:
        """Where clients read the file until it is deleted; None if it is.

        Whoever knows the URL may read the file, and nobody can guess it.
        """
        key = await self._transact(lambda transaction: _key(transaction, id))
        return None if key is None else self._files.url(key)

    async def metadata(self, id: Id[StoredFile]) -> StoredFile | None:
        """What is known of the file, or None if it is deleted."""
        return await self._transact(lambda transaction: file_of(transaction, id))


class FileWriter(FileReader):
    """The stored files, to look at and to change."""

    async def upload_url(self) -> str:
        """Where a client may POST files to for the next hour; the answer is their `storageId`."""
        return self._files.upload_url()

    async def delete(self, id: Id[StoredFile]) -> None:
        """Delete the file, if the transaction commits; raises `NoSuchFile`."""

        async def delete(transaction: Transaction) -> None:
            file = await file_of(transaction, id)
            if file is None:
                raise NoSuchFile(id)
            await remove_file(transaction, file, self._files.now_ms)

        await self._transact(delete)


class FileStore(FileWriter):
    """The stored files with their bytes."""

    async def store(
        self,
        content: bytes | AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        sha256: bytes | None = None,
    ) -> Id[StoredFile]:
        """Store a file, durably; with a digest that its bytes must have, else `WrongDigest`."""
        chunks = _one(content) if isinstance(content, bytes) else content
        return await self._files.add(chunks, content_type, sha256, self._transact)

    async def get(self, id: Id[StoredFile]) -> FileContent | None:
        """The file with its bytes, or None if it is deleted."""

        async def find(transaction: Transaction) -> FileContent | None:
            file = await file_of(transaction, id)
            if file is None:
                return None
            return FileContent(file, await key_of_file(transaction, file), self._files)

        return await self._transact(find)


class FileContent:
    """A stored file whose bytes can be read, at once or in chunks.

    async for chunk in content: ...
    """

    def __init__(self, file: StoredFile, key: str, files: Files) -> None:
        self.file = file
        """What is known of it."""
        self._key = key
        self._files = files

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._files.read(self._key)

    async def read(self) -> bytes:
        """All of its bytes."""
        return b"".join([chunk async for chunk in self])


async def _key(transaction: Transaction, id: Id[StoredFile]) -> str | None:
    file = await file_of(transaction, id)
    return None if file is None else await key_of_file(transaction, file)


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
