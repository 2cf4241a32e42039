"""Where a dotted path leads in the documents of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


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


def fields_at(models: Sequence[type[BaseModel]], path: str) -> FieldsAt:
    """What a dotted path leads to in documents of these classes."""
    name, dot, rest = path.partition(".")
    having = [model for model in models if name in model.model_fields]
    found = [model.model_fields[name] for model in having]
    is_everywhere = 0 < len(having) == len(models)
    if not dot:
        return FieldsAt(tuple(found), is_everywhere)
    if not all(model.__pydantic_complete__ for model in having):
        return FieldsAt((), is_everywhere, is_unknown=True)
    inside = [_inside(each.annotation, rest) for each in found]
    return FieldsAt(
        tuple(field for each in inside for field in each.fields),
        is_everywhere and all(each.is_everywhere for each in inside),
        any(each.is_unknown for each in inside),
    )


def _inside(annotation: object, path: str) -> FieldsAt:
    """The same below a field: in the models that it may hold, in a record, in anything."""
    options = [*_options(annotation)]
    models = [each for each in options if isinstance(each, type) and issubclass(each, BaseModel)]
    found = fields_at(models, path) if models else FieldsAt((), is_everywhere=False)
    others = [field for each in options for field in _in_record(each, path)]
    is_everywhere = found.is_everywhere and len(models) == len(options)
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
