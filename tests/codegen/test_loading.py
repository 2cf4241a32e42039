"""Loading gives fresh copies of a project's modules, or leaves everything as it was."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from confect_codegen.discover import Project
from confect_codegen.errors import (
    GroupNotDeclared,
    GroupNotProvided,
    ImportFailed,
    NoImpl,
    NoImplModule,
)
from confect_codegen.generate import files_of, generate
from confect_codegen.loading import load
from tests.codegen.projects import MINIMAL, line_of, write_project

pytestmark = pytest.mark.usefixtures("own_modules")


WITHOUT_TABLES: dict[str, str | None] = {
    "app/spec.py": "import app.tables\nfrom confect_core import Spec\nspec = Spec.make()\n",
    "app/impl.py": "from confect_server import Impl, layers\napp = Impl(layers()).provide()\n",
}


def _own_modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "app"}


def generated(root: Path, files: dict[str, str | None] | None = None) -> Project:
    project = write_project(root, files)
    generate(project)
    return project


def test_a_project_is_loaded_with_what_it_offers_and_what_runs_it(tmp_path: Path) -> None:
    loaded = load(generated(tmp_path))

    assert [path for path, _ in loaded.spec.functions()] == ["notes:list"]
    assert [*loaded.application.groups] == ["notes"]


def test_a_second_load_sees_what_was_saved_even_within_the_same_second(tmp_path: Path) -> None:
    project = generated(tmp_path, {"app/tables.py": "VERSION = 1\n", **WITHOUT_TABLES})
    load(project)
    first = sys.modules["app.tables"]

    source = tmp_path / "app" / "tables.py"
    source.write_text(source.read_text().replace("VERSION = 1", "VERSION = 2"))
    load(project)

    assert first.__dict__["VERSION"] == 1
    assert sys.modules["app.tables"].__dict__["VERSION"] == 2


def test_a_load_that_fails_puts_back_the_modules_of_the_last_one(tmp_path: Path) -> None:
    project = generated(tmp_path)
    load(project)
    before = _own_modules()

    with (tmp_path / "app" / "notes.py").open("a") as file:
        file.write("\nraise RuntimeError('broken')\n")
    with pytest.raises(ImportFailed) as refused:
        load(project)

    assert line_of(refused.value) == "raise RuntimeError('broken')"
    assert _own_modules() == before


def test_generation_leaves_no_trace(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    path = [*sys.path]

    files_of(project)

    assert not _own_modules()
    assert sys.path == path
    assert not [*tmp_path.rglob("__pycache__")]
    assert not project.generated.exists()


def test_generation_does_not_disturb_a_loaded_project(tmp_path: Path) -> None:
    project = generated(tmp_path)
    load(project)
    before = _own_modules()

    files_of(project)

    assert _own_modules() == before


def test_handlers_can_import_from_the_project_after_it_was_loaded(tmp_path: Path) -> None:
    project = generated(tmp_path, {"app/later.py": "VALUE = 1\n"})
    for _ in range(2):
        load(project)

    assert sys.path.count(str(tmp_path)) == 1
    assert __import__("app.later").later.VALUE == 1


def test_a_project_without_an_application_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoImplModule):
        load(generated(tmp_path, {"app/impl.py": None}))


@pytest.mark.parametrize("source", ["application = 1\n", "app = 1\n"])
def test_an_application_that_is_none_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(NoImpl):
        load(generated(tmp_path, {"app/impl.py": source}))


def test_a_group_that_nobody_provides_is_refused(tmp_path: Path) -> None:
    empty = "from confect_server import Impl, layers\napp = Impl(layers())\n"

    with pytest.raises(GroupNotProvided):
        load(generated(tmp_path, {"app/impl.py": empty}))


def test_a_group_that_nobody_declares_is_refused(tmp_path: Path) -> None:
    more = MINIMAL["app/impl.py"].replace(
        "app = Impl(layers()).provide(", "app = Impl(layers()).provide(stray, "
    )
    stray = "stray = GroupImpl('stray', GroupSpec.make('stray'), {})\n\n        app = "
    more = more.replace("app = ", stray).replace(
        "from confect_server import",
        "from confect_core import GroupSpec\n        from confect_server import GroupImpl,",
    )

    with pytest.raises(GroupNotDeclared):
        load(generated(tmp_path, {"app/impl.py": more}))


def test_a_group_of_plain_functions_needs_no_spec(tmp_path: Path) -> None:
    library = "library = GroupImpl('library', GroupSpec.make('library'), {}).add_plain(ping)"
    text = (
        MINIMAL["app/impl.py"]
        .replace("app = Impl(layers()).provide(", "app = Impl(layers()).provide(library, ")
        .replace(
            "app = ",
            f"@plain.query\n        async def ping(ctx: QueryCtx) -> int:\n"
            f"            return 1\n\n        {library}\n\n        app = ",
        )
        .replace(
            "from confect_server import",
            "from confect_core import GroupSpec\n        "
            "from confect_server import GroupImpl, plain,",
        )
    )
    project = write_project(tmp_path, {"app/impl.py": text})
    generate(project)
    assert list(load(project).application.groups) == ["library", "notes"]
