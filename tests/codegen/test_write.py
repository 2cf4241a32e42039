"""Files are written when they change, in one step each, and only ours are removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from confect_codegen.emit.source import source
from confect_codegen.write import changes, write

OLD, NEW = source("Old."), source("New.")


def test_new_different_and_stale_files_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, {"kept.py": OLD, "changed.py": OLD, "stale.py": OLD})

    done = write(tmp_path, {"kept.py": OLD, "changed.py": NEW, "added.py": NEW})

    assert done.added == (tmp_path / "added.py",)
    assert done.changed == (tmp_path / "changed.py",)
    assert done.removed == (tmp_path / "stale.py",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["added.py", "changed.py", "kept.py"]
    assert (tmp_path / "changed.py").read_text() == NEW


def test_asking_what_would_change_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "_generated"

    assert changes(folder, {"a.py": NEW}).added == (folder / "a.py",)
    assert not folder.exists()


def test_a_file_may_lie_elsewhere_and_is_stale_where_it_was(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "app" / "_generated", tmp_path / "web" / "src" / "api.ts"
    folder.mkdir(parents=True)
    write(folder, {"api.ts": NEW})

    done = write(folder, {"../../web/src/api.ts": NEW})

    assert done.added == (elsewhere,)
    assert done.removed == (folder / "api.ts",)
    assert elsewhere.read_text() == NEW
    assert not write(folder, {"../../web/src/api.ts": NEW})


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text('"""Mine."""\n')

    assert not write(tmp_path, {}).removed
    assert (tmp_path / "mine.py").exists()


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": OLD})
    before = (tmp_path / "a.py").stat()

    assert not write(tmp_path, {"a.py": OLD})
    after = (tmp_path / "a.py").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_new_file_may_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path, {"a.py": OLD})
    finally:
        os.umask(before)

    assert (tmp_path / "a.py").stat().st_mode & 0o777 == 0o640


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.py": OLD})

    def fail(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        write(tmp_path, {"a.py": NEW})

    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]
    assert (tmp_path / "a.py").read_text() == OLD
