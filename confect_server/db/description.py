"""`describe`: what documents a table accepts, as a text that can be kept and compared.

It follows pydantic's schema of the model the way the codec does (`values/wire_schema.py` of core):
what counts is which stored values decode. Names of classes and modules are left out, but those of
validators are not, whose code counts as well. What is not known is taken as it is, so that in
doubt two descriptions differ: then documents are validated once more than needed, never once too
few.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, cast

from pydantic import TypeAdapter

from confect_core import Table
from confect_core.tables import table_named
from confect_core.values.int64 import INT64_MAX, INT64_MIN, is_int64
from confect_core.values.limits import MAX_SAFE_INTEGER
from confect_core.values.wire_leaves import TEXT_KINDS, is_absent
from confect_core.values.wire_nodes import Node
from confect_core.values.wire_schema import CHECKS_AN_ID, NAMES_A_FUNCTION, WIRE_NAMES
from confect_server.db.code_identity import identity_of
from confect_server.db.shapes import NULL, Shape, either, literal, settled, text_of

_VALUES = {
    "any": "any",
    "none": "null",
    "bool": "boolean",
    "str": "string",
    "bytes": "bytes",
    "float": "float64",
}
_STANDING_FOR = {
    "int": ("float64", "integer"),
    "datetime": ("float64", "instant"),
    "timedelta": ("float64", "span"),
    **{kind: ("string", kind) for kind in TEXT_KINDS},
}
_CONTAINERS = {"list": "array", "set": "set", "frozenset": "set"}
_NO_CONSTRAINTS = frozenset(
    {
        "type",
        "ref",
        "metadata",
        "strict",
        "fail_fast",
        "schema",
        "items_schema",
        "keys_schema",
        "values_schema",
    }
)
_NO_MATTER_OF_VALUES = frozenset(
    {
        "title",
        "extra_fields_behavior",
        "frozen",
        "from_attributes",
        "loc_by_alias",
        "hide_input_in_errors",
        "validation_error_cause",
        "cache_strings",
        "use_enum_values",
        "ser_json_timedelta",
        "ser_json_temporal",
        "ser_json_bytes",
        "ser_json_inf_nan",
    }
)
_UNNAMED = frozenset(
    {"ref", "metadata", "serialization", "title", "model_name", "dataclass_name", "cls_name"}
)

_LONGEST = 100_000
"""A tenth of what the document that keeps the text may hold."""


def describe(model: type[Table]) -> str:
    """The canonical text of what documents of a table may hold, beside their system fields."""
    in_a_field: Any = Annotated[model, "in a field"]  # where a table stands for its variants
    adapter = TypeAdapter[Any](in_a_field)
    adapter.rebuild()  # a model may say that it is built on its first use
    text = text_of(settled(_Description().shape(cast("Node", adapter.core_schema))))
    if len(text) <= _LONGEST:
        return text
    # models that hold each other in many ways; they are still told apart, but not in detail
    return text_of({"kind": "custom", "digest": hashlib.sha256(text.encode()).hexdigest()})


class _Description:
    """One walk over a core schema."""

    def __init__(self) -> None:
        self._shared: dict[str, Node] = {}
        self._open: list[str] = []
        self._met_again: set[str] = set()

    def shape(self, node: Node) -> Shape:
        """The shape of the values that a node accepts."""
        kind: str = node["type"]
        if NAMES_A_FUNCTION in (node.get("metadata") or ()):
            return {"kind": "string"}
        if "serialization" in node:
            return {"kind": "custom", "of": self._as_it_is(node)}
        if kind in _VALUES:
            return {"kind": _VALUES[kind], **_where(node)}
        if kind in _STANDING_FOR and not is_int64(node):
            carried, meaning = _STANDING_FOR[kind]
            return {"kind": carried, "as": meaning, **_where(node)}
        if kind in _CONTAINERS:
            items = self.shape(node.get("items_schema", {"type": "any"}))
            return {"kind": _CONTAINERS[kind], "items": items, **_where(node)}
        handler: Callable[[Node], Shape] | None = getattr(self, f"_{kind.replace('-', '_')}", None)
        return self._as_it_is(node) if handler is None else handler(node)

    # leaves and containers

    def _int(self, node: Node) -> Shape:
        bounds = {"ge": INT64_MIN, "le": INT64_MAX}
        own = {key: value for key, value in node.items() if bounds.get(key) != value}
        return {"kind": "int64", **_where(own)}

    def _literal(self, node: Node) -> Shape:
        return literal(map(_wire, node["expected"]))

    def _enum(self, node: Node) -> Shape:
        shape = literal(map(_wire, node["members"]))
        return _checked(shape, "before", node["missing"]) if node.get("missing") else shape

    def _tuple(self, node: Node) -> Shape:
        return {
            "kind": "tuple",
            "items": [self.shape(item) for item in node["items_schema"]],
            **_where(node),
        }

    def _dict(self, node: Node) -> Shape:
        values = self.shape(node.get("values_schema", {"type": "any"}))
        shape: Shape = {"kind": "record", "values": values, **_where(node)}
        keys = self.shape(node.get("keys_schema", {"type": "str"}))
        return shape if keys == {"kind": "string"} else {**shape, "keys": keys}

    # what is around another schema

    def _nullable(self, node: Node) -> Shape:
        return either([self.shape(node["schema"]), NULL])

    def _default(self, node: Node) -> Shape:
        shape = self.shape(node["schema"])
        if node.get("on_error", "raise") != "raise":
            return {**shape, "on_error": node["on_error"]}
        if node.get("validate_default"):
            default = node.get("default", node.get("default_factory"))
            return {**shape, "validated_default": identity_of(default)}
        return shape

    def _custom_error(self, node: Node) -> Shape:
        return self.shape(node["schema"])

    def _function_after(self, node: Node) -> Shape:
        metadata: Mapping[str, object] = node.get("metadata") or {}
        if CHECKS_AN_ID in metadata:
            return {"kind": "id", "table": table_named(metadata[CHECKS_AN_ID])}
        return self._function(node, "after")

    def _function_before(self, node: Node) -> Shape:
        return self._function(node, "before")

    def _function_wrap(self, node: Node) -> Shape:
        return self._function(node, "around")

    def _function(self, node: Node, when: str) -> Shape:
        return _checked(self.shape(node["schema"]), when, node["function"]["function"])

    def _chain(self, node: Node) -> Shape:
        first, *rest = node["steps"]
        shape = self.shape(first)
        steps = [f"then {text_of(self._as_it_is(step))}" for step in rest]
        return {**shape, "checks": [*shape.get("checks", ()), *steps]}

    # objects

    def _model(self, node: Node) -> Shape:
        shape = self._configured(node)
        model: type = node["cls"]
        if getattr(model, WIRE_NAMES, None):
            system: Mapping[str, str] = getattr(model, WIRE_NAMES)
            shape = _without(shape, system)
        after = getattr(model, node.get("post_init") or "", None)
        if after is None or after.__module__.startswith("pydantic."):
            return shape
        return _checked(shape, "after", after)

    def _dataclass(self, node: Node) -> Shape:
        shape = self._configured(node)
        after = getattr(node["cls"], "__post_init__", None) if node.get("post_init") else None
        return shape if after is None else _checked(shape, "after", after)

    def _configured(self, node: Node) -> Shape:
        shape = self.shape(node["schema"])
        config = _configuration(node.get("config") or {})
        return {**shape, "config": config} if config else shape

    def _model_fields(self, node: Node) -> Shape:
        return self._object(node["fields"])

    def _dataclass_args(self, node: Node) -> Shape:
        return self._object({field["name"]: field for field in node["fields"]})

    def _typed_dict(self, node: Node) -> Shape:
        total: bool = node.get("total", True)
        required = {name: each.get("required", total) for name, each in node["fields"].items()}
        shape = self._object(node["fields"], required)
        config = _configuration(node.get("config") or {})
        return {**shape, "config": config} if config else shape

    def _object(
        self, fields: Mapping[str, Node], required: Mapping[str, bool] | None = None
    ) -> Shape:
        optional = sorted(
            name
            for name, field in fields.items()
            if field["schema"]["type"] == "default" or (required and not required[name])
        )
        shapes = {name: self.shape(field["schema"]) for name, field in fields.items()}
        shape: Shape = {"kind": "object", "fields": shapes}
        return {**shape, "optional": optional} if optional else shape

    # choices and recursion

    def _union(self, node: Node) -> Shape:
        given: list[Any] = node["choices"]
        choices: list[Node] = [each[0] if isinstance(each, tuple) else each for each in given]
        return either(self.shape(each) for each in choices if not is_absent(each))

    def _tagged_union(self, node: Node) -> Shape:
        by: object = node["discriminator"]
        choices: Mapping[Any, Node] = node["choices"]
        of = [{"tag": _wire(tag), "shape": self.shape(each)} for tag, each in choices.items()]
        return {"kind": "tagged", "by": by if isinstance(by, str) else identity_of(by), "of": of}

    def _definitions(self, node: Node) -> Shape:
        self._shared.update({each["ref"]: each for each in node["definitions"]})
        return self.shape(node["schema"])

    def _definition_ref(self, node: Node) -> Shape:
        return self._referred(node["schema_ref"], self.shape)

    def _referred(self, ref: str, read: Callable[[Node], Shape]) -> Shape:
        # the same schema reads otherwise inside of a type that writes itself
        name = f"{ref} {read.__name__}"
        if name in self._open:
            self._met_again.add(name)
            return {"kind": "again", "ref": name}
        self._open.append(name)
        shape = read(self._shared[ref])
        self._open.pop()
        if name not in self._met_again:
            return shape
        self._met_again.remove(name)
        return {"kind": "recursive", "ref": name, "shape": shape}

    def _as_it_is(self, part: Any) -> Any:
        """Pydantic's own schema, with names that mean something in every process."""
        if isinstance(part, list | tuple):
            return [self._as_it_is(each) for each in cast("list[object]", part)]
        if not isinstance(part, dict):
            return _constant(part)
        node = cast("Node", part)
        if node.get("type") == "definition-ref":
            return self._referred(node["schema_ref"], self._as_it_is)
        inside = {
            str(key): self._as_it_is(each) for key, each in node.items() if key not in _UNNAMED
        }
        kind = inside.pop("type", None)
        return inside if kind is None else {"kind": f"pydantic {kind}", **inside}


