"""Files on disk: a folder of bytes, each file named by its key.

What comes is written beside its place and moved there once it is durable, so a name always leads to
whole bytes. Every step that touches the disk runs in a thread: a file is large, and a disk may
take its time.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import IO

import anyio.to_thread

from confect_server.storage.blobs import Blob
from confect_server.storage.errors import BlobTooLarge, NoSuchBlob

_CHUNK = 256 * 1024
_ARRIVING = "arriving"
_KEY_BYTES = 16


class DiskBlobs:
    """Stores bytes in a folder, in 256 folders of its own so that none grows too long."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, chunks: AsyncIterable[bytes], at_most: int) -> Blob:
        """Store what comes, durably; raises `BlobTooLarge`, and keeps nothing if that is cut."""
        key = secrets.token_hex(_KEY_BYTES)
        arriving = self._folder / _ARRIVING / key
        try:
            size, sha256 = await self._receive(arriving, chunks, at_most)
            await anyio.to_thread.run_sync(self._settle, arriving, self._path(key))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_remove, arriving)
            raise
        return Blob(key, size, sha256)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, in chunks; raises `NoSuchBlob`."""
        try:
            file = await anyio.to_thread.run_sync(self._path(key).open, "rb")
        except FileNotFoundError:
            raise NoSuchBlob(key) from None
        with file:
            file.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                wanted = _CHUNK if left is None else min(left, _CHUNK)
                chunk = await anyio.to_thread.run_sync(file.read, wanted)
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    async def delete(self, key: str) -> None:
        """Remove the bytes, if they are there."""
        await anyio.to_thread.run_sync(_remove, self._path(key))

    async def stored_before(self, at_s: float) -> AsyncIterator[str]:
        """The keys of everything that was stored before a moment, in seconds since the epoch.

        What began to arrive before it and never did is removed.
        """
        folders = await anyio.to_thread.run_sync(_entries, self._folder)
        for folder in folders:
            older = await anyio.to_thread.run_sync(_older, folder, at_s)
            for path in older:
                if folder.name == _ARRIVING:
                    await anyio.to_thread.run_sync(_remove, path)
                else:
                    yield path.name

    async def _receive(
        self, path: Path, chunks: AsyncIterable[bytes], at_most: int
    ) -> tuple[int, bytes]:
        digest = hashlib.sha256()
        size = 0
        file = await anyio.to_thread.run_sync(_create, path)
        with file:
            async for chunk in chunks:
                size += len(chunk)
                if size > at_most:
                    raise BlobTooLarge(at_most)
                digest.update(chunk)
                await anyio.to_thread.run_sync(file.write, chunk)
            await anyio.to_thread.run_sync(_make_durable, file)
        return size, digest.digest()

    def _settle(self, arrived: Path, path: Path) -> None:
        _make_folder(path.parent)
        arrived.rename(path)
        for folder in (path.parent, self._folder, self._folder.parent):
            _sync_folder(folder)  # each of them may be new

    def _path(self, key: str) -> Path:
        if len(key) != 2 * _KEY_BYTES or not all(each in "0123456789abcdef" for each in key):
            raise NoSuchBlob(key)  # a key never leads out of the folder
        return self._folder / key[:2] / key


def _create(path: Path) -> IO[bytes]:
    _make_folder(path.parent)
    return path.open("xb")


def _make_folder(folder: Path) -> None:
    """Make a folder inside the one of all files, which only its owner may look into."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True)


def _make_durable(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _older(folder: Path, at_s: float) -> list[Path]:
    return [path for path in _entries(folder) if _is_older(path, at_s)]


def _is_older(path: Path, at_s: float) -> bool:
    try:
        return path.stat().st_mtime < at_s
    except FileNotFoundError:  # it has arrived meanwhile, or another process has removed it
        return False
