"""What holds wherever the bytes lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from confect_server.storage import Blobs, DiskBlobs, MemoryBlobs
from confect_server.storage.errors import BlobTooLarge, NoSuchBlob
from tests.server.stores import SettableClock

ANY_SIZE = 2**40
FAR_AHEAD_S = 10**11


@pytest.fixture(params=["disk", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return DiskBlobs(tmp_path) if request.param == "disk" else MemoryBlobs(SettableClock())


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(blobs: Blobs, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(key, start, end)])


async def keys(blobs: Blobs, before_s: float) -> list[str]:
    return [key async for key in blobs.stored_before(before_s)]


async def test_what_was_written_is_read_in_whole_and_in_part(blobs: Blobs) -> None:
    data = os.urandom(600_000)
    blob = await blobs.write(chunks(data[:10], b"", data[10:]), ANY_SIZE)
    assert (blob.size, blob.sha256) == (len(data), hashlib.sha256(data).digest())
    assert await content(blobs, blob.key) == data
    assert await content(blobs, blob.key, 5, 300_000) == data[5:300_000]
    assert await content(blobs, blob.key, 599_990) == data[599_990:]


async def test_equal_bytes_have_keys_of_their_own(blobs: Blobs) -> None:
    one, other = [await blobs.write(chunks(b"abc"), ANY_SIZE) for _ in range(2)]
    assert one.key != other.key
    await blobs.delete(one.key)
    assert await content(blobs, other.key) == b"abc"


async def test_what_is_too_large_leaves_nothing(blobs: Blobs) -> None:
    with pytest.raises(BlobTooLarge):
        await blobs.write(chunks(b"ab", b"cd"), 3)
    assert await keys(blobs, FAR_AHEAD_S) == []


async def test_what_breaks_off_leaves_nothing(blobs: Blobs) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.write(broken(), ANY_SIZE)
    assert await keys(blobs, FAR_AHEAD_S) == []


async def test_what_was_deleted_is_not_there(blobs: Blobs) -> None:
    blob = await blobs.write(chunks(b"abc"), ANY_SIZE)
    await blobs.delete(blob.key)
    await blobs.delete(blob.key)
    with pytest.raises(NoSuchBlob):
        await content(blobs, blob.key)


async def test_what_is_stored_is_found_by_its_age(blobs: Blobs) -> None:
    blob = await blobs.write(chunks(b"abc"), ANY_SIZE)
    assert await keys(blobs, 0) == []
    assert await keys(blobs, FAR_AHEAD_S) == [blob.key]
