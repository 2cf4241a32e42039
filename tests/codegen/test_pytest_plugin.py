"""The pytest plugin: what tests of a project are given, in a pytest of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from confect_codegen.generate import generate
from tests.codegen.projects import write_project

pytest_plugins = ["pytester"]

CONFIGURATION = """
    [tool.confect]

    [tool.confect.limits]
    documents_read = 7

    [tool.pytest.ini_options]
    addopts = "-p confect_codegen.pytest_plugin"
    filterwarnings = ["error"]
    anyio_mode = "auto"
"""

CONFTEST = """
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""


def outcome_of(pytester: pytest.Pytester, files: dict[str, str | None]) -> pytest.RunResult:
    given: dict[str, str | None] = {"pyproject.toml": CONFIGURATION, "tests/conftest.py": CONFTEST}
    generate(write_project(Path(pytester.path), {**given, **files}))
    return pytester.runpytest_subprocess()


def test_a_test_is_given_the_application_of_its_project(pytester: pytest.Pytester) -> None:
    test = """
        from app._generated import refs
        from app.tables import Note
        from confect_server.testing import TestApp

        async def seed(ctx):
            return await ctx.db.notes.insert(text="hi")

        async def stored(ctx):
            return [each async for each in ctx.db.notes.query()]

        async def test_one(t: TestApp) -> None:
            await t.run(seed)
            (note,) = await t.read(stored)
            assert type(note) is Note
            assert await t.query(refs.public.notes.list) == []

        async def test_another_finds_nothing_of_it(confect: TestApp, t: TestApp) -> None:
            assert t is confect
            assert await t.read(stored) == []
            assert t.backend.database.settings.limits.documents_read == 7
    """
    result = outcome_of(pytester, {"tests/test_notes.py": test})
    result.assert_outcomes(passed=2)


def test_another_application_takes_the_place_of_the_projects(pytester: pytest.Pytester) -> None:
    test = """
        import pytest

        from confect_server import Impl, layers

        @pytest.fixture
        def confect_app():
            return Impl(layers())

        async def test_it_has_no_groups(t, confect_app) -> None:
            assert not t.backend.executor.application.impl.groups
    """
    result = outcome_of(pytester, {"tests/test_notes.py": test})
    result.assert_outcomes(passed=1)


def test_tests_without_a_project_run_as_ever(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess("-p", "confect_codegen.pytest_plugin")
    result.assert_outcomes(passed=1)


def test_a_project_that_is_not_configured_is_told(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("async def test_nothing(t): pass")
    options = "-p", "confect_codegen.pytest_plugin", "-o", "anyio_mode=auto"
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*NoProject: *is in no project*"])
