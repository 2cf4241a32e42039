"""Where each argument of an endpoint travels: in the path, the query, a header or the body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, get_origin

from confect_core.spec.args import Args

Place: TypeAlias = Literal["path", "query", "header", "body"]

_WITHOUT_BODY = ("GET", "DELETE")
_LISTS = (list, tuple, set, frozenset)
_PARAMETER = re.compile(r"\{([^{}/]*)\}")


@dataclass(frozen=True)
class InQuery:
    """Marks an argument that travels in the query: `limit: Annotated[int, InQuery()] = 10`.

    Arguments of GET and DELETE do so anyway.
    """


@dataclass(frozen=True)
class InHeader:
    """Marks an argument that travels in a header: `key: Annotated[str, InHeader("X-Key")]`.

    Without a name it is the header of the field's own name, with dashes.
    """

    name: str | None = None


@dataclass(frozen=True)
class PlacedField:
    """One argument with its place; `alias` is its name there."""

    name: str
    place: Place
    alias: str
    is_list: bool
    """May the query name it several times?"""


def names_in(path: str) -> list[str]:
    """The arguments that a path names: `note_id` in `/notes/{note_id}`."""
    return _PARAMETER.findall(path)


def placed_fields(args: type[Args], method: str, path: str) -> tuple[PlacedField, ...]:
    """Every argument with the place at which requests carry it."""
    in_path = names_in(path)
    return tuple(
        _placed(name, field.annotation, field.metadata, name in in_path, method)
        for name, field in args.model_fields.items()
    )


def _placed(
    name: str, annotation: Any, metadata: list[Any], is_in_path: bool, method: str
) -> PlacedField:
    header = next((each for each in metadata if isinstance(each, InHeader)), None)
    is_list = _is_list(annotation)
    if is_in_path:
        return PlacedField(name, "path", name, False)
    if header is not None:
        alias = header.name or name.replace("_", "-")
        return PlacedField(name, "header", alias, False)
    if method in _WITHOUT_BODY or any(isinstance(each, InQuery) for each in metadata):
        return PlacedField(name, "query", name, is_list)
    return PlacedField(name, "body", name, is_list)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return origin in _LISTS or (
        origin not in (Literal, dict) and any(_is_list(each) for each in get_args(annotation))
    )
