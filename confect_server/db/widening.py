"""`is_wider`: a cheap proof that what fitted a table before fits it now.

It compares two descriptions and knows what only ever lets more through: an optional field, another
member of a union, a looser bound, one check less. What it cannot prove it denies. Where a validator
looks at a value, what is below has to be as it was: a wider type may decode the same stored value
to another one, which the validator may refuse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from confect_server.db.shapes import Shape, text_of

_UPPER = frozenset({"le", "lt", "max_length", "max_digits", "decimal_places"})
_LOWER = frozenset({"ge", "gt", "min_length"})
_ONLY_REFUSE = _UPPER | _LOWER | {"multiple_of", "pattern"}
_AROUND = ("on_error", "validated_default", "config", "is_document")


def is_wider(old: str, new: str) -> bool:
    """Is every document that the old description accepts certainly one that the new one does?"""
    if old == new:
        return True
    if '"config":' in new or ('"recursive"' in new and '"checks":' in new):
        return False  # what is far away may matter then
    return _accepts(json.loads(new), json.loads(old))


def _accepts(new: Shape, old: Shape) -> bool:
    """Does one shape accept whatever the other accepts?"""
    if _is_same(new, old):
        return True
    if not _are_fewer_checks(_checks(new), _checks(old)):
        return False
    if _checks(new):
        return _is_same(_unchecked(new), _unchecked(old))
    if new["kind"] == "any":
        return True
    if (parts := _alternatives(old, new["kind"])) is not None:
        return all(_accepts(new, each) for each in parts)
    if new["kind"] == "union":
        return any(_accepts(each, old) for each in new["of"])
    if not all(_is_same(new.get(key), old.get(key)) for key in _AROUND):
        return False
    if new["kind"] != old["kind"]:
        return _is_plain_kind_of(new, old)
    return _is_looser(new, old) and _accepts_inside(new, old)


def _alternatives(old: Shape, new_kind: str) -> list[Shape] | None:
    """The shapes of which each has to be accepted by itself."""
    kind = old["kind"]
    if kind == "union":
        members: list[Shape] = old["of"]
        return members
    if kind == "tagged" and new_kind != "tagged":
        return [each["shape"] for each in old["of"]]
    if kind == "literal" and new_kind != "literal" and len(old["values"]) > 1:
        return [{"kind": "literal", "values": [value]} for value in old["values"]]
    return None


def _accepts_inside(new: Shape, old: Shape) -> bool:
    """The same for two of a kind, whose own constraints are known to be no tighter."""
    kind = new["kind"]
    if kind in ("array", "set"):
        return _accepts(new["items"], old["items"])
    if kind == "tuple":
        return _accept_each(new["items"], old["items"])
    if kind == "record":
        keys = [each["keys"] for each in (new, old) if "keys" in each]
        return _accepts(new["values"], old["values"]) and (
            "keys" not in new or (len(keys) == 2 and _accepts(*keys))
        )
    if kind == "object":
        return _has_no_field_less(new, old)
    if kind == "tagged":
        return _has_no_tag_less(new, old)
    if kind == "literal":
        return {*map(text_of, old["values"])} <= {*map(text_of, new["values"])}
    if kind == "id":
        return new["table"] in (None, old["table"])
    if kind == "recursive":
        return _accepts(new["shape"], old["shape"])
    return kind not in ("again", "custom") and not kind.startswith("pydantic ")


def _accept_each(new: Sequence[Shape], old: Sequence[Shape]) -> bool:
    return len(new) == len(old) and all(map(_accepts, new, old))


def _has_no_field_less(new: Shape, old: Shape) -> bool:
    fields: Mapping[str, Shape] = new["fields"]
    before: Mapping[str, Shape] = old["fields"]
    optional = {*new.get("optional", ())}
    added = fields.keys() - before.keys()
    return (
        before.keys() <= fields.keys()
        and added <= optional
        and {*old.get("optional", ())} <= optional
        and all("validated_default" not in fields[name] for name in added)
        and all(_accepts(fields[name], shape) for name, shape in before.items())
    )


def _has_no_tag_less(new: Shape, old: Shape) -> bool:
    shapes = {text_of(each["tag"]): each["shape"] for each in new["of"]}
    return new["by"] == old["by"] and all(
        (tag := text_of(each["tag"])) in shapes and _accepts(shapes[tag], each["shape"])
        for each in old["of"]
    )


def _is_plain_kind_of(new: Shape, old: Shape) -> bool:
    """Is this a kind without any constraints, and the other one a value of it?"""
    if new.keys() != {"kind"}:
        return False
    kind: str = new["kind"]
    if old["kind"] == "literal":
        (value,) = old["values"]
        return kind == _kind_of(value)
    return kind == "string" and old["kind"] == "id"


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "float64"
    return "string" if isinstance(value, str) else "bytes"


def _is_looser(new: Shape, old: Shape) -> bool:
    """Are the constraints of two of a kind the same or weaker ones?"""
    wanted: Mapping[str, Any] = new.get("where", {})
    had: Mapping[str, Any] = old.get("where", {})
    if not wanted and new.get("as") in (None, old.get("as")):
        return True
    return (
        new.get("as") == old.get("as")
        and had.keys() - wanted.keys() <= _ONLY_REFUSE
        and all(key in had and _is_weaker(key, wanted[key], had[key]) for key in wanted)
    )


def _is_weaker(key: str, new: object, old: object) -> bool:
    if _is_same(new, old):
        return True
    if not (isinstance(new, float) and isinstance(old, float)):
        return False
    return (key in _UPPER and new >= old) or (key in _LOWER and new <= old)


def _are_fewer_checks(new: Sequence[str], old: Sequence[str]) -> bool:
    """Are they the same, but for some at the end that did nothing but refuse?"""
    gone = old[len(new) :]
    return [*new] == [*old[: len(new)]] and all(each.startswith("after ") for each in gone)


def _is_same(one: object, other: object) -> bool:
    return text_of(one) == text_of(other)  # to Python True == 1.0


def _checks(shape: Shape) -> Sequence[str]:
    checks: Sequence[str] = shape.get("checks", ())
    return checks


def _unchecked(shape: Shape) -> Shape:
    return {key: part for key, part in shape.items() if key != "checks"}
