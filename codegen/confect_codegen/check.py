"""Everything about a project that can be known before it runs, found in one look."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel

from confect_codegen.discover import Project
from confect_codegen.emit.annotations import (
    AnnotationPrinter,
    PrivatePart,
    Unprintable,
    parts_of,
)
from confect_codegen.emit.imports import Imports
from confect_codegen.errors import (
    AmbiguousAttribute,
    AmbiguousConstructor,
    DuplicateTable,
    PrivateName,
    ReservedField,
    SpecImportsGenerated,
    SpecImportsServer,
    UnknownTable,
    UnnamedSpec,
    UnprintableType,
)
from confect_codegen.imports import Sources
from confect_codegen.model import constructor_of
from confect_codegen.naming import Names
from confect_codegen.plain import PlainSignature
from confect_core import Id, Spec, Table
from confect_core.errors import ConfectError, TaggedError, Where
from confect_core.spec import AnyFunction, AnyMiddleware, Group, Schemas
from confect_core.spec.names import python_name
from confect_core.table_checks import SYSTEM_FIELDS
from confect_core.tables import definition_of, is_system_table, is_variant
from confect_core.tables import table_mistakes as own_mistakes


def leaks(project: Project, sources: Sources, tables: Iterable[str]) -> list[ConfectError]:
    """What clients would load, but must not, by importing the specs and the tables."""
    return [
        (SpecImportsGenerated if leak.is_generated else SpecImportsServer)(
            leak.chain, leak.imported, leak.where
        )
        for leak in sources.leaks(project.module("spec"), *tables)
    ]


def table_mistakes(project: Project, tables: list[type[Table]]) -> list[ConfectError]:
    """What is wrong with the tables."""
    mistakes: list[ConfectError] = []
    seen: dict[str, Where] = {}
    for table in tables:
        definition = definition_of(table)
        if definition.name in seen:
            first = seen[definition.name]
            mistakes.append(DuplicateTable(definition.name, first, definition.where))
        seen.setdefault(definition.name, definition.where)
        mistakes += _one_table(project, table, definition.where, tables)
    return mistakes


def spec_mistakes(
    project: Project, spec: Spec, names: Names, tables: list[type[Table]]
) -> list[ConfectError]:
    """What is wrong with the tree, beside what its own constructors refused."""
    mistakes: list[ConfectError] = [*_constructors(spec)]
    for path, group in spec.walk():
        mistakes += _attributes(path, group)
        for name, function in group.functions.items():
            mistakes += _one_function(project, f"{path}:{name}", function, names, tables)
            for each in function.passes(group.middleware).middleware:
                mistakes += _one_middleware(project, each, tables)
    return mistakes


def signature_mistakes(
    project: Project,
    signatures: Mapping[AnyFunction, PlainSignature],
    names: Names,
    tables: list[type[Table]],
) -> list[ConfectError]:
    """What in the signatures of plain functions cannot be written down."""
    mistakes: list[ConfectError] = []
    for spec, signature in signatures.items():
        what = str(signature.name)
        for annotation in (*signature.parameters.values(), signature.returns):
            mistakes += _unprintable(project, what, annotation, spec.where, runs=True, names=names)
            mistakes += _strange_tables(project, what, annotation, spec.where, tables)
    return mistakes


def distinct(mistakes: Iterable[ConfectError]) -> list[ConfectError]:
    """Each mistake once: a model that two functions share is asked about twice."""
    return [*{(each.tag, each.message, each.where): each for each in mistakes}.values()]


def tables_in(modules: Iterable[ModuleType]) -> list[type[Table]]:
    """The tables that modules define, in the order of the modules and of their lines."""
    return [
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Table)
        and value.__module__ == module.__name__
        and not is_variant(value)
    ]


def _one_table(
    project: Project, table: type[Table], where: Where, tables: list[type[Table]]
) -> Iterator[ConfectError]:
    name = definition_of(table).name
    yield from own_mistakes(table)
    for document in dict.fromkeys((table, *definition_of(table).documents)):
        yield from _unprintable(project, name, document, where)
        yield from _strange_tables(project, name, document, where, tables)
        for field, info in document.model_fields.items():
            if field == "self":
                yield ReservedField(name, field, where)
            if field not in SYSTEM_FIELDS:
                yield from _unprintable(project, f"{name}.{field}", info.annotation, where)


def _one_function(
    project: Project, path: str, spec: AnyFunction, names: Names, tables: list[type[Table]]
) -> Iterator[ConfectError]:
    named = names.of_function(spec)
    if named is None:
        yield UnnamedSpec(path, spec.where)
    elif named.is_private:
        yield PrivateName(str(named), spec.where)
    own = spec.mistakes()
    yield from own
    if isinstance(spec.contract, Schemas) and not own:
        for annotation in (spec.contract.args, spec.contract.returns, spec.contract.error):
            yield from _unprintable(project, path, annotation, spec.where)
            yield from _strange_tables(project, path, annotation, spec.where, tables)


def _one_middleware(
    project: Project, middleware: AnyMiddleware, tables: list[type[Table]]
) -> Iterator[ConfectError]:
    yield from middleware.mistakes()
    name, where = middleware.__name__, middleware.where
    for named in (middleware, middleware.provides, *middleware.errors.classes):
        yield from _unprintable(project, name, named, where)
    for error in middleware.errors.classes:
        yield from _strange_tables(project, name, error, where, tables)


def _constructors(spec: Spec) -> Iterator[ConfectError]:
    seen: dict[str, str] = {}
    for path, group in spec.walk():
        name = constructor_of(path)
        if name in seen:
            yield AmbiguousConstructor(name, seen[name], path, group.where)
        seen.setdefault(name, path)


def _attributes(path: str, group: Group) -> Iterator[ConfectError]:
    seen: set[str] = set()
    places = {**{name: each.where for name, each in group.functions.items()}}
    places |= {name: each.where for name, each in group.groups.items()}
    for name, where in places.items():
        if python_name(name) in seen:
            yield AmbiguousAttribute(python_name(name), path, where)
        seen.add(python_name(name))


def _unprintable(
    project: Project,
    what: str,
    annotation: object,
    where: Where,
    *,
    runs: bool = False,
    names: Names | None = None,
) -> Iterator[ConfectError]:
    printer = AnnotationPrinter(
        project.package,
        Imports(project.package, ()),
        runs=runs,
        named=names.of_annotation if names else None,
    )
    try:
        printer.node(annotation)
    except PrivatePart as part:
        yield PrivateName(part.name, where)
    except Unprintable as unprintable:
        shown: str = getattr(unprintable.part, "__qualname__", str(unprintable.part))
        yield UnprintableType(what, shown, where)


def _strange_tables(
    project: Project, what: str, annotation: object, where: Where, known: list[type[Table]]
) -> Iterator[ConfectError]:
    for document in _tables_of(annotation, set()):
        table = definition_of(document).model
        if table not in known and not is_system_table(document):
            yield UnknownTable(what, table.__name__, project.module("tables"), where)


def _tables_of(annotation: object, seen: set[object]) -> Iterator[type[Table]]:
    """Every table that a type speaks of: as an `Id`, as a document, in a model, in an error."""
    for part in parts_of(annotation):
        origin = get_origin(part)
        if origin is Id:
            several = (each for target in get_args(part) for each in parts_of(target))
            yield from (cast("type[Table]", each) for each in several if _is_table(each))
        elif isinstance(part, type) and part not in seen:
            seen.add(part)
            if _is_table(part):
                yield cast("type[Table]", part)
            for inner in _field_types(cast("type[object]", part)):
                yield from _tables_of(inner, seen)


def _field_types(cls: type[object]) -> Iterator[object]:
    if issubclass(cls, BaseModel):
        for name, info in cls.model_fields.items():
            if not (name in SYSTEM_FIELDS and _is_table(cls)):
                yield info.annotation
    elif issubclass(cls, TaggedError):
        fields: dict[str, Any] = getattr(cls, "__pydantic_fields__", {})
        yield from (info.annotation for info in fields.values())


def _is_table(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, Table) and cls is not Table
