"""What is true of a file: it is ours or refused, it keeps everything, processes share it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from confect_server.store import DatabaseBusy, ForeignDatabase, Head, SqliteStore, sqlite
from confect_server.store.sqlite_connection import connect
from tests.server.store.histories import TABLE, append, commit, doc, keys_in
from tests.server.stores import admitted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "data.db"


@pytest.fixture
def shared(path: Path) -> Path:
    """A file that is still empty and that others may write, too."""
    path.parent.mkdir()
    path.touch()
    path.chmod(0o660)
    return path


def modes_in(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}


async def test_opening_again_finds_everything(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await append(store, commit(10, a=(None, b"1")), commit(20, b=(None, b"2")))
    head, log = await store.head(), await store.log_after(0)
    await store.close()

    again = SqliteStore(path)
    await again.open()
    assert await again.head() == head
    assert await again.log_after(0) == log
    assert await keys_in(again) == [b"1", b"2"]
    await again.close()


async def test_every_file_lives_a_life_of_its_own(tmp_path: Path) -> None:
    one, other = SqliteStore(tmp_path / "one.db"), SqliteStore(tmp_path / "other.db")
    await one.open()
    await other.open()
    assert (await one.head()).incarnation != (await other.head()).incarnation
    await one.close()
    await other.close()


async def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    theirs = connect(path)
    theirs.execute("CREATE TABLE precious (x)")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(ForeignDatabase, match="another program"):
        await SqliteStore(path).open()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear database, " * 100)
    with pytest.raises(ForeignDatabase, match="not a database"):
        await SqliteStore(path).open()


async def test_a_file_of_another_format_is_refused(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.close()
    connection = connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(ForeignDatabase, match="another version"):
        await SqliteStore(path).open()


async def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForeignDatabase):
        await SqliteStore(tmp_path).open()
    (tmp_path / "file").touch()
    with pytest.raises(ForeignDatabase):
        await SqliteStore(tmp_path / "file" / "data.db").open()


async def test_two_stores_on_one_file_see_each_other(path: Path) -> None:
    one, other = SqliteStore(path), SqliteStore(path)
    await one.open()
    await other.open()
    await append(one, commit(10, a=(None, b"1")))
    assert (await other.head()) == (await one.head())
    await append(other, commit(20, b=(None, b"2")))
    assert [entry.ts for entry in await one.log_after(0)] == [10, 20]
    assert await keys_in(one) == await keys_in(other) == [b"1", b"2"]
    await one.close()
    await append(other, commit(30, c=(None, b"3")))
    await other.close()


async def test_the_second_to_take_the_lock_waits_for_the_first(path: Path) -> None:
    one, other = SqliteStore(path), SqliteStore(path)
    await one.open()
    await other.open()
    heads: list[int] = []

    async def second() -> None:
        async with admitted(other) as admission:
            heads.append(admission.head.ts)

    async with anyio.create_task_group() as tasks, admitted(one) as admission:
        tasks.start_soon(second)
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert heads == []
        assert await keys_in(other) == []  # reading goes on
        await admission.append([commit(10, a=(None, b"1"))])
    assert heads == [10]
    await one.close()
    await other.close()


async def test_waiting_too_long_for_the_lock_is_an_error(path: Path) -> None:
    one, other = SqliteStore(path), SqliteStore(path, busy_timeout_s=0)
    await one.open()
    await other.open()
    async with admitted(one):
        with pytest.raises(DatabaseBusy, match=r"data\.db"):
            async with admitted(other):
                raise AssertionError("two have the lock")
    await append(other, commit(10, a=(None, b"1")))
    await one.close()
    await other.close()


async def test_a_lock_that_was_taken_in_vain_is_let_go_of(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = SqliteStore(path), SqliteStore(path, busy_timeout_s=0.1)
    await store.open()
    await other.open()

    def unreadable(connection: object) -> Head:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_head", unreadable)
        with pytest.raises(OSError, match="gone"):
            await store.admit()
    for each in (other, store):
        async with admitted(each):
            pass
    await store.close()
    await other.close()


async def test_no_read_keeps_the_log_from_starting_over(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await append(store, commit(10, a=(None, b"1")), commit(20, b=(None, b"2")))
    await store.get(TABLE, doc("a"), 20)
    await keys_in(store, limit=1)
    await store.ts_of(b"")
    await store.head()
    other = connect(path)
    busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
    assert busy == 0
    other.close()
    await store.close()


PROGRAM = """
import sys
from pathlib import Path
import anyio
from confect_server.store import SqliteStore
from tests.server.stores import admitted

async def main(path):
    store = SqliteStore(Path(path))
    await store.open()
    print((await store.head()).incarnation)
    await store.close()

sys.stdin.readline()
for path in sys.argv[1:]:
    anyio.run(main, path)
"""


def test_many_processes_may_create_one_file_at_once(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.db") for number in range(30)]
    command = [sys.executable, "-c", PROGRAM, *paths]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate()[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert len(answers[0]) == len(paths)
    assert answers[0] == answers[1] == answers[2]


async def test_a_new_file_and_its_log_are_for_their_owner_only(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await append(store, commit(10, a=(None, b"1")))
    modes = modes_in(path.parent)
    assert {"data.db", "data.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}
    await store.close()


async def test_a_file_that_is_there_keeps_what_its_owner_allows(shared: Path) -> None:
    store = SqliteStore(shared)
    await store.open()
    assert modes_in(shared.parent)["data.db"] == 0o660
    await store.close()
