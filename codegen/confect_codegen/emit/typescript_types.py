"""`TypeScriptTypes`: from Python types to the TypeScript types of what travels for them.

It follows pydantic's schema of a type the way the codec does (`values/wire_schema.py` of core).
Models, errors and enums are declared under their own names. Most are one type, but for a model with
defaults two: what is sent may lack those fields, what is received never does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Literal, Self, TypeAlias, cast

from pydantic import BaseModel, PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema

from confect_codegen.docstrings import Docstrings
from confect_codegen.emit import typescript_nodes as ts
from confect_codegen.emit.typescript_declarations import Declarations
from confect_codegen.naming import Name
from confect_core import ABSENT, PaginationOptions, PaginationResult, Table, TaggedError
from confect_core.spec.call import ERROR_TAG
from confect_core.tables import table_named
from confect_core.values.codec import Codec
from confect_core.values.int64 import is_int64
from confect_core.values.wire_leaves import TEXT_KINDS, is_absent
from confect_core.values.wire_nodes import Node, list_of_sequence
from confect_core.values.wire_schema import CHECKS_AN_ID, NAMES_A_FUNCTION, WIRE_NAMES

Side: TypeAlias = Literal["sent", "received"]
"""Seen from the client: arguments are sent, results and errors received."""

_LEAVES = {
    "any": "any",
    "none": "null",
    "bool": "boolean",
    "str": "string",
    "bytes": "ArrayBuffer",
    "float": "number",
    "datetime": "number",
    "timedelta": "number",
    **dict.fromkeys(TEXT_KINDS, "string"),
}
_WRAPPERS = frozenset(
    {"default", "function-after", "function-before", "function-wrap", "custom-error"}
)
_CLASSES = frozenset({"model", "dataclass", "typed-dict", "enum"})
_CONTAINERS = frozenset({"list", "set", "frozenset"})
_UNITS = {"datetime": "In milliseconds since the epoch.", "timedelta": "In milliseconds."}
_JSON_TYPES = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean"}


class Unwritable(Exception):
    """A part of a type that TypeScript has no type for, or none that is known."""


class TypeScriptTypes:
    """The types of one file; those that it declares are gathered while others are asked for."""

    def __init__(self, docstrings: Docstrings, taken: frozenset[str]) -> None:
        self._docstrings = docstrings
        self._shared: dict[str, Node] = {}
        self._open: set[str] = set()
        self._tables: list[str] = []
        self.declared = Declarations(taken)
        """What the types refer to by name."""
        self.imported: set[str] = set()
        """What the types take from npm's `convex`, beyond what every file does."""

    def of(self, annotation: object, side: Side) -> ts.Type:
        """The type of what travels for a Python type; raises `Unwritable`."""
        return self._type(Codec(cast("Any", annotation), what="type").core_schema(), side)

    def of_arguments(self, model: type[BaseModel]) -> ts.Object:
        """The object that carries the arguments of a call, not declared under a name."""
        node = Codec(model, what="args").core_schema()
        return self._object(_without_definitions(node, self._shared), model, "sent")

    def of_error(self, error: type[TaggedError]) -> ts.Type:
        """A declared error as its callers receive it."""
        key = (TaggedError, error)
        if key not in self.declared:
            declaration = self.declared.declare(key, error.__name__, self._said_of(error))
            node = _without_definitions(Codec(error, what="error").core_schema(), self._shared)
            fields = self._object(node["schema"], error, "received").fields
            tag = ts.Field(ERROR_TAG, ts.constant(error.tag))
            declaration.sent = declaration.received = ts.Object((tag, *fields))
        return ts.Reference(key)

    # the types of nodes

    def _type(self, node: Node, side: Side) -> ts.Type:
        kind: str = node["type"]
        metadata: Mapping[str, object] = node.get("metadata") or {}
        if NAMES_A_FUNCTION in metadata:
            return "string"
        if CHECKS_AN_ID in metadata:
            return self._id(metadata[CHECKS_AN_ID])
        sequence = list_of_sequence(node)
        if sequence is not None:
            return self._type(sequence, side)
        if "serialization" in node:
            return self._custom(node, side)
        if kind in _LEAVES:
            return _LEAVES[kind]
        if kind in _WRAPPERS:
            return self._type(node["schema"], side)
        if kind in _CONTAINERS:
            return ts.ArrayOf(self._type(node.get("items_schema", {"type": "any"}), side))
        handler: Callable[[Node, Side], ts.Type] | None = getattr(
            self, f"_{kind.replace('-', '_')}", None
        )
        if handler is None:
            raise Unwritable(f"a value of kind {kind!r}")
        return handler(node, side)

    def _id(self, target: object) -> ts.Type:
        table = self._tables[-1] if target is Self and self._tables else table_named(target)
        if table is None:
            return "string"
        return ts.Applied("Id", (ts.constant(table),))

    def _int(self, node: Node, side: Side) -> ts.Type:
        return "bigint" if is_int64(node) else "number"

    def _literal(self, node: Node, side: Side) -> ts.Type:
        values = [each.value if isinstance(each, Enum) else each for each in node["expected"]]
        return ts.union(*map(ts.constant, values))

    def _enum(self, node: Node, side: Side) -> ts.Type:
        enum: type[Enum] = node["cls"]
        if enum not in self.declared:
            declaration = self.declared.declare(enum, enum.__name__, self._said_of(enum))
            members = ts.union(*(ts.constant(each.value) for each in node["members"]))
            declaration.sent = declaration.received = members
        return ts.Reference(enum)

    def _tuple(self, node: Node, side: Side) -> ts.Type:
        items = tuple(self._type(each, side) for each in node["items_schema"])
        position: int | None = node.get("variadic_item_index")
        if position is None:
            return ts.Tuple(items)
        return ts.ArrayOf(ts.union(*items))

    def _dict(self, node: Node, side: Side) -> ts.Type:
        value = self._type(node.get("values_schema", {"type": "any"}), side)
        keys: Node = node.get("keys_schema", {"type": "str"})
        while keys["type"] in _WRAPPERS:
            keys = keys["schema"]
        if keys["type"] != "literal":
            return ts.Record(value)
        known = ts.union(*map(ts.constant, keys["expected"]))
        return ts.Applied("Partial", (ts.Applied("Record", (known, value)),))

    def _nullable(self, node: Node, side: Side) -> ts.Type:
        return ts.union(self._type(node["schema"], side), "null")

    def _union(self, node: Node, side: Side) -> ts.Type:
        given: list[Any] = node["choices"]
        choices: list[Node] = [each[0] if isinstance(each, tuple) else each for each in given]
        return ts.union(*(self._type(each, side) for each in choices if not is_absent(each)))

    def _tagged_union(self, node: Node, side: Side) -> ts.Type:
        by: object = node["discriminator"]
        made = ts.union(*(self._type(each, side) for each in node["choices"].values()))
        if isinstance(by, str):
            for each in ts.references(made):
                self.declared[each.key].tags.add(by)
        return made

    def _chain(self, node: Node, side: Side) -> ts.Type:
        steps: list[Node] = node["steps"]
        return self._type(steps[0] if side == "sent" else steps[-1], side)

    def _definitions(self, node: Node, side: Side) -> ts.Type:
        self._shared.update({each["ref"]: each for each in node["definitions"]})
        return self._type(node["schema"], side)

    def _definition_ref(self, node: Node, side: Side) -> ts.Type:
        ref: str = node["schema_ref"]
        shared = self._shared[ref]
        return self._type(shared, side) if _is_declared(shared) else self._alias(ref, side)

    def _alias(self, ref: str, side: Side) -> ts.Type:
        """What an alias stands for, or, if it holds itself, its name."""
        if ref in self._open and ref not in self.declared:
            name = _name_in(ref)
            self.declared.declare(ref, name.attribute, self._docstrings.of(name))
        if ref in self.declared:
            return ts.Reference(ref, side == "sent")
        self._open.add(ref)
        made = self._type(self._shared[ref], side)
        self._open.remove(ref)
        if ref not in self.declared:
            return made
        declaration = self.declared[ref]
        declaration.sent = self._type(self._shared[ref], "sent")
        declaration.received = self._type(self._shared[ref], "received")
        return ts.Reference(ref, side == "sent")

    def _custom(self, node: Node, side: Side) -> ts.Type:
        """What the type's own serializer makes, if that says what it is."""
        serialization: Node = node["serialization"]
        returned: Node | None = serialization.get("return_schema")
        bare = {key: part for key, part in node.items() if key != "serialization"}
        if returned is not None:
            made = self._type(returned, "received")
            left_alone = serialization.get("when_used", "").endswith("unless-none")
            return ts.union(made, "null") if left_alone and _takes_null(bare) else made
        if "pydantic_js_functions" in (node.get("metadata") or {}):
            return self._of_json_schema(node)
        is_known = side == "sent" and node["type"] in _LEAVES
        return self._type(bare, side) if is_known else "any"

    def _of_json_schema(self, node: Node) -> ts.Type:
        """The type of one of pydantic's own text-like types, which say what they are as JSON."""
        whole = {"type": "definitions", "schema": node, "definitions": [*self._shared.values()]}
        try:
            schema = GenerateJsonSchema().generate(cast("Any", whole), mode="serialization")
        except PydanticInvalidForJsonSchema:
            return "any"
        return _JSON_TYPES.get(str(schema.get("type")), "any")

    # models

    def _model(self, node: Node, side: Side) -> ts.Type:
        cls: type[BaseModel] = node["cls"]
        if issubclass(cls, PaginationResult):
            self.imported.add("PaginationResult")
            page: Node = node["schema"]["fields"]["page"]["schema"]
            return ts.Applied("PaginationResult", (self._type(page["items_schema"], side),))
        if issubclass(cls, PaginationOptions):
            self.imported.add("PaginationOptions")
            return "PaginationOptions"
        return self._class(node, node["schema"], side)

    def _dataclass(self, node: Node, side: Side) -> ts.Type:
        return self._class(node, node["schema"], side)

    def _typed_dict(self, node: Node, side: Side) -> ts.Type:
        return self._class(node, node, side)

    def _class(self, node: Node, fields: Node, side: Side) -> ts.Type:
        cls: type[object] = node["cls"]
        if cls not in self.declared:
            declaration = self.declared.declare(cls, cls.__name__, self._said_of(cls))
            if issubclass(cls, Table):
                self._tables.append(table_named(cls) or "")
            declaration.sent = self._content(fields, cls, "sent")
            declaration.received = self._content(fields, cls, "received")
            if issubclass(cls, Table):
                self._tables.pop()
        return ts.Reference(cls, side == "sent")

    def _content(self, node: Node, cls: type[object], side: Side) -> ts.Type:
        while node["type"] in _WRAPPERS:
            node = node["schema"]
        if getattr(cls, "__pydantic_root_model__", False):
            return self._type(node, side)
        return self._object(node, cls, side)

    def _object(self, node: Node, cls: type[object], side: Side) -> ts.Object:
        while node["type"] in _WRAPPERS or node["type"] == "model":
            node = node["schema"]
        given: Any = node["fields"]
        if isinstance(given, list):
            given = {each["name"]: each for each in cast("list[Node]", given)}
        named = cast("dict[str, Node]", given)
        names: dict[str, str] = getattr(cls, WIRE_NAMES, {})
        is_total: bool = node.get("total", True)
        fields: list[ts.Field] = []
        for name, field in named.items():
            is_required: bool = field.get("required", is_total)
            made, is_optional = self._field(field["schema"], side)
            said = (self._said_of_field(cls, name), _unit(field["schema"]))
            doc = "\n\n".join(filter(None, map(inspect.cleandoc, said)))
            fields.append(
                ts.Field(names.get(name, name), made, is_optional or not is_required, doc)
            )
        return ts.Object(tuple(fields))

    def _field(self, node: Node, side: Side) -> tuple[ts.Type, bool]:
        """The type of a field, and whether it may be left out."""
        made = self._type(node, side)
        if node["type"] != "default":
            return made, False
        default: object = node.get("default", ...)
        if side == "sent" or default is ABSENT:
            return made, True
        if default is None:
            return _without_null(made), True
        return made, False

    def _said_of(self, cls: type[object]) -> str:
        metadata: Mapping[str, Any] = getattr(cls, "__pydantic_generic_metadata__", {})
        origin: type[object] = metadata.get("origin") or cls
        return self._docstrings.of(Name(origin.__module__, origin.__qualname__))

    def _said_of_field(self, cls: type[object], name: str) -> str:
        fields: dict[str, Any] = getattr(cls, "__pydantic_fields__", {})
        described = fields[name].description if name in fields else None
        return described or self._docstrings.of_field(cls, name)


