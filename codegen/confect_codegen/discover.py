"""Where a project is: its folder, its package and the files that a project may have."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from confect_codegen.errors import BadConfiguration, NoPackage, NoProject, NotConfigured
from confect_core.errors import Where

GENERATED = "_generated"
_DEFAULT_PACKAGE = "app"
_Settings = dict[str, object]


@dataclass(frozen=True)
class Project:
    """A folder with a `pyproject.toml`, and the package in it that declares and implements."""

    root: Path
    package: str
    undeclared_tables: bool = False
    """May its functions use tables that no class declares?"""

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
    def configuration(self) -> Where:
        """The file that says that this is a project."""
        return Where(str(self.root / "pyproject.toml"), 1)

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
    found = [each for each in (start, *start.parents) if (each / "pyproject.toml").is_file()]
    if not found:
        raise NoProject(start)
    for root in found:
        settings = _settings(root / "pyproject.toml")
        if settings is not None:
            return _configured(root, settings)
    raise NotConfigured(Where(str(found[0] / "pyproject.toml"), 1))


def _settings(file: Path) -> _Settings | None:
    text = file.read_text(encoding="utf-8")
    try:
        tools = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(str(error), Where(str(file), 1)) from None
    settings: object = tools.get("confect")
    if settings is None:
        return None
    if not isinstance(settings, dict):
        raise BadConfiguration("tool.confect is no table", _where(file, "confect"))
    return cast("_Settings", settings)


def _configured(root: Path, settings: _Settings) -> Project:
    file = root / "pyproject.toml"
    unknown = sorted(settings.keys() - {"app", "undeclared_tables"})
    if unknown:
        problem = f"[tool.confect] has no setting called {', '.join(unknown)}"
        raise BadConfiguration(problem, _where(file, unknown[0]))
    package = settings.get("app", _DEFAULT_PACKAGE)
    where = _where(file, "app" if "app" in settings else "[tool.confect]")
    if not (isinstance(package, str) and package.isidentifier()):
        raise BadConfiguration(f"app = {package!r} is no name of a package", where)
    undeclared = settings.get("undeclared_tables", False)
    if not isinstance(undeclared, bool):
        problem = f"undeclared_tables = {undeclared!r} is neither true nor false"
        raise BadConfiguration(problem, _where(file, "undeclared_tables"))
    project = Project(root, package, undeclared)
    if not project.folder.is_dir():
        raise NoPackage(package, project.import_root, where)
    return project


def _where(file: Path, start: str) -> Where:
    """The line of `pyproject.toml` that begins so, as far as one can tell without its parser."""
    inside = False
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        inside = inside or line.strip().startswith("[tool.confect")
        if inside and line.strip().startswith(start):
            return Where(str(file), number)
    return Where(str(file), 1)
