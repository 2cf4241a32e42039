"""Shapes: what a value may be, in one canonical form, so that equal meanings are equal texts.

A shape is a JSON object whose `kind` is one of

    null boolean float64 int64 string bytes any     a value; `as` says what it stands for: a uuid …
    id                                              with its `table`
    literal                                         with the `values` that it may have
    array set tuple record                          with the shapes of their `items`, or `values`
    object                                          with `fields`, and which of them are `optional`
    union                                           with the shapes that it may be `of`
    tagged                                          the same, told apart `by` a field
    recursive, again                                a shape and, `up` so many such, itself inside it
    custom                                          pydantic's schema of a type that writes itself

Beside that, `where` holds constraints, `checks` the validators that run after (or before, or
around) all of it, in their order, and `config` what a model says for all that is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

Shape: TypeAlias = dict[str, Any]

NULL: Shape = {"kind": "null"}


def text_of(shape: object) -> str:
    """The one text of a shape: sorted and compact."""
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))


def literal(values: Iterable[object]) -> Shape:
    """One of these constants; null is a kind of its own."""
    given = [*values]
    others = [value for value in given if value is not None]
    choices: list[Shape] = [{"kind": "literal", "values": others}] if others else []
    return either([*choices, NULL] if len(others) < len(given) else choices)


def either(choices: Iterable[Shape]) -> Shape:
    """What is one of several shapes: unions in unions are one, and so are literals."""
    flat = [each for choice in choices for each in _members(choice)]
    values = [value for each in flat if _is_plain_literal(each) for value in each["values"]]
    others = [each for each in flat if not _is_plain_literal(each)]
    members = _in_order([*others, *([_literal(values)] if values else [])])
    return members[0] if len(members) == 1 else {"kind": "union", "of": members}


def settled(shape: Shape, enclosing: tuple[str, ...] = ()) -> Shape:
    """The same, with how far up a shape that is met again stands instead of its reference."""
    ref: str | None = shape.get("ref")
    within = (*enclosing, ref) if ref and shape["kind"] == "recursive" else enclosing
    inside = {key: _settled_part(part, within) for key, part in shape.items() if key != "ref"}
    if shape["kind"] == "again" and ref:
        inside["up"] = enclosing[::-1].index(ref)
    elif shape["kind"] == "union":
        inside["of"] = _in_order(inside["of"])
    elif shape["kind"] == "tagged":
        inside["of"] = sorted(inside["of"], key=lambda each: text_of(each["tag"]))
    return inside


def _settled_part(part: object, enclosing: tuple[str, ...]) -> Any:
    if isinstance(part, list):
        items = cast("list[object]", part)
        return [_settled_part(each, enclosing) for each in items]
    if not isinstance(part, dict):
        return part
    named = cast("dict[str, object]", part)
    if isinstance(named.get("kind"), str):
        return settled(named, enclosing)
    return {key: _settled_part(each, enclosing) for key, each in named.items()}


def _members(shape: Shape) -> list[Shape]:
    is_plain = shape.keys() == {"kind", "of"} and shape["kind"] == "union"
    return shape["of"] if is_plain else [shape]


def _is_plain_literal(shape: Shape) -> bool:
    return shape["kind"] == "literal" and shape.keys() == {"kind", "values"}


def _literal(values: list[object]) -> Shape:
    by_text = {text_of(value): value for value in values}
    return {"kind": "literal", "values": [by_text[each] for each in sorted(by_text)]}


def _in_order(shapes: list[Shape]) -> list[Shape]:
    by_text = {text_of(each): each for each in shapes}
    return [by_text[each] for each in sorted(by_text)]
