"""`confect env`: on the database of a project, and on its server if one runs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import anyio.to_thread
import pytest
from typer.testing import CliRunner

from confect_codegen.cli import main
from confect_codegen.running import ProjectState
from confect_server.runtime import Backend
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.environment.shop import shop


def env(project: Path, *arguments: str, given: str | None = None) -> tuple[int, str]:
    """The exit code of `confect env`, and what it printed."""
    command = ["env", *arguments, "--project", str(project)]
    result = CliRunner().invoke(main, command, input=given)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_variables_are_set_before_a_server_was_ever_started(tmp_path: Path) -> None:
    assert env(tmp_path, "list") == (0, "")
    assert not (tmp_path / ".confect" / "data.db").exists()
    assert env(tmp_path, "set", "A=1", "B=x=y") == (0, "A is set\nB is set\n")
    assert env(tmp_path, "list", "--show") == (0, "A=1\nB=x=y\n")
    assert env(tmp_path, "get", "B") == (0, "x=y\n")
    assert env(tmp_path, "remove", "A", "nothing") == (0, "A is removed\nnothing is removed\n")
    assert env(tmp_path, "list", "--show") == (0, "B=x=y\n")


def test_what_nobody_declares_is_masked(tmp_path: Path) -> None:
    env(tmp_path, "set", "A=1")
    assert env(tmp_path, "list") == (0, "A=********\n")


def test_a_value_is_read_from_the_input(tmp_path: Path) -> None:
    assert env(tmp_path, "set", "A", given="from a file\n") == (0, "A is set\n")
    assert env(tmp_path, "get", "A") == (0, "from a file\n")


def test_programs_read_json(tmp_path: Path) -> None:
    assert json.loads(env(tmp_path, "set", "A=1", "--json")[1]) == {"set": ["A"], "removed": []}
    assert json.loads(env(tmp_path, "list", "--json")[1]) == {"A": "********"}
    assert json.loads(env(tmp_path, "list", "--json", "--show")[1]) == {"A": "1"}
    assert json.loads(env(tmp_path, "get", "A", "--json")[1]) == {"A": "1"}
    assert json.loads(env(tmp_path, "remove", "A", "--json")[1]) == {"set": [], "removed": ["A"]}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["get", "A"], "A is not stored"),
        (["set", "A=1", "B"], "'B' has no value"),
        (["set", "9=1"], "is no name of a variable"),
        (["set", f"A={'x' * 9000}"], "at most 8,192 are allowed"),
    ],
)
def test_mistakes_are_told_and_change_nothing(
    arguments: list[str], told: str, tmp_path: Path
) -> None:
    code, shown = env(tmp_path, *arguments)
    assert code == 1
    assert told in shown
    assert env(tmp_path, "list") == (0, "")


async def test_a_running_server_knows_what_is_secret_and_refuses_what_does_not_fit(
    tmp_path: Path,
) -> None:
    state = ProjectState.of(tmp_path)
    key = state.admin_key()
    env_here = anyio.to_thread.run_sync
    store = SqliteStore(state.database)
    process = {"STRIPE_KEY": "of the process"}
    async with (
        Backend.open(shop(Counter()), store, process=process) as backend,
        serving(ConfectAsgi(backend, AdminKey(key)), "127.0.0.1", 0) as port,
    ):
        state.announce(f"http://127.0.0.1:{port}")
        code, _ = await env_here(env, tmp_path, "set", "STRIPE_KEY=sk", "PAGE_SIZE=5", "X=1")
        assert code == 0
        assert await env_here(env, tmp_path, "list") == (
            0,
            "PAGE_SIZE=5\nSTRIPE_KEY=********\nX=********\n",
        )
        code, shown = await env_here(env, tmp_path, "set", "PAGE_SIZE=many")
        assert code == 1
        assert "PAGE_SIZE: Input should be a valid integer" in shown
        assert (await backend.environment.stored())["PAGE_SIZE"] == "5"
        (state.directory / "admin_key").write_text("wrong")
        code, shown = await env_here(env, tmp_path, "list")
        assert (code, "needs the admin key" in shown) == (1, True)
