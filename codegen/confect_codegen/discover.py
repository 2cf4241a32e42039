"""Where a project is: its folder, its package and the files that a project may have."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from confect_codegen.configuration import line_in, settings_of
from confect_codegen.emit.source import is_ours
from confect_codegen.errors import BadConfiguration, NoPackage, NoProject, NotConfigured
from confect_core.errors import Where
from confect_server import Settings

CONFIGURATION = "pyproject.toml"
"""The file that makes a folder a project, by its `[tool.confect]`."""

GENERATED = "_generated"
_DEFAULT_PACKAGE = "app"


@dataclass(frozen=True)
class Project:
    """A folder with a `pyproject.toml`, and the package in it that declares and implements."""

    root: Path
    package: str
    undeclared_tables: bool = False
    """May its functions use tables that no class declares?"""
    settings: Settings = field(default_factory=Settings)
    """How its server runs: the tables below `[tool.confect]`."""
    typescript_at: str | None = None
    """Where the types for TypeScript go, if not to the generated modules."""

    @property
    def import_root(self) -> Path:
        """The folder that the package is imported from: the project's, or `src` in it."""
        source = self.root / "src"
        return source if (source / self.package).is_dir() else self.root

    @property
    def folder(self) -> Path:
        """The folder of the package."""
        return self.import_root / self.package

    @property
    def generated(self) -> Path:
        """The folder of the generated modules."""
        return self.folder / GENERATED

    @property
    def typescript(self) -> Path:
        """The file of the types for TypeScript."""
        if self.typescript_at is None:
            return self.generated / "api.ts"
        return self.root / self.typescript_at

    @property
    def configuration(self) -> Where:
        """The file that says that this is a project."""
        return Where(str(self.root / CONFIGURATION), 1)

    def module(self, *names: str) -> str:
        """A module of the package by its name inside it: `app.notes.spec`."""
        return ".".join([self.package, *names])

    def file_of(self, module: str) -> Path | None:
        """The file of a module of the package, if there is one."""
        path = self.import_root.joinpath(*module.split("."))
        candidates = (path.with_suffix(".py"), path / "__init__.py")
        return next((each for each in candidates if each.is_file()), None)

    def submodules(self, module: str) -> Iterator[str]:
        """The modules inside a package of the project, all the way down, by name."""
        folder = self.import_root.joinpath(*module.split("."))
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).with_suffix("")
            if inner.name != "__init__":
                yield ".".join([module, *inner.parts])

    def owns(self, module: str) -> bool:
        """Is this a module of the package?"""
        return module == self.package or module.startswith(f"{self.package}.")


def find_project(directory: Path) -> Project:
    """The project that a folder is in: its own, or that of the nearest folder above."""
    start = directory.resolve()
    found = [each for each in (start, *start.parents) if (each / CONFIGURATION).is_file()]
    if not found:
        raise NoProject(start)
    for root in found:
        configured = _tables(root / CONFIGURATION)
        if configured is not None:
            return _configured(root, configured)
    raise NotConfigured(Where(str(found[0] / CONFIGURATION), 1))


def _tables(file: Path) -> dict[str, object] | None:
    text = file.read_text(encoding="utf-8")
    try:
        tools = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(str(error), Where(str(file), 1)) from None
    configured: object = tools.get("confect")
    if configured is None:
        return None
    if not isinstance(configured, dict):
        raise BadConfiguration("tool.confect is no table", line_in(file, "tool", "confect"))
    return cast("dict[str, object]", configured)


def _configured(root: Path, configured: dict[str, object]) -> Project:
    file = root / CONFIGURATION
    package = configured.get("app", _DEFAULT_PACKAGE)
    where = line_in(file, "tool.confect", "app")
    if not (isinstance(package, str) and package.isidentifier()):
        raise BadConfiguration(f"app = {package!r} is no name of a package", where)
    undeclared = configured.get("undeclared_tables", False)
    if not isinstance(undeclared, bool):
        problem = f"undeclared_tables = {undeclared!r} is neither true nor false"
        raise BadConfiguration(problem, line_in(file, "tool.confect", "undeclared_tables"))
    own = {"app", "undeclared_tables", "typescript"}
    rest = {name: value for name, value in configured.items() if name not in own}
    typescript = _typescript(configured.get("typescript"), file)
    project = Project(root, package, undeclared, settings_of(rest, file), typescript)
    if not project.folder.is_dir():
        raise NoPackage(package, project.import_root, where)
    return project


def _typescript(configured: object, file: Path) -> str | None:
    """The setting, which must not name a file of the user's that would be overwritten."""
    if configured is None:
        return None
    where = line_in(file, "tool.confect", "typescript")
    if not (isinstance(configured, str) and configured.endswith(".ts")):
        raise BadConfiguration(f"typescript = {configured!r} is no path of a .ts file", where)
    existing = file.parent / configured
    if existing.is_file() and not is_ours(existing):
        problem = f"typescript = {configured!r} is a file that `confect codegen` has not written"
        raise BadConfiguration(problem, where)
    return configured
