"""Files as functions see them, and what becomes of their bytes."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio
import pytest

from confect_core import Id, Ref, StoredFile
from confect_core.values.codec import Mismatch
from confect_server.engine import PausePoint
from confect_server.errors import WrongTable
from confect_server.log import Lines
from confect_server.runtime import CLIENT, Backend
from confect_server.settings import Settings, Storage
from confect_server.storage import DiskBlobs, MemoryBlobs
from confect_server.storage.errors import BlobTooLarge, NoOrigin, NoSuchFile, WrongDigest
from confect_server.storage.rows import file_of
from confect_server.store import MemoryStore, SqliteStore
from tests.server.engine.faults import Broken
from tests.server.engine.pausing import Pausing
from tests.server.storage.archive import Refs, Refused, running
from tests.server.stores import SettableClock

T = TypeVar("T")

_NS_PER_S = 1_000_000_000


async def call(backend: Backend, ref: Ref[..., T], **args: object) -> T:
    encoded = ref.call.encode_args((), args)
    runner = backend.executor.runner
    outside = runner.calls_outside("tests:call", None, Lines())
    return cast("T", await runner.call(ref, encoded, outside))


async def stored(backend: Backend, content: bytes, **more: object) -> Id[StoredFile]:
    return await call(backend, Refs.store, content=content, **more)


def bytes_in(backend: Backend) -> int:
    blobs = backend.files.blobs
    assert isinstance(blobs, MemoryBlobs)
    return len(blobs._stored)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


async def test_what_an_action_stores_is_known_and_read(clock: SettableClock) -> None:
    async with running(clock) as backend:
        file = await stored(backend, b"abc", content_type="text/plain")
        found = await call(backend, Refs.metadata, file=file)
        assert found is not None
        assert (found.id, found.size, found.content_type) == (file, 3, "text/plain")
        assert found.sha256 == b64encode(hashlib.sha256(b"abc").digest()).decode()
        assert await call(backend, Refs.every) == [found]
        assert await call(backend, Refs.get, file=file) == b"abc"


async def test_a_file_has_one_url_that_its_id_does_not_tell(clock: SettableClock) -> None:
    async with running(clock) as backend:
        file, other = await stored(backend, b"abc"), await stored(backend, b"abc")
        url = await call(backend, Refs.url, file=file)
        assert url is not None
        assert url.startswith("https://archive.example/api/storage/")
        assert file not in url
        assert await call(backend, Refs.url_outside, file=file) == url
        assert await call(backend, Refs.url, file=other) != url


async def test_a_document_names_a_file_and_nothing_else(clock: SettableClock) -> None:
    async with running(clock) as backend:
        file = await stored(backend, b"abc")
        paper = await call(backend, Refs.file, title="On files", file=file)
        with pytest.raises(Mismatch, match="Expected an id of table _storage"):
            await call(backend, Refs.file, title="On papers", file=paper)
        with pytest.raises(Mismatch, match="Expected an id of table _storage"):
            await call(backend, Refs.url, file=paper)


async def test_what_is_deleted_is_gone_for_functions_at_once(clock: SettableClock) -> None:
    async with running(clock) as backend:
        file = await stored(backend, b"abc")
        await call(backend, Refs.delete, file=file)
        assert await call(backend, Refs.metadata, file=file) is None
        assert await call(backend, Refs.url, file=file) is None
        assert await call(backend, Refs.get, file=file) is None
        with pytest.raises(NoSuchFile):
            await call(backend, Refs.delete, file=file)


async def test_a_mutation_that_fails_deletes_nothing(clock: SettableClock) -> None:
    async with running(clock) as backend:
        file = await stored(backend, b"abc")
        with pytest.raises(Refused):
            await call(backend, Refs.delete_and_fail, file=file)
        assert await call(backend, Refs.get, file=file) == b"abc"


async def test_whoever_watches_a_file_is_told_when_it_is_deleted(clock: SettableClock) -> None:
    async with running(clock) as backend:
        file = await stored(backend, b"abc")
        args = Refs.metadata.call.encode_args((), {"file": file})
        assert isinstance(args, dict)
        seen = await backend.executor.run_query("archive:metadata", cast("Any", args), CLIENT)
        told: list[int] = []
        assert backend.database.subscribe(seen.reads, seen.ts, told.append) is not None
        await call(backend, Refs.delete, file=file)
        assert len(told) == 1


async def test_bytes_that_are_not_what_was_said_are_refused_and_not_kept(
    clock: SettableClock,
) -> None:
    async with running(clock) as backend:
        other = b64encode(hashlib.sha256(b"abd").digest()).decode()
        with pytest.raises(WrongDigest):
            await stored(backend, b"abc", sha256=other)
        assert bytes_in(backend) == 0
        right = b64encode(hashlib.sha256(b"abc").digest()).decode()
        await stored(backend, b"abc", sha256=right)
        assert bytes_in(backend) == 1


async def test_a_file_is_no_larger_than_allowed(clock: SettableClock) -> None:
    settings = Settings(storage=Storage(file_bytes=3))
    async with running(clock, settings=settings) as backend:
        await stored(backend, b"abc")
        with pytest.raises(BlobTooLarge):
            await stored(backend, b"abcd")
        assert bytes_in(backend) == 1


async def test_a_server_that_does_not_know_where_it_is_says_so(clock: SettableClock) -> None:
    async with running(clock) as backend:
        backend.files.served_at = None
        with pytest.raises(NoOrigin):
            await call(backend, Refs.upload_url)


async def test_the_setting_goes_before_the_address_of_the_server(clock: SettableClock) -> None:
    settings = Settings(storage=Storage(origin="https://files.example"))
    async with running(clock, settings=settings) as backend:
        url = await call(backend, Refs.upload_url)
        assert url.startswith("https://files.example/api/storage/upload?token=")


async def test_deleted_bytes_stay_for_those_who_read_them_and_then_go(
    clock: SettableClock,
) -> None:
    async with running(clock) as backend:
        file = await stored(backend, b"abc")
        await stored(backend, b"another")
        await call(backend, Refs.delete, file=file)
        sweeper = backend.sweeper
        await sweeper.remove_deleted()
        assert bytes_in(backend) == 2
        clock.at_ns += 300 * _NS_PER_S
        _, next_at_ms = await sweeper.remove_deleted()
        assert (bytes_in(backend), next_at_ms) == (1, None)


async def test_the_sweeper_wakes_for_what_was_deleted(clock: SettableClock) -> None:
    settings = Settings(storage=Storage(deleted_s=0.0))
    async with running(clock, settings=settings) as backend:
        file = await stored(backend, b"abc")
        await call(backend, Refs.delete, file=file)
        with anyio.fail_after(20):
            while bytes_in(backend):
                await anyio.lowlevel.checkpoint()


async def test_bytes_that_never_became_a_file_go_after_a_day(clock: SettableClock) -> None:
    pausing = Pausing()
    async with running(clock, pauses=pausing) as backend:
        pausing.fail(PausePoint.FILE_STORED)
        with pytest.raises(Broken):
            await stored(backend, b"abc")
        kept = await stored(backend, b"kept")
        assert await call(backend, Refs.every) == [await call(backend, Refs.metadata, file=kept)]
        await backend.sweeper.remove_orphans()
        assert bytes_in(backend) == 2
        clock.at_ns += 86_401 * _NS_PER_S
        await backend.sweeper.remove_orphans()
        assert bytes_in(backend) == 1
        assert await call(backend, Refs.get, file=kept) == b"kept"


async def test_removing_goes_on_where_it_was_broken_off(clock: SettableClock) -> None:
    store, pausing = MemoryStore(), Pausing()
    blobs = MemoryBlobs(clock)
    async with running(clock, store, blobs=blobs, pauses=pausing) as backend:
        file = await stored(backend, b"abc")
        await call(backend, Refs.delete, file=file)
        clock.at_ns += 300 * _NS_PER_S
        pausing.fail(PausePoint.FILE_REMOVED)
        with pytest.raises(Broken):
            await backend.sweeper.remove_deleted()
        _, next_at_ms = await backend.sweeper.remove_deleted()
        assert next_at_ms is None


async def test_the_bytes_lie_beside_the_database_unless_told_otherwise(
    clock: SettableClock, tmp_path: Path
) -> None:
    async with running(clock, SqliteStore(tmp_path / "data.db")) as backend:
        await stored(backend, b"abc")
        (path,) = [each for each in (tmp_path / "data.db.files").rglob("*") if each.is_file()]
        assert path.read_bytes() == b"abc"
    elsewhere = Settings(storage=Storage(folder=str(tmp_path / "elsewhere")))
    async with running(clock, SqliteStore(tmp_path / "data.db"), settings=elsewhere) as backend:
        await stored(backend, b"abc")
        assert isinstance(backend.files.blobs, DiskBlobs)
    assert [each for each in (tmp_path / "elsewhere").rglob("*") if each.is_file()]


async def test_an_id_of_another_table_is_refused_by_name(clock: SettableClock) -> None:
    async with running(clock) as backend:
        file = await stored(backend, b"abc")
        paper = await call(backend, Refs.file, title="On files", file=file)
        transaction = backend.database.begin(is_read_only=True)
        with pytest.raises(WrongTable):
            await file_of(transaction, paper)
        transaction.end()
