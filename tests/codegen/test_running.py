"""What a development server leaves beside a project: the key of its administrator."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.to_thread

from confect_codegen.running import ProjectState


def test_the_admin_key_is_one_that_only_its_owner_can_read(tmp_path: Path) -> None:
    state = ProjectState.of(tmp_path)
    key = state.admin_key()
    assert len(key) >= 32
    assert state.admin_key() == key
    assert [each.name for each in state.directory.iterdir()] == ["admin_key"]
    assert (state.directory / "admin_key").stat().st_mode & 0o077 == 0


async def test_all_who_ask_for_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    keys: list[str] = []

    async def ask() -> None:
        keys.append(await anyio.to_thread.run_sync(ProjectState.of(tmp_path).admin_key))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    assert len(set(keys)) == 1
    assert keys[0]


def test_a_key_that_was_written_by_hand_may_end_its_line(tmp_path: Path) -> None:
    state = ProjectState.of(tmp_path)
    state.directory.mkdir()
    (state.directory / "admin_key").write_text("by hand\n")
    assert state.admin_key() == "by hand"
