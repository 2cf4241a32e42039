"""Importing a project's modules: always fresh copies, and never half of them.

What one import leaves behind in `sys.modules` would be what the next one finds, so each load
forgets the package first and, if it fails, puts back what was there.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from confect_codegen.discover import GENERATED, Project
from confect_codegen.errors import (
    BrokenSource,
    GroupNotDeclared,
    GroupNotProvided,
    ImportFailed,
    NoImpl,
    NoImplModule,
    NoSpec,
    NoSpecModule,
    PlainNeedsImpls,
)
from confect_core import Spec
from confect_core.errors import ConfectError, Mistakes, Where, refuse
from confect_server import Impl


@dataclass(frozen=True)
class LoadedProject:
    """A project whose modules are imported: what it offers and what runs it."""

    project: Project
    spec: Spec
    application: Impl[Any]


def load(project: Project) -> LoadedProject:
    """A fresh copy of a project, checked to implement what it declares.

    On failure the modules of the previous copy are back in place.
    """
    with fresh_modules(project, keep=True):
        spec = import_spec(project)
        application = _import_application(project)
        refuse(f"the application {project.package}", _mismatches(project, spec, application))
    return LoadedProject(project, spec, application)


@contextmanager
def fresh_modules(project: Project, *, keep: bool) -> Generator[None]:
    """Inside, the project's modules are imported anew; they stay if `keep` and nothing fails."""
    before = _forget(project.package)
    writes_bytecode = sys.dont_write_bytecode
    # bytecode is valid for a second and a size, so a quick edit of one character would go unseen
    sys.dont_write_bytecode = True
    entry = str(project.import_root)
    was_importable = entry in sys.path
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    kept = False
    try:
        yield
        kept = keep
    finally:
        sys.dont_write_bytecode = writes_bytecode
        if not kept:
            _forget(project.package)
            sys.modules.update(before)
        # handlers may import later what they need, so a kept project stays importable
        if was_importable or not kept:
            sys.path.remove(entry)


@contextmanager
def generated_modules(project: Project, sources: Mapping[str, str]) -> Generator[None]:
    """Inside, the generated modules are these sources, whatever is on disk."""
    finder = _GeneratedFinder(project, sources)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def import_module(project: Project, name: str) -> ModuleType:
    """A module of the project; what it raises becomes an error at the user's line."""
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        where = Where(error.filename or name, error.lineno or 1)
        raise BrokenSource(error.msg, where) from None
    except Mistakes as mistakes:
        for each in mistakes.exceptions:
            if isinstance(each, ConfectError):
                _locate(project, each, mistakes)
        raise
    except ConfectError as error:
        _locate(project, error, error)
        raise
    except (Exception, SystemExit) as error:
        raise ImportFailed(name, error, place_of(project, error, name)) from error


def import_spec(project: Project) -> Spec:
    """What the project offers."""
    name = project.module("spec")
    if project.file_of(name) is None:
        raise NoSpecModule(project.package, Where(str(project.folder / "spec.py"), 1))
    module = import_module(project, name)
    found: object = getattr(module, "spec", None)
    if isinstance(found, Spec):
        return found
    raise NoSpec(name, _found("spec", found), Where(str(module.__file__), 1))


def place_of(project: Project, error: BaseException, module: str) -> Where:
    """The innermost line of the user's that an exception passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_users(project, frame.filename)]
    if own:
        return Where(own[-1].filename, own[-1].lineno or 1)
    return Where(str(project.file_of(module) or project.folder), 1)


def _import_application(project: Project) -> Impl[Any]:
    name = project.module("impl")
    if project.file_of(name) is None:
        raise NoImplModule(project.package, Where(str(project.folder / "impl.py"), 1))
    module = import_module(project, name)
    found: object = getattr(module, "app", None)
    if isinstance(found, Impl):
        return found  # pyright: ignore[reportUnknownVariableType]  # an Impl of whichever services
    raise NoImpl(name, _found("app", found), Where(str(module.__file__), 1))


def _mismatches(project: Project, spec: Spec, application: Impl[Any]) -> list[ConfectError]:
    declared = {path: group for path, group in spec.walk() if group.functions}
    where = Where(str(project.file_of(project.module("impl"))), 1)
    return [
        *(GroupNotProvided(path, where) for path in declared if path not in application.groups),
        *(
            GroupNotDeclared(path, where)
            for path, group in application.groups.items()
            if path not in declared and group.needs_spec
        ),
    ]


def _found(name: str, value: object) -> str:
    return f"no `{name}`" if value is None else f"`{name}` as a {type(value).__name__}"


def _forget(package: str) -> dict[str, ModuleType]:
    names = [each for each in sys.modules if each == package or each.startswith(f"{package}.")]
    return {name: sys.modules.pop(name) for name in names}


def _locate(project: Project, error: ConfectError, raised: BaseException) -> None:
    error.where = error.where or place_of(project, raised, project.package)


def _is_users(project: Project, file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(project.folder) and not path.is_relative_to(project.generated)


class _GeneratedFinder(MetaPathFinder, Loader):
    """Imports generated modules from memory while their files do not exist yet."""

    def __init__(self, project: Project, sources: Mapping[str, str]) -> None:
        self._project = project
        self._package = project.module(GENERATED)
        self._sources = sources

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        if fullname == self._package:
            return spec_from_loader(fullname, self, is_package=True)
        if fullname == f"{self._package}.impls":
            raise PlainNeedsImpls(self._project.package, self._importing_line())
        if fullname.removeprefix(f"{self._package}.") in self._sources:
            return spec_from_loader(fullname, self)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__.removeprefix(f"{self._package}.")
        file = str(self._project.generated / f"{name}.py")
        if module.__name__ != self._package:
            exec(compile(self._sources[name], file, "exec"), module.__dict__)

    def _importing_line(self) -> Where:
        frame = sys._getframe()
        while frame.f_back and not _is_users(self._project, frame.f_code.co_filename):
            frame = frame.f_back
        return Where(frame.f_code.co_filename, frame.f_lineno)
