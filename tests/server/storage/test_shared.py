"""Files of one database in several processes, and a sweeper that goes on whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from confect_server.engine import PausePoint
from confect_server.settings import Settings, Sharing, Storage
from confect_server.storage import DiskBlobs, MemoryBlobs
from confect_server.storage.errors import StoredTooSlowly
from confect_server.store import MemoryStore
from confect_server.testing import VirtualClock
from tests.server.engine.pausing import Pausing
from tests.server.storage.archive import Refs, running
from tests.server.storage.test_files import bytes_in, call, stored
from tests.server.stores import SettableClock

_NS_PER_S = 1_000_000_000
ORPHAN_S = 1_000
DELETED_S = 100
UNTOLD = Settings(
    sharing=Sharing(poll_s=None), storage=Storage(orphan_s=ORPHAN_S, deleted_s=DELETED_S)
)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def keys_in(blobs: MemoryBlobs | DiskBlobs) -> list[str]:
    return [key async for key in blobs.stored_before(2**40)]


async def test_a_process_that_was_told_of_nothing_removes_no_bytes_of_others() -> None:
    clock, store = SettableClock(), MemoryStore()
    blobs = MemoryBlobs(clock)
    async with (
        running(clock, store, blobs=blobs, settings=UNTOLD) as idle,
        running(clock, store, blobs=blobs, settings=UNTOLD) as busy,
    ):
        file = await stored(busy, b"abc")
        clock.at_ns += 2 * ORPHAN_S * _NS_PER_S
        for _ in range(2):
            await idle.sweeper.remove_orphans()
            await idle.sweeper.remove_deleted()
            clock.at_ns += 2 * DELETED_S * _NS_PER_S
        assert await call(busy, Refs.get, file=file) == b"abc"


@pytest.mark.parametrize("late_s", [ORPHAN_S, ORPHAN_S + 10, ORPHAN_S + 3 * DELETED_S])
async def test_bytes_that_were_given_up_do_not_become_a_file(late_s: int) -> None:
    """A process may sleep between the bytes and their document, and others sweep meanwhile."""
    clock, pausing, settings = SettableClock(), Pausing(), UNTOLD
    async with running(clock, pauses=pausing, settings=settings) as backend:
        hold = pausing.hold(PausePoint.FILE_STORED)
        failures: list[Exception] = []

        async def store_slowly() -> None:
            with pytest.raises(StoredTooSlowly) as refused:
                await stored(backend, b"abc")
            failures.append(refused.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store_slowly)
            await hold.wait_reached()
            clock.at_ns += late_s * _NS_PER_S
            await backend.sweeper.remove_orphans()
            clock.at_ns += 2 * DELETED_S * _NS_PER_S
            await backend.sweeper.remove_deleted()
            hold.release()
        assert failures
        assert await call(backend, Refs.every) == []
        clock.at_ns += 2 * ORPHAN_S * _NS_PER_S
        await backend.sweeper.remove_orphans()
        clock.at_ns += 2 * DELETED_S * _NS_PER_S
        await backend.sweeper.remove_deleted()
        assert bytes_in(backend) == 0


async def test_the_sweeper_goes_on_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    clock, pausing = VirtualClock(), Pausing()
    async with running(clock, pauses=pausing, settings=UNTOLD) as backend:
        pausing.fail(PausePoint.FILE_REMOVED)
        await call(backend, Refs.delete, file=await stored(backend, b"abc"))
        await clock.advance(timedelta(seconds=DELETED_S + 1))
        assert "will be tried again" in caplog.text
        await stored(backend, b"the server goes on")
        await clock.advance(timedelta(seconds=2 * DELETED_S))
        assert pausing.arrivals[PausePoint.FILE_REMOVED] == 2
        assert bytes_in(backend) == 1


async def test_what_another_process_moves_away_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may go between the look into its folder and the look at its age."""
    blobs = DiskBlobs(tmp_path)
    gone, there = [await blobs.write(chunks(b"x"), 9) for _ in range(2)]
    stat = Path.stat

    def stat_too_late(path: Path, *, follow_symlinks: bool = True) -> object:
        if path.name == gone.key:
            path.unlink(missing_ok=True)
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat_too_late)
    assert await keys_in(blobs) == [there.key]