def _where(node: Node) -> Shape:
    """What a node asks for beside the kind of the value."""
    where = {
        key: _constant(value)
        for key, value in node.items()
        if key not in _NO_CONSTRAINTS and value is not None
    }
    return {"where": where} if where else {}


def _checked(shape: Shape, when: str, check: object) -> Shape:
    return {**shape, "checks": [*shape.get("checks", ()), f"{when} {identity_of(check)}"]}


def _configuration(config: Mapping[str, object]) -> Shape:
    return {
        key: _constant(value)
        for key, value in config.items()
        if key not in _NO_MATTER_OF_VALUES and value is not None
    }


def _without(shape: Shape, system_names: Mapping[str, str]) -> Shape:
    """A document without the fields that every one has."""
    fields = {name: each for name, each in shape["fields"].items() if name not in system_names}
    optional = [name for name in shape["optional"] if name not in system_names]
    rest = {key: part for key, part in shape.items() if key != "optional"}
    document: Shape = {**rest, "fields": fields, "is_document": True}
    return {**document, "optional": optional} if optional else document


def _wire(constant: Any) -> object:
    """A literal or the member of an enum, as it travels."""
    value: object = constant.value if isinstance(constant, Enum) else constant
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return _constant(value)


def _constant(value: Any) -> object:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
        return float(value)
    if isinstance(value, float):
        return value
    if isinstance(value, list | tuple):
        return [_constant(each) for each in cast("list[object]", value)]
    if isinstance(value, re.Pattern):
        return identity_of(cast("re.Pattern[str]", value))
    return identity_of(value) if callable(value) else str(value)
