"""A project is found from any folder in it, or what is missing is said."""

from __future__ import annotations

from dataclasses import Field, fields, replace
from pathlib import Path

import pytest

from confect_codegen.discover import find_project
from confect_codegen.errors import BadConfiguration, NoPackage, NoProject, NotConfigured
from confect_codegen.generate import generate
from confect_server import Limits, Memory, Retention, Settings
from tests.codegen.projects import line_of, write_project


def test_a_project_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    project = write_project(tmp_path)

    assert find_project(tmp_path / "app") == project
    assert project.generated == tmp_path / "app" / "_generated"


def test_the_package_may_have_another_name_and_lie_in_src(tmp_path: Path) -> None:
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.confect]\napp = "shop"\n')

    project = find_project(tmp_path)

    assert project.folder == tmp_path / "src" / "shop"
    assert project.module("notes", "spec") == "shop.notes.spec"


def test_a_package_inside_a_larger_repository_belongs_to_the_nearest_project(
    tmp_path: Path,
) -> None:
    write_project(tmp_path)
    inner = tmp_path / "tools"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\n")

    assert find_project(inner).root == tmp_path


def test_undeclared_tables_are_refused_unless_the_project_allows_them(tmp_path: Path) -> None:
    assert not write_project(tmp_path).undeclared_tables

    (tmp_path / "pyproject.toml").write_text("[tool.confect]\nundeclared_tables = true\n")

    assert find_project(tmp_path).undeclared_tables


def test_the_types_for_typescript_go_where_the_front_end_is_but_never_over_another_file(
    tmp_path: Path,
) -> None:
    project = write_project(tmp_path)
    assert project.typescript == tmp_path / "app" / "_generated" / "api.ts"

    (tmp_path / "pyproject.toml").write_text('[tool.confect]\ntypescript = "web/api.ts"\n')
    generate(find_project(tmp_path))
    written = (tmp_path / "web" / "api.ts").read_text()
    assert "export const api" in written
    assert not generate(find_project(tmp_path))

    (tmp_path / "web" / "api.ts").write_text("export {};\n")
    with pytest.raises(BadConfiguration):
        find_project(tmp_path)


def test_no_pyproject_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoProject):
        find_project(tmp_path)


def test_a_pyproject_without_our_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")

    with pytest.raises(NotConfigured) as refused:
        find_project(tmp_path)
    assert line_of(refused.value) == "[project]"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('app = "shop"', NoPackage),
        ('app = "my shop"', BadConfiguration),
        ("app = 3", BadConfiguration),
        ('apps = "shop"', BadConfiguration),
        ('undeclared_tables = "yes"', BadConfiguration),
        ("typescript = true", BadConfiguration),
        ('typescript = "web"', BadConfiguration),
        ("limits = 3", BadConfiguration),
        ("limits.nestings = 3", BadConfiguration),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_its_line(
    line: str, error: type[Exception], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n\n[tool.confect]\n{line}\n')

    with pytest.raises((NoPackage, BadConfiguration)) as refused:
        find_project(tmp_path)
    assert type(refused.value) is error
    assert line_of(refused.value) == line


@pytest.mark.parametrize("text", ["[tool.confect\n", "[tool]\nconfect = 1\n"])
def test_a_pyproject_that_cannot_be_read_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(BadConfiguration):
        find_project(tmp_path)


def configure(folder: Path, *lines: str) -> None:
    write_project(folder)
    (folder / "pyproject.toml").write_text("\n".join(["[tool.confect]", *lines, ""]))


def test_settings_are_read_where_they_differ_from_the_defaults(tmp_path: Path) -> None:
    configure(
        tmp_path,
        "[tool.confect.limits]",
        "documents_read = 100",
        "run_time_s = 2",
        "[tool.confect.retention]",
        "history_s = 60.5",
        "[tool.confect.memory]",
        "query_cache_bytes = 1_000_000",
    )

    assert find_project(tmp_path).settings == Settings(
        limits=Limits(documents_read=100, run_time_s=2),
        retention=Retention(history_s=60.5),
        memory=Memory(query_cache_bytes=1_000_000),
    )


def test_a_project_that_says_nothing_has_the_default_settings(tmp_path: Path) -> None:
    assert write_project(tmp_path).settings == Settings()


def _other(value: object) -> str:
    """Another value of a setting, as TOML; what is not set by itself is a text."""
    match value:
        case bool():
            return str(not value).lower()
        case int() | float():
            return str(value + 1)
        case _:
            return '"elsewhere"'


@pytest.mark.parametrize("section", fields(Settings), ids=lambda each: each.name)
def test_every_setting_can_be_set(section: Field[object], tmp_path: Path) -> None:
    default = getattr(Settings(), section.name)
    for each in fields(default):
        value = getattr(default, each.name)
        configure(tmp_path, f"[tool.confect.{section.name}]", f"{each.name} = {_other(value)}")
        read = getattr(find_project(tmp_path).settings, section.name)
        assert getattr(read, each.name) != value
        assert replace(read, **{each.name: value}) == default


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("documents_reads = 3", "has no setting called documents_reads; it has documents_read, "),
        ("documents_read = 3.5", "documents_read = 3.5 in [tool.confect.limits] is not a whole"),
        ("documents_read = true", "is not a whole number"),
        ('documents_read = "3"', "is not a whole number"),
        ("documents_read = -1", "is not a whole number"),
        ("run_time_s = nan", "is not a number"),
        ("run_time_s = inf", "is not a number"),
        ("run_time_s = true", "is not a number"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_at_its_line(
    line: str, problem: str, tmp_path: Path
) -> None:
    configure(tmp_path, "[tool.confect.memory]", "", "[tool.confect.limits]", "nesting = 3", line)

    with pytest.raises(BadConfiguration) as refused:
        find_project(tmp_path)
    assert problem in refused.value.message
    assert line_of(refused.value) == line


@pytest.mark.parametrize(
    ("section", "line", "least"),
    [
        ("actions", "threads = 0", "1"),
        ("actions", "processes = 0", "1"),
        ("actions", "process_jobs = 0", "1"),
        ("scheduling", "lease_s = 0", "1"),
        ("requests", "at_once = 0", "1"),
        ("requests", "idle_s = 0", "0.001"),
    ],
)
def test_an_amount_with_which_nothing_would_run_is_refused_at_its_line(
    section: str, line: str, least: str, tmp_path: Path
) -> None:
    configure(tmp_path, f"[tool.confect.{section}]", line)

    with pytest.raises(BadConfiguration) as refused:
        find_project(tmp_path)
    assert f"{line} in [tool.confect.{section}] is less than {least}" in refused.value.message
    assert line_of(refused.value) == line


def test_a_table_of_settings_that_there_is_not_is_refused_at_its_line(tmp_path: Path) -> None:
    configure(tmp_path, 'app = "app"', "", "[tool.confect.limit]", "nesting = 3")

    with pytest.raises(BadConfiguration, match="no setting called limit; it has app, limits") as no:
        find_project(tmp_path)
    assert line_of(no.value) == "[tool.confect.limit]"
