"""Bytes on disk: whole or not there, whatever happens while they arrive."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from confect_server.storage import DiskBlobs
from confect_server.storage.errors import BlobTooLarge, NoSuchBlob

ANY_SIZE = 2**40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def blobs(folder: Path) -> DiskBlobs:
    return DiskBlobs(folder)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(blobs: DiskBlobs, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(key, start, end)])


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def folders_with_files(folder: Path) -> list[str]:
    return [path.parent.name for path in folder.rglob("*") if path.is_file()]


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_file_may_be_empty(blobs: DiskBlobs) -> None:
    blob = await blobs.write(chunks(), ANY_SIZE)
    assert blob.size == 0
    assert await content(blobs, blob.key) == b""


async def test_a_large_file_is_read_in_parts(blobs: DiskBlobs) -> None:
    data = os.urandom(700_000)
    blob = await blobs.write(chunks(data[:300_000], data[300_000:]), ANY_SIZE)
    sizes = [len(chunk) async for chunk in blobs.read(blob.key)]
    assert len(sizes) > 1
    assert await content(blobs, blob.key) == data


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 4, b"0123"),
        (2, 5, b"234"),
        (8, None, b"89"),
        (8, 99, b"89"),
        (10, None, b""),
        (3, 3, b""),
    ],
)
async def test_a_range_is_read(
    start: int, end: int | None, expected: bytes, blobs: DiskBlobs
) -> None:
    blob = await blobs.write(chunks(b"0123456789"), ANY_SIZE)
    assert await content(blobs, blob.key, start, end) == expected


async def test_a_file_has_at_most_as_many_bytes_as_allowed(blobs: DiskBlobs, folder: Path) -> None:
    assert (await blobs.write(chunks(b"abc"), 3)).size == 3
    with pytest.raises(BlobTooLarge):
        await blobs.write(chunks(b"ab", b"cd"), 3)
    assert len(files_in(folder)) == 1


async def test_nothing_is_left_of_what_did_not_arrive(blobs: DiskBlobs, folder: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.write(broken(), ANY_SIZE)
    assert files_in(folder) == []


async def test_nothing_is_left_of_what_was_cancelled(blobs: DiskBlobs, folder: Path) -> None:
    has_begun = anyio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        has_begun.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(blobs.write, endless(), ANY_SIZE)
        await has_begun.wait()
        tasks.cancel_scope.cancel()
    assert files_in(folder) == []


async def test_a_name_leads_to_whole_bytes_only(blobs: DiskBlobs, folder: Path) -> None:
    """While bytes arrive they are nowhere that a key leads to."""
    seen: list[list[str]] = []

    async def watched() -> AsyncIterator[bytes]:
        yield b"half"
        seen.append(folders_with_files(folder))
        yield b"rest"

    await blobs.write(watched(), ANY_SIZE)
    assert seen == [["arriving"]]


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "0" * 31, "g" * 32, "A" * 32])
async def test_no_key_leads_out_of_the_folder(key: str, blobs: DiskBlobs) -> None:
    with pytest.raises(NoSuchBlob):
        await content(blobs, key)
    with pytest.raises(NoSuchBlob):
        await blobs.delete(key)


async def test_a_sweep_finds_what_is_old_and_removes_what_never_arrived(
    blobs: DiskBlobs, folder: Path
) -> None:
    assert [key async for key in blobs.stored_before(time.time())] == []
    old = await blobs.write(chunks(b"old"), ANY_SIZE)
    left = folder / "arriving" / ("0" * 32)
    left.write_bytes(b"half")
    for path in (left, folder / old.key[:2] / old.key):
        os.utime(path, (1_000, 1_000))
    new = await blobs.write(chunks(b"new"), ANY_SIZE)
    assert [key async for key in blobs.stored_before(2_000)] == [old.key]
    assert sorted(files_in(folder)) == sorted([old.key, new.key])


async def test_only_its_owner_may_look_into_the_folder(blobs: DiskBlobs, folder: Path) -> None:
    await blobs.write(chunks(b"private"), ANY_SIZE)
    assert mode_of(folder) & 0o077 == 0
