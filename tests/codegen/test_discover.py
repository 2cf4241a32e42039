"""A project is found from any folder in it, or what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from confect_codegen.discover import find_project
from confect_codegen.errors import BadConfiguration, NoPackage, NoProject, NotConfigured
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
