"""The pytest plugin: a fixture with the project's application, started anew for each test.

It is here and not beside `TestApp`, because a project is found by what finds it for `confect dev`.
pytest loads it in every environment that has Confect in it: nothing is imported before it is asked
for.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import AsyncGenerator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from confect_codegen.discover import Project
    from confect_server import Impl, Settings
    from confect_server.testing import Replacement, TestApp


def pytest_configure(config: pytest.Config) -> None:
    """Let tests import the package of the project that pytest runs in."""
    file = config.rootpath / "pyproject.toml"
    if not file.is_file():
        return
    tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    if "confect" in tools:
        from confect_codegen.discover import find_project

        _make_importable(find_project(config.rootpath))


@pytest.fixture
def confect_app(request: pytest.FixtureRequest) -> Impl[Any]:
    """The application that is tested: the project's, unless a fixture of this name gives another.

    It is the very one that tests import from, not a fresh copy, so that classes are the same.
    """
    project = _project_of(request)
    _make_importable(project)
    return cast("Impl[Any]", import_module(project.module("impl")).app)


@pytest.fixture
def confect_settings(request: pytest.FixtureRequest) -> Settings:
    """How it runs: as the project's `pyproject.toml` says."""
    return _project_of(request).settings


@pytest.fixture
def confect_replacements() -> Sequence[Replacement]:
    """The services that stand in for the application's, made by `replacing`; none by default."""
    return ()


@pytest.fixture
def confect_environment() -> Mapping[str, str]:
    """The environment variables that it reads its settings from; none by default."""
    return {}


@pytest.fixture
async def confect(
    confect_app: Impl[Any],
    confect_replacements: Sequence[Replacement],
    confect_settings: Settings,
    confect_environment: Mapping[str, str],
) -> AsyncGenerator[TestApp]:
    """The application, running on an empty database of the test's own."""
    from confect_server.testing import TestApp

    async with TestApp(
        confect_app,
        *confect_replacements,
        settings=confect_settings,
        environment=confect_environment,
    ) as app:
        yield app


@pytest.fixture
def t(confect: TestApp) -> TestApp:
    """The same, for tests that call it often."""
    return confect


def _project_of(request: pytest.FixtureRequest) -> Project:
    from confect_codegen.discover import find_project

    return find_project(request.path.parent)


def _make_importable(project: Project) -> None:
    root = str(project.import_root)
    if root not in sys.path:
        sys.path.insert(0, root)
