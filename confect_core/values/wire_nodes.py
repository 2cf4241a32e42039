"""The pieces that rewritten core schemas are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Sequence, TypeAlias  # noqa: UP035 - the one that pydantic puts there

from pydantic_core import core_schema as cs

from confect_core.values import wire_leaves as leaves
from confect_core.values.limits import MAX_SAFE_INTEGER
from confect_core.values.value import Value

Node: TypeAlias = dict[str, Any]
"""A core schema as pydantic builds it: a dictionary whose `type` names its kind."""

NUMBER = cs.custom_error_schema(cs.is_instance_schema(float), custom_error_type="float_type")
"""A number of the wire; pydantic's own float would take an int64 too."""

_WHEN_USED = {
    "always": "always",
    "json": "always",
    "unless-none": "unless-none",
    "json-unless-none": "unless-none",
}
"""When a serializer runs on the wire, for when it says that it does."""

_NOTHING = object()


def strictly(encode: Node) -> Node:
    """The same, but refusing objects of other classes and such as lack fields.

    Only inside a union does pydantic-core look at what it serializes, so this is one: of the schema
    and of a literal that nothing is.
    """
    return {"type": "union", "choices": [encode, cs.literal_schema([_NOTHING])]}


def is_text(encode: Node) -> bool:
    """Does this schema give every text as it is?"""
    if "serialization" in encode:
        return False
    kind = encode["type"]
    return kind == "str" or (kind == "function-after" and is_text(encode["schema"]))


def chain(*steps: Any) -> Node:
    """One schema after the other, each on what the last one gave."""
    return {"type": "chain", "steps": list(steps)}


def whole_number(node: Node) -> Node:
    """A number without a fraction that a float64 carries exactly, and then this."""
    finite = cs.float_schema(strict=True, allow_inf_nan=False)
    return chain(NUMBER, finite, cs.int_schema(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER), node)


def before(convert: Callable[[Any], object], node: Node) -> Node:
    """A schema for what a function makes of the value."""
    return {
        "type": "function-before",
        "function": {"type": "no-info", "function": convert},
        "schema": node,
    }


def after(check: Callable[[Any], object], node: Node) -> Node:
    """A schema, and a function of what it gave."""
    return {
        "type": "function-after",
        "function": {"type": "no-info", "function": check},
        "schema": node,
    }


def serialized_by(node: Node, encoder: Callable[[Any], object]) -> Node:
    """The same schema with a function as its serializer."""
    return {**node, "serialization": cs.plain_serializer_function_ser_schema(encoder)}


def serialized_around(node: Node, encoder: Callable[[Any, Any], object]) -> Node:
    """The same schema with a function around its serializer, which the function is given."""
    return {**node, "serialization": cs.wrap_serializer_function_ser_schema(encoder)}


def list_of_sequence(node: Node) -> Node | None:
    """The list that a `Sequence[X]` is one of, nothing for any other type.

    Pydantic gives it a serializer as a user would, which knows nothing of the wire.
    """
    if node["type"] != "json-or-python":
        return None
    checked: Node = node["python_schema"]
    first: Node = checked["steps"][0] if checked["type"] == "chain" else checked
    as_json: Node = node["json_schema"]
    return as_json if first.get("cls") is Sequence else None


def canonically(serialization: Node) -> Node:
    """A serializer of the user's own, made to give what can travel whatever it returns."""
    kept = {key: value for key, value in serialization.items() if key != "return_schema"}
    takes_info: bool = serialization.get("info_arg", False)
    return {
        **kept,
        "function": _made_canonical(serialization["function"], takes_info=takes_info),
        "when_used": _WHEN_USED[serialization.get("when_used", "always")],
    }


class _AsJson:
    """What a serializer is told of the occasion, which is what pydantic calls JSON."""

    mode = "json"

    def __init__(self, info: object) -> None:
        self._info = info

    def mode_is_json(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._info, name)


def _made_canonical(make: Callable[..., object], *, takes_info: bool) -> Callable[..., Value]:
    def make_canonical(*args: object) -> Value:
        return leaves.canonical(make(*args))

    def make_canonical_with_info(*args: object) -> Value:
        *others, info = args
        return leaves.canonical(make(*others, _AsJson(info)))

    return make_canonical_with_info if takes_info else make_canonical