def _without_definitions(node: Node, shared: dict[str, Node]) -> Node:
    """The node itself, its definitions kept aside."""
    while node["type"] in ("definitions", "definition-ref"):
        if node["type"] == "definitions":
            shared.update({each["ref"]: each for each in node["definitions"]})
            node = node["schema"]
        else:
            node = shared[node["schema_ref"]]
    return node


def _is_declared(node: Node) -> bool:
    """Is this of a class, which is declared under its name and so may hold itself?"""
    while node["type"] in _WRAPPERS:
        node = node["schema"]
    return node["type"] in _CLASSES


def _name_in(ref: str) -> Name:
    """The name of an alias, which pydantic puts before what tells apart those of one name."""
    module, _, attribute = ref.partition(":")[0].rpartition(".")
    return Name(module, attribute)


def _unit(node: Node) -> str:
    """What has to be said of a number that stands for a time."""
    while node["type"] in _WRAPPERS or node["type"] == "nullable":
        node = node["schema"]
    return "" if "serialization" in node else _UNITS.get(node["type"], "")


def _takes_null(node: Node) -> bool:
    return node["type"] == "nullable" or (node["type"] in _WRAPPERS and _takes_null(node["schema"]))


def _without_null(made: ts.Type) -> ts.Type:
    if not isinstance(made, ts.Union):
        return made
    return ts.union(*(each for each in made.items if each != "null"))
