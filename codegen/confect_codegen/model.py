"""The model: what generated code says, before it is text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from confect_codegen.naming import Name, Names
from confect_codegen.plain import PlainSignature
from confect_core import Absent, Spec, Table
from confect_core.errors import Where
from confect_core.field_paths import either, fields_at
from confect_core.spec import AnyFunction, AnyMiddleware, Chain, Group, Kind, Schemas
from confect_core.spec.names import python_name
from confect_core.table_checks import SYSTEM_FIELDS, tags_of
from confect_core.table_definition import TableDefinition
from confect_core.tables import definition_of
from confect_server.db.open_tables import keyword_of


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
    kind: Kind
    contract: Schemas | PlainSignature | None
    behind: Chain
    where: Where

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
    middleware: tuple[AnyMiddleware, ...] = ()
    """Everything that some function of it is behind, each once."""

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
class DocumentModel:
    """A class of documents: a table's own, or one of its variants."""

    model: type[Table]
    fields: tuple[FieldModel, ...]


@dataclass(frozen=True)
class TableModel:
    """A table: its class, its fields, its indexes, and its variants if it has such."""

    name: str
    model: type[Table]
    fields: tuple[FieldModel, ...]
    """All that a patch may change, whichever variant has it."""
    indexes: tuple[IndexModel, ...]
    variants: tuple[DocumentModel, ...] = ()

    @property
    def documents(self) -> tuple[DocumentModel, ...]:
        """What its documents are: one of these."""
        return self.variants or (DocumentModel(self.model, self.fields),)


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
    indexes = tuple(
        IndexModel(name, _keywords(definition, index.fields))
        for name, index in definition.indexes.items()
    )
    if definition.union is None:
        return TableModel(definition.name, table, _fields(table), indexes)
    discriminator = definition.union.discriminator
    variants = tuple(
        DocumentModel(cast("type[Table]", each), _tag_first(_fields(each), discriminator))
        for each in definition.documents
    )
    patched = _patched(definition, discriminator)
    return TableModel(definition.name, table, patched, indexes, variants)


def _group(
    group: Group, prefix: str, names: Names, signatures: Mapping[AnyFunction, PlainSignature]
) -> GroupModel:
    path = f"{prefix}{group.name}"
    functions = tuple(
        _function(f"{path}:{name}", spec, spec.passes(group.middleware), names, signatures)
        for name, spec in group.functions.items()
    )
    middleware = dict.fromkeys(each for one in functions for each in one.behind.middleware)
    below = tuple(_group(each, f"{path}/", names, signatures) for each in group.groups.values())
    return GroupModel(group.name, path, names.of_group(group), functions, below, tuple(middleware))


def _function(
    path: str,
    spec: AnyFunction,
    behind: Chain,
    names: Names,
    signatures: Mapping[AnyFunction, PlainSignature],
) -> FunctionModel:
    source = names.of_function(spec)
    assert source is not None, "specs without a name were refused"
    contract = spec.contract if isinstance(spec.contract, Schemas) else signatures.get(spec)
    name = path.rpartition(":")[2]
    return FunctionModel(
        name, path, source, spec.is_public, spec.kind, contract, behind, spec.where
    )


def _default(info: FieldInfo) -> object:
    if info.default_factory is not None:
        return Default.MADE
    return Default.REQUIRED if info.default is PydanticUndefined else info.default


def _fields(model: type[BaseModel]) -> tuple[FieldModel, ...]:
    return tuple(
        FieldModel(name, info.annotation, _default(info))
        for name, info in model.model_fields.items()
        if name not in SYSTEM_FIELDS and info.init is not False
    )


def _tag_first(fields: tuple[FieldModel, ...], discriminator: str) -> tuple[FieldModel, ...]:
    """The fields of a variant as they are inserted: which one it is has to be said."""
    (tag,) = (each for each in fields if each.name == discriminator)
    others = (each for each in fields if each is not tag)
    return (FieldModel(discriminator, tag.annotation, Default.REQUIRED), *others)


def _patched(table: TableDefinition, discriminator: str) -> tuple[FieldModel, ...]:
    """What a patch may change; the discriminator only within variants that have several tags."""
    types: dict[str, list[object]] = {}
    for variant in table.documents:
        for each in _fields(variant):
            if each.name != discriminator or len(tags_of(variant, discriminator)) > 1:
                types.setdefault(each.name, []).append(each.annotation)
    return tuple(
        FieldModel(name, either(several), Default.REQUIRED) for name, several in types.items()
    )


def _keywords(table: TableDefinition, paths: tuple[str, ...]) -> tuple[tuple[str, object], ...]:
    found = ((keyword_of(path), _type_at(table, path)) for path in paths)
    return (*found, ("creation_time", float))


def _type_at(table: TableDefinition, path: str) -> object:
    """The type of what is at a path; where some documents have nothing there, it may be absent."""
    found = fields_at(table.documents, path)
    if found.is_everywhere:
        return found.annotation
    return either([found.annotation, Absent])
