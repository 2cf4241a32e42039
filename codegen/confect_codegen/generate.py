"""Generation: from a project's specs and tables to the text of its generated modules.

Plain functions take the ctx that `_generated/db.py` declares, and often call through
`_generated/refs.py`; yet the refs hold the plain functions' signatures. So generation goes in
stages, each imported from memory: tables give `db`, specs give `refs` without signatures, these
make plain functions importable, and their signatures complete `refs` and `impls`. Nothing is
written before everything is right.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import relpath
from types import ModuleType

from confect_codegen.check import (
    distinct,
    leaks,
    signature_mistakes,
    spec_mistakes,
    table_mistakes,
    tables_in,
)
from confect_codegen.discover import Project
from confect_codegen.emit.db import emit_db
from confect_codegen.emit.impls import emit_impls
from confect_codegen.emit.refs import emit_refs
from confect_codegen.emit.source import source
from confect_codegen.emit.typescript import emit_typescript
from confect_codegen.imports import Sources
from confect_codegen.loading import fresh_modules, generated_modules, import_module, import_spec
from confect_codegen.model import ProjectModel, TableModel, model_of_spec, model_of_table
from confect_codegen.naming import Names
from confect_codegen.plain import PlainFunctions, PlainSignature
from confect_codegen.write import Changes, changes, write
from confect_core import Spec, Table
from confect_core.errors import ConfectError, Mistakes, refuse
from confect_core.spec import AnyFunction


def generate(project: Project, *, check: bool = False) -> Changes:
    """Bring a project's generated modules up to date and say what changed; `check` writes nothing.

    Raises everything that is wrong with the project together, and then writes nothing either.
    """
    files = files_of(project)
    return changes(project.generated, files) if check else write(project.generated, files)


def files_of(project: Project) -> dict[str, str]:
    """The text of every generated file, by its path from the folder of generated modules."""
    sources = Sources(project)
    with fresh_modules(project, keep=False):
        return _Generation(project, sources, *_declared(project, sources)).files()


def declared_tables(project: Project) -> list[type[Table]]:
    """The tables of a project, freshly imported; nothing needs to be generated for that."""
    sources, modules = Sources(project), _table_modules(project)
    with fresh_modules(project, keep=True):
        refuse(f"the project {project.package}", leaks(project, sources, modules))
        tables = tables_in([import_module(project, name) for name in modules])
        refuse(f"the project {project.package}", table_mistakes(project, tables))
    return tables


def _declared(project: Project, sources: Sources) -> tuple[Spec, list[type[Table]]]:
    """What specs and tables declare, once it is sure that they stand alone."""
    modules = _table_modules(project)
    refuse(f"the project {project.package}", leaks(project, sources, modules))
    loaded = [import_module(project, name) for name in modules]
    return import_spec(project), tables_in(loaded)


@dataclass(frozen=True)
class _Generation:
    project: Project
    sources: Sources
    spec: Spec
    tables: list[type[Table]]

    def files(self) -> dict[str, str]:
        names = Names(self._importable_by_clients(), self.sources)
        tables = table_mistakes(self.project, self.tables)
        declared = spec_mistakes(self.project, self.spec, names, self.tables)
        self._refuse([*tables, *declared])
        table_models = tuple(model_of_table(table) for table in self.tables)
        undeclared = self.project.undeclared_tables
        db = emit_db(self.project.package, table_models, undeclared=undeclared)
        refs = emit_refs(self._model(table_models, names, {}))
        with generated_modules(self.project, {"db": db, "refs": refs}):
            signatures = self._signatures()
        # what plain functions imported may name types of their signatures
        names = Names(self._importable_by_clients(), self.sources)
        self._refuse(signature_mistakes(self.project, signatures, names, self.tables))
        model = self._model(table_models, names, signatures)
        return {
            relpath(self.project.typescript, self.project.generated): emit_typescript(model),
            "__init__.py": source("Typed access to this application."),
            "db.py": db,
            "impls.py": emit_impls(model),
            "refs.py": emit_refs(model),
        }

    def _signatures(self) -> dict[AnyFunction, PlainSignature]:
        reader = PlainFunctions(self.project, self.sources)
        signatures: dict[AnyFunction, PlainSignature] = {}
        mistakes: list[ConfectError] = []
        for path, function in self.spec.functions():
            if not function.is_plain:
                continue
            try:
                signatures[function] = reader.read(path, function)
            except Mistakes as several:
                mistakes += [each for each in several.exceptions if isinstance(each, ConfectError)]
            except ConfectError as mistake:
                mistakes.append(mistake)
        self._refuse(mistakes)
        return signatures

    def _importable_by_clients(self) -> list[ModuleType]:
        """The modules that are imported by now, but for those that need the server."""
        return [
            module
            for name, module in sorted(sys.modules.items())
            if self.project.owns(name) and self.sources.is_for_clients(name)
        ]

    def _model(
        self,
        tables: tuple[TableModel, ...],
        names: Names,
        signatures: Mapping[AnyFunction, PlainSignature],
    ) -> ProjectModel:
        groups = model_of_spec(self.spec, names, signatures)
        return ProjectModel(self.project.package, groups, tables, names)

    def _refuse(self, mistakes: list[ConfectError]) -> None:
        refuse(f"the project {self.project.package}", distinct(mistakes))


def _table_modules(project: Project) -> list[str]:
    name = project.module("tables")
    if project.file_of(name) is None:
        return []
    return [name, *project.submodules(name)]
