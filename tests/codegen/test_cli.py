"""`confect codegen` writes, checks, and tells mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from confect_codegen.cli import main
from tests.codegen.projects import write_project


def confect(*arguments: str) -> tuple[int, str]:
    """The exit code and everything that was printed."""
    result = CliRunner().invoke(main, [*arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_new_files_are_listed(root: Path) -> None:
    code, shown = confect("codegen")

    assert code == 0
    assert shown.splitlines() == [
        "+ app/_generated/__init__.py",
        "+ app/_generated/api.ts",
        "+ app/_generated/db.py",
        "+ app/_generated/impls.py",
        "+ app/_generated/refs.py",
    ]


def test_nothing_to_change_is_said(root: Path) -> None:
    confect("codegen")

    assert confect("codegen") == (0, "nothing to change\n")


def test_a_check_writes_nothing_and_fails_while_something_is_stale(root: Path) -> None:
    code, shown = confect("codegen", "--check")

    assert code == 1
    assert "+ app/_generated/db.py" in shown
    assert not (root / "app" / "_generated").exists()

    confect("codegen")
    assert confect("codegen", "--check")[0] == 0


def test_changed_and_stale_files_are_listed(root: Path) -> None:
    confect("codegen")
    generated = root / "app" / "_generated"
    (generated / "old.py").write_text((generated / "refs.py").read_text())
    (generated / "db.py").write_text("")

    assert confect("codegen", str(root)) == (
        0,
        "~ app/_generated/db.py\n- app/_generated/old.py\n",
    )


def test_a_mistake_is_told_and_nothing_is_written(root: Path) -> None:
    (root / "app" / "spec.py").write_text("spec = 1\n")

    code, shown = confect("codegen")

    assert code == 1
    assert "NoSpec" in shown
    assert "hint: " in shown
    assert not (root / "app" / "_generated").exists()


def test_help_loads_neither_the_generator_nor_the_server() -> None:
    script = (
        "import sys; from confect_codegen.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'confect_codegen.generate', 'confect_server', 'pydantic'} & sys.modules.keys()\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "codegen" in done.stdout
