"""The committed files are what is generated, and what people and type checkers accept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from confect_codegen.discover import Project, find_project
from confect_codegen.generate import files_of, generate
from confect_codegen.loading import load

REPOSITORY = Path(__file__).parents[2]
SHOP = REPOSITORY / "tests/codegen/golden/shop"
GALLERY = REPOSITORY / "tests/codegen/golden/gallery"
PROJECTS = [REPOSITORY / "examples/notes", REPOSITORY / "examples/foundry", SHOP, GALLERY]
CACHE = REPOSITORY / ".mypy_cache/golden"


@pytest.fixture(params=PROJECTS, ids=lambda path: path.name)
def project(request: pytest.FixtureRequest) -> Project:
    root: Path = request.param
    return find_project(root)


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copied(project: Project, root: Path) -> Project:
    """The same project elsewhere, its files made in the opposite order, without generated code."""
    sources = sorted(project.root.rglob("*.py"), reverse=True)
    for path in [project.root / "pyproject.toml", *sources]:
        if not path.is_relative_to(project.generated):
            target = root / path.relative_to(project.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return find_project(root)


def test_the_committed_files_are_what_is_generated(project: Project) -> None:
    files = [path for path in project.generated.iterdir() if path.suffix in (".py", ".ts")]
    committed = {path.name: path.read_text("utf-8") for path in files}

    assert files_of(project) == committed


def test_generated_code_does_not_depend_on_what_was_generated_before(
    project: Project, tmp_path: Path
) -> None:
    assert files_of(copied(project, tmp_path)) == files_of(project)


def test_generated_code_does_not_depend_on_the_seed_of_hashes(project: Project) -> None:
    confect = "from confect_codegen.cli import main; main()"
    for seed in ("0", "1", "2"):
        check = ("codegen", str(project.root), "--check")
        run("-c", confect, *check, cwd=REPOSITORY, PYTHONHASHSEED=seed)


def test_ruff_finds_nothing_to_format_and_nothing_to_sort(project: Project) -> None:
    files = [str(path) for path in sorted(project.generated.glob("*.py"))]
    first_party = f'["{project.package}", "confect_core", "confect_server"]'
    style = ("--isolated", "--no-cache", "--line-length", "100")
    sorting = ("--config", f"lint.isort.known-first-party={first_party}")

    run("-m", "ruff", "format", "--check", *style, *files, cwd=REPOSITORY)
    run("-m", "ruff", "check", "--select", "E,F,I,W,UP", *style, *sorting, *files, cwd=REPOSITORY)


def test_a_second_generation_changes_nothing(project: Project, tmp_path: Path) -> None:
    fresh = copied(project, tmp_path)
    generate(fresh)
    written = {path: path.stat().st_mtime_ns for path in fresh.generated.iterdir()}

    assert not generate(fresh)
    assert {path: path.stat().st_mtime_ns for path in fresh.generated.iterdir()} == written


@pytest.mark.usefixtures("own_modules")
def test_what_is_generated_runs(project: Project) -> None:
    loaded = load(project)

    declared = {path for path, group in loaded.spec.walk() if group.functions}
    assert loaded.application.groups.keys() == declared
    assert [table.__name__ for table in loaded.application.data_model.tables]


@pytest.mark.parametrize("root", [SHOP, GALLERY], ids=lambda path: path.name)
def test_mypy_accepts_every_shape_of_generated_code(root: Path) -> None:
    run("-m", "mypy", ".", "--cache-dir", str(CACHE), cwd=root)


@pytest.mark.parametrize("root", [SHOP, GALLERY], ids=lambda path: path.name)
def test_pyright_accepts_every_shape_of_generated_code(root: Path) -> None:
    run("-m", "pyright", "--pythonpath", sys.executable, cwd=root)
