"""Where a dotted path leads in the documents of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    TypeGuard,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict


@dataclass(frozen=True)
class FieldsAt:
    """The fields that a path leads to; several where documents or what is in them has variants."""

    fields: tuple[FieldInfo, ...]
    is_everywhere: bool
    """Is there such a field in every document, if only one that may be left out?"""
    is_unknown: bool = False
    """Does it depend on a model that is not fully defined yet?"""

    @property
    def annotation(self) -> object:
        """The type of what is at the path, where there is something."""
        return either([each.annotation for each in self.fields])


def either(annotations: Sequence[object]) -> object:
    """The type of what is one of several types; Literals become one."""
    if all(get_origin(each) is Literal for each in annotations):
        return Literal[tuple(value for each in annotations for value in get_args(each))]
    # `|` cannot join what is only known at run time
    return Union[tuple(annotations)]  # noqa: UP007


def fields_at(holders: Sequence[type[object]], path: str) -> FieldsAt:
    """What a dotted path leads to in documents of these classes."""
    name, dot, rest = path.partition(".")
    members = [_members(each) for each in holders]
    if None in members or any(dot and not _is_complete(each) for each in holders):
        return FieldsAt((), is_everywhere=False, is_unknown=True)
    found = [each[name] for each in members if each is not None and name in each]
    may_be_missing = any(is_typeddict(each) and name in _optional_keys(each) for each in holders)
    is_everywhere = 0 < len(found) == len(holders) and not may_be_missing
    if not dot:
        return FieldsAt(tuple(found), is_everywhere)
    inside = [_inside(each.annotation, rest) for each in found]
    return FieldsAt(
        tuple(field for each in inside for field in each.fields),
        is_everywhere and all(each.is_everywhere for each in inside),
        any(each.is_unknown for each in inside),
    )


def _members(holder: Any) -> Mapping[str, FieldInfo] | None:
    """The fields of a model, a dataclass or a TypedDict; None while one names an undefined type."""
    if issubclass(holder, BaseModel):
        found: Mapping[str, FieldInfo] = holder.model_fields
        return found
    try:
        hints = get_type_hints(holder, include_extras=True)
    except NameError:
        return None
    members = {name: _field(_required(hint)) for name, hint in hints.items()}
    if is_dataclass(holder):
        for each in fields(holder):
            if each.default is not MISSING:
                members[each.name].default = each.default
    return members


def _optional_keys(holder: Any) -> frozenset[str]:
    """The keys of a TypedDict that may be left out; it knows not all that are written as text."""
    hints = get_type_hints(holder, include_extras=True)
    said = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
    denied = {name for name, hint in hints.items() if get_origin(hint) is Required}
    return frozenset(holder.__optional_keys__ - denied | said)


def _is_complete(holder: type[object]) -> bool:
    return not issubclass(holder, BaseModel) or holder.__pydantic_complete__


def _is_holder(option: object) -> TypeGuard[type[object]]:
    if not isinstance(option, type):
        return False
    cls: type[object] = option
    return issubclass(cls, BaseModel) or is_dataclass(cls) or is_typeddict(cls)


def _inside(annotation: object, path: str) -> FieldsAt:
    """The same below a field: in the models that it may hold, in a record, in anything."""
    options = [*_options(annotation)]
    holders = [each for each in options if _is_holder(each)]
    found = fields_at(holders, path)
    others = [field for each in options for field in _in_record(each, path)]
    is_everywhere = found.is_everywhere and len(holders) == len(options)
    return FieldsAt((*found.fields, *others), is_everywhere, found.is_unknown)


def _in_record(option: Any, path: str) -> tuple[FieldInfo, ...]:
    """What is at a path in a value that says nothing of its fields beforehand."""
    name, dot, rest = path.partition(".")
    if not name.isidentifier():
        return ()
    if option is Any:
        return _in_record(option, rest) if dot else (_field(option),)
    if get_origin(option) is not dict:
        return ()
    held = get_args(option)[1]
    return _inside(held, rest).fields if dot else (_field(held),)


def _field(annotation: Any) -> FieldInfo:
    return FieldInfo.from_annotation(annotation)


def _required(hint: Any) -> Any:
    """The type of a field of a TypedDict, which may say that the field can be left out."""
    return get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint


def _options(annotation: object) -> Iterator[object]:
    """The members of a union, those of the unions in it included."""
    # the class of `type X = ...` differs between typing and typing_extensions
    if type(annotation).__name__ == "TypeAliasType":
        annotation = getattr(annotation, "__value__")  # noqa: B009
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _options(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _options(each)
    else:
        yield annotation
