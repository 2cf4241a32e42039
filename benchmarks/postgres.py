"""The peer of the hot counter: PostgreSQL, with 32 connections that read, add one and write.

The clients are `pgbench`, which is C and retries a serialization failure at once: no Python is in
the peer's way. The server is one of our own, in a folder that is gone afterwards, as durable as it
is by default.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")
_AS_SUPERUSER = ("-U", "postgres")
_START_TIMEOUT_S = 30
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_TABLE = "CREATE TABLE counters (id int PRIMARY KEY, count int); INSERT INTO counters VALUES (1, 0)"
_INCREMENT = r"""
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count FROM counters WHERE id = 1 \gset
UPDATE counters SET count = :count + 1 WHERE id = 1;
COMMIT;
"""


class Postgres:
    """A running server with a counter in it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._script = folder / "increment.sql"
        self._script.write_text(_INCREMENT)
        self._run("psql", "-d", "postgres", "-c", _TABLE)

    def increments_a_second(self, connections: int, seconds: float) -> float:
        """How often the counter is incremented, each time in a serializable transaction."""
        options = ["-n", "-c", str(connections), "-j", "2", "-T", str(max(1, round(seconds)))]
        said = self._run("pgbench", *options, "--max-tries=0", "-f", str(self._script), "postgres")
        found = _RATE.search(said)
        assert found is not None, f"pgbench says how fast it was: {said}"
        return float(found[1])

    def _run(self, program: str, *options: str) -> str:
        command = [str(self._programs / program), "-h", str(self._folder), *_AS_SUPERUSER, *options]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def postgres() -> Generator[Postgres | None]:
    """A new server while the context lasts, or None where PostgreSQL is not installed."""
    programs = _programs()
    if programs is None or not _has_owner():
        yield None
        return
    with _own_folder() as folder:
        data = folder / "data"
        owner = _owner()
        command = [str(programs / "initdb"), "-D", str(data), *_AS_SUPERUSER, "-A", "trust"]
        subprocess.run(command, check=True, capture_output=True, user=owner, cwd=folder)
        server = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), "-k", str(folder), "-h", ""],
            user=owner,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_ready([str(programs / "pg_isready"), "-h", str(folder)])
            yield Postgres(programs, folder)
        finally:
            server.terminate()
            server.wait()


def _programs() -> Path | None:
    """Where the programs of the newest PostgreSQL here are."""
    found = shutil.which("pgbench")
    if found is not None and shutil.which("initdb", path=str(Path(found).parent)):
        return Path(found).parent
    return max(_DEBIAN.glob("*/bin"), default=None)


@contextmanager
def _own_folder() -> Generator[Path]:
    """A folder that the owner of the server may use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        owner = _owner()
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder


def _owner() -> str | None:
    """PostgreSQL refuses to run as root; who runs it then."""
    return "postgres" if os.geteuid() == 0 else None


def _has_owner() -> bool:
    owner = _owner()
    return owner is None or any(each.pw_name == owner for each in pwd.getpwall())


def _wait_ready(command: Sequence[str]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while subprocess.run(command, check=False, capture_output=True).returncode != 0:
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL did not start")
        time.sleep(0.1)
