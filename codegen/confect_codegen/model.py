"""The model: what generated code says, before it is text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Union, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from confect_codegen.naming import Name, Names
from confect_codegen.plain import PlainSignature
from confect_core import Absent, Spec, Table
from confect_core.spec import AnyFunction, Group, Schemas
from confect_core.spec.names import python_name
from confect_core.tables import definition_of, model_in
from confect_server.db.open_tables import keyword_of

SYSTEM_FIELDS = frozenset({"id", "creation_time"})


class Default(Enum):
    """The defaults that are no values."""

    REQUIRED = "required"
    MADE = "made"


@dataclass(frozen=True)
class FunctionModel:
    """A function: how it is named, and its schemas or its signature, if that was read already."""

    name: str
    path: str
    source: Name
    is_public: bool
    contract: Schemas | PlainSignature | None

    @property
    def attribute(self) -> str:
        """Its name in refs and among the parameters of its group's constructor."""
        return python_name(self.name)


@dataclass(frozen=True)
class GroupModel:
    """A group; without a `source` it is reached through the tree."""

    name: str
    path: str
    source: Name | None
    functions: tuple[FunctionModel, ...]
    groups: tuple[GroupModel, ...]

    @property
    def attribute(self) -> str:
        """Its name in the refs of its parent."""
        return python_name(self.name)

    @property
    def constructor(self) -> str:
        """Its name in `impls`: `admin_users` for `admin/users`."""
        return constructor_of(self.path)

    def walk(self) -> Iterator[GroupModel]:
        """This group and all below it, parents first."""
        yield self
        for group in self.groups:
            yield from group.walk()

    def has(self, *, is_public: bool) -> bool:
        """Is there a public, or an internal, function in it or below it?"""
        return any(
            function.is_public is is_public for group in self.walk() for function in group.functions
        )


@dataclass(frozen=True)
class FieldModel:
    """A field of a table; `default` is a value, or says that there is none or that it is made."""

    name: str
    annotation: object
    default: object


@dataclass(frozen=True)
class IndexModel:
    """An index with its keywords and the types of their values, creation time included."""

    name: str
    keywords: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class TableModel:
    """A table: its class, its fields and its indexes."""

    name: str
    model: type[Table]
    fields: tuple[FieldModel, ...]
    indexes: tuple[IndexModel, ...]


@dataclass(frozen=True)
class ProjectModel:
    """Everything that generated code is made from."""

    package: str
    groups: tuple[GroupModel, ...]
    tables: tuple[TableModel, ...]
    names: Names = field(repr=False, compare=False)

    def all_groups(self) -> Iterator[GroupModel]:
        """Every group of the tree, parents first."""
        for group in self.groups:
            yield from group.walk()


def constructor_of(path: str) -> str:
    """The constructor of the group at a path."""
    return python_name(path.replace("/", "_"))


def model_of_spec(
    spec: Spec, names: Names, signatures: Mapping[AnyFunction, PlainSignature]
) -> tuple[GroupModel, ...]:
    """The groups of a spec whose mistakes were looked for."""
    return tuple(_group(group, "", names, signatures) for group in spec.groups.values())


def model_of_table(table: type[Table]) -> TableModel:
    """A table whose mistakes were looked for."""
    definition = definition_of(table)
    fields = tuple(
        FieldModel(name, info.annotation, _default(info))
        for name, info in table.model_fields.items()
        if name not in SYSTEM_FIELDS and info.init is not False
    )
    indexes = tuple(
        IndexModel(name, _keywords(table, index.fields))
        for name, index in definition.indexes.items()
    )
    return TableModel(definition.name, table, fields, indexes)


def type_at(model: type[BaseModel], path: str) -> object:
    """The type of a field, dotted for nested ones.

    What is inside an optional model may be absent, which an index keeps apart from null.
    """
    first, _, rest = path.partition(".")
    annotation = model.model_fields[first].annotation
    if not rest:
        return annotation
    inner = model_in(annotation)
    assert inner is not None, "the paths of indexes were checked with their table"
    found = type_at(inner, rest)
    is_optional = not isinstance(annotation, type)
    return cast("Any", Union)[found, Absent] if is_optional else found


def _group(
    group: Group, prefix: str, names: Names, signatures: Mapping[AnyFunction, PlainSignature]
) -> GroupModel:
    path = f"{prefix}{group.name}"
    functions = tuple(
        _function(name, f"{path}:{name}", spec, names, signatures)
        for name, spec in group.functions.items()
    )
    below = tuple(_group(each, f"{path}/", names, signatures) for each in group.groups.values())
    return GroupModel(group.name, path, names.of_group(group), functions, below)


def _function(
    name: str,
    path: str,
    spec: AnyFunction,
    names: Names,
    signatures: Mapping[AnyFunction, PlainSignature],
) -> FunctionModel:
    source = names.of_function(spec)
    assert source is not None, "specs without a name were refused"
    contract = spec.contract if isinstance(spec.contract, Schemas) else signatures.get(spec)
    return FunctionModel(name, path, source, spec.is_public, contract)


def _default(info: FieldInfo) -> object:
    if info.default_factory is not None:
        return Default.MADE
    return Default.REQUIRED if info.default is PydanticUndefined else info.default


def _keywords(table: type[Table], paths: tuple[str, ...]) -> tuple[tuple[str, object], ...]:
    found = ((keyword_of(path), type_at(table, path)) for path in paths)
    return (*found, ("creation_time", float))
