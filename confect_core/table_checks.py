"""What can be wrong with a table, found where it is declared or once everything is loaded."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from pydantic import BaseModel

from confect_core.errors import SpecError, Where
from confect_core.field_paths import fields_at
from confect_core.spec.errors import ReservedName
from confect_core.spec.names import hides_builtin, name_mistakes, reserved_mistakes
from confect_core.table_definition import Index, TableDefinition
from confect_core.table_errors import (
    BadIndex,
    DuplicateVariant,
    LateVariant,
    NoTag,
    NoVariants,
    UnknownField,
    VariantElsewhere,
    VariantOfVariant,
)
from confect_core.values.codec import Codec
from confect_core.values.limits import MAX_INDEX_FIELDS

ACCESS_NAMES = frozenset(
    [
        "by",
        "change",
        "count",
        "delete",
        "get",
        "insert",
        "normalize_id",
        "patch",
        "query",
        "replace",
        "system",
        "table",
        "undeclared_table",
    ]
)
"""What `ctx.db` and the access to a table offer themselves; no table and no index is called so."""

SYSTEM_FIELDS = {"id": "_id", "creation_time": "_creationTime"}
"""The fields that the database gives every document, with their names on the wire."""

_OWN_INDEXES = frozenset({"by_id", "by_creation_time"})


def mistakes_of(table: TableDefinition) -> list[SpecError]:
    """Everything in a table that cannot be, as far as its types are defined by now."""
    because = "ctx.db has such an attribute"
    mistakes = reserved_mistakes("table", table.name, ACCESS_NAMES, because, table.where)
    for field in _field_names(table):
        # a name of other characters is one that the codec does not carry, as in any model
        mistakes += name_mistakes("field", field, table.where) if field.isascii() else []
    for name, index in table.indexes.items():
        mistakes += _index_mistakes(table, name, index)
    for mistake in Codec(table.model, what=table.name).mistakes():
        mistake.where = table.where
        mistakes.append(mistake)
    if table.union and not table.union.variants:
        mistakes.append(NoVariants(table.name, table.union.discriminator, table.where))
    return mistakes


def hiding_mistakes(name: str, index: Index, taken: frozenset[str]) -> list[SpecError]:
    """What is wrong with an index that would hide something else in the class of its table."""
    if name in ACCESS_NAMES | _OWN_INDEXES:
        return []  # told with the other mistakes of the table
    if hides_builtin(name):
        because = "it would hide the builtin from the rest of the class body"
    elif name in taken:
        because = "the table has a field or a method of that name"
    else:
        return []
    hint = "choose another name; by_ and the names of the fields make a good one"
    return [ReservedName("index", name, because, hint, index.where)]


def variant_mistakes(
    variant: type[BaseModel], table: TableDefinition, where: Where
) -> list[SpecError]:
    """What keeps a subclass from being a variant of its table."""
    union = table.union
    assert union is not None, "only such tables have variants"
    others = [each for each in union.variants if each is not variant]
    name, tags = variant.__name__, tags_of(variant, union.discriminator)
    mistakes: list[SpecError] = [
        VariantOfVariant(name, each.__name__, where) for each in others if issubclass(variant, each)
    ]
    if variant.__module__ != table.model.__module__:
        mistakes.append(VariantElsewhere(name, table.name, table.model.__module__, where))
    if not tags:
        mistakes.append(NoTag(name, union.discriminator, where))
    mistakes += [
        DuplicateVariant(name, other.__name__, tag, where)
        for other in others
        for tag in tags_of(other, union.discriminator)
        if tag in tags
    ]
    return mistakes


def lateness(variant: type[BaseModel], table: TableDefinition, where: Where) -> list[SpecError]:
    """Is it too late for a variant, because a type was made of those before it?"""
    assert table.union is not None, "only such tables have variants"
    return [LateVariant(variant.__name__, table.name, where)] if table.union.is_in_use else []


def tags_of(variant: type[BaseModel], discriminator: str) -> tuple[object, ...]:
    """The values of the discriminator that are a variant's; none if it is no Literal."""
    field = variant.model_fields.get(discriminator)
    if field is None or get_origin(field.annotation) is not Literal:
        return ()
    return get_args(field.annotation)


def _field_names(table: TableDefinition) -> list[str]:
    models = (table.model, *table.documents)
    names = dict.fromkeys(name for model in models for name in model.model_fields)
    return [name for name in names if name not in SYSTEM_FIELDS]


def _index_mistakes(table: TableDefinition, name: str, index: Index) -> list[SpecError]:
    because = "the access to a table has such an attribute"
    taken = ACCESS_NAMES | _OWN_INDEXES
    mistakes = reserved_mistakes("index", name, taken, because, index.where)
    if not 1 <= len(index.fields) <= MAX_INDEX_FIELDS:
        problem = f"has {len(index.fields)} fields"
        mistakes.append(BadIndex(table.name, name, problem, index.where))
    if len(set(index.fields)) < len(index.fields):
        mistakes.append(BadIndex(table.name, name, "names a field twice", index.where))
    if not table.documents:
        return mistakes
    for field in dict.fromkeys(index.fields):
        found = fields_at(table.documents, field)
        if field in SYSTEM_FIELDS or not (found.fields or found.is_unknown):
            mistakes.append(UnknownField(table.name, name, field, index.where))
    return mistakes
