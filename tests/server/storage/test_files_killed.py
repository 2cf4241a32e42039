"""A process is killed while it stores or removes files: no file is without its bytes, ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from confect_server.engine import PausePoint
from confect_server.settings import Settings, Storage
from confect_server.storage import DiskBlobs
from confect_server.store import SqliteStore
from tests.server.storage.archive import Refs, running
from tests.server.storage.test_files import call
from tests.server.stores import SettableClock

PROGRAM = """
import sys
from pathlib import Path
import anyio
from confect_server.engine import PausePoint
from confect_server.settings import Settings, Storage
from confect_server.store import SqliteStore
from tests.server.engine.pausing import Deadly
from tests.server.storage.archive import Refs, running
from tests.server.storage.test_files import call, stored
from tests.server.stores import SettableClock

async def main(path, point, arrival):
    at_once = Settings(storage=Storage(deleted_s=0.0))
    deadly = Deadly(PausePoint[point], int(arrival))
    store = SqliteStore(Path(path))
    async with running(SettableClock(), store, settings=at_once, pauses=deadly) as backend:
        for number in range(6):
            file = await stored(backend, str(number).encode())
            if number % 2:
                await call(backend, Refs.delete, file=file)
                await backend.sweeper.remove_deleted()

anyio.run(main, *sys.argv[1:])
"""

SOON = Settings(storage=Storage(deleted_s=0.0, orphan_s=1.0))
FAR_AHEAD_NS = 10**18


def kill_at(path: Path, point: PausePoint, arrival: int) -> None:
    """Run the program until it is killed there."""
    command = [sys.executable, "-c", PROGRAM, str(path), point.name, str(arrival)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == -9, child.stderr


@pytest.mark.parametrize(
    "point",
    [PausePoint.FILE_STORED, PausePoint.FILE_REMOVED, PausePoint.COMMIT_APPENDED],
    ids=lambda point: point.name,
)
@pytest.mark.parametrize("arrival", [1, 3])
async def test_files_have_their_bytes_and_the_rest_is_swept(
    point: PausePoint, arrival: int, tmp_path: Path
) -> None:
    path = tmp_path / "data.db"
    kill_at(path, point, arrival)
    later = SettableClock()
    later.at_ns += FAR_AHEAD_NS
    async with running(later, SqliteStore(path), settings=SOON) as backend:
        await backend.sweeper.remove_deleted()
        await backend.sweeper.remove_orphans()
        files = await call(backend, Refs.every)
        for file in files:
            assert await call(backend, Refs.get, file=file.id) is not None
        blobs = backend.files.blobs
        assert isinstance(blobs, DiskBlobs)
        kept = [key async for key in blobs.stored_before(FAR_AHEAD_NS)]
        assert len(kept) == len(files)
