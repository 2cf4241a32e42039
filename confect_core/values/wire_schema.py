"""From pydantic's schema of a type to the schema of its wire form.

A type's own schema says how Python values are checked. What travels is something else: every number
is a float64, an instant is milliseconds, a set is a sorted array. So each core schema is rewritten
twice, once to *decode* (canonical `Value` in, Python value out) and once to *encode* (the other
way), and pydantic-core runs both in one native pass. The alternative, walking values in Python
beside pydantic, was an order of magnitude slower for a document of eight fields.

What cannot cross the wire is refused here, every occurrence of it, with its path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from pydantic_core import core_schema as cs

from confect_core.errors import SpecError
from confect_core.values import wire_constants as constants
from confect_core.values import wire_leaves as leaves
from confect_core.values import wire_nodes as nodes
from confect_core.values.absent import ABSENT
from confect_core.values.commit_ts import is_commit_ts, pending_or_int64, settled
from confect_core.values.errors import InvalidFieldName
from confect_core.values.field_names import check_field_name
from confect_core.values.int64 import is_int64
from confect_core.values.uncarryable import Uncarryable
from confect_core.values.value import BigInt
from confect_core.values.wire_nodes import Node

Side: TypeAlias = Literal["decode", "encode"]

WIRE_NAMES = "__confect_wire_names__"
"""The class attribute of a model whose system fields travel under names of their own."""

CHECKS_AN_ID = "confect_checks_an_id"
"""The metadata of a schema around a string that checks whether it is an id, and what of."""

NAMES_A_FUNCTION = "confect_names_a_function"
"""The metadata of a schema of handles, which travel as the path of a function."""

_WRAPPERS = frozenset(
    {"nullable", "default", "function-after", "function-before", "function-wrap", "custom-error"}
)
_REFUSALS = {
    "complex": "use two float fields",
    "callable": "a function cannot travel; pass a ref or a name",
    "generator": "use list[X]",
    "is-instance": "use a pydantic model, a dataclass or a TypedDict",
    "is-subclass": "a class cannot travel; pass a name",
    "json": "declare the type that the JSON text holds",
    "json-or-python": "use list[X] or dict[str, X]",
    "lax-or-strict": "use str and convert in the handler",
    "missing-sentinel": "use `X | Absent = ABSENT`",
    "function-plain": "give the type a serializer (PlainSerializer), so that it has a wire form",
    "arguments": "use an Args model",
    "call": "use a pydantic model or a dataclass",
    "deque": "use list[X]",
    "ordered-dict": "use dict[str, X]",
    "counter": "use dict[str, int]",
}


class WireSchema:
    """One pass over a core schema for one side; `mistakes` holds all that was refused.

    In what is stored ids are taken as they are: they were checked when they came, and checking one
    costs more than decoding all other fields of a small document.
    """

    def __init__(self, side: Side, *, is_stored: bool = False) -> None:
        self._side = side
        self._is_stored = is_stored
        self._may_be_absent: str | None = None
        self._shared: dict[str, Node] = {}
        self._sound: set[str] = set()
        self.mistakes: list[SpecError] = []
        self.may_be_pending = False
        """Has what was encoded to be searched for a commit's timestamp, which cannot travel?"""

    def rewrite(self, node: Node, path: str) -> Node:
        """The wire form of one node; `path` says where it stands, for refusals."""
        sequence = nodes.list_of_sequence(node)
        if sequence is not None:
            return self._sequence(sequence, path)
        if "serialization" in node:
            return self._custom(node)
        kind: str = node["type"]
        if self._is_stored and CHECKS_AN_ID in (node.get("metadata") or ()):
            return self.rewrite(node["schema"], path)
        if kind in _WRAPPERS:
            return {**node, "schema": self.rewrite(node["schema"], path)}
        if kind in leaves.TEXT_KINDS:
            return self._text(node)
        handler: Callable[[Node, str], Node] | None = getattr(
            self, f"_{kind.replace('-', '_')}", None
        )
        if handler is None:
            return self._refuse(node, path)
        return handler(node, path)

    # leaves

    def _any(self, node: Node, path: str) -> Node:
        return self._leaf(node, leaves.canonical)

    def _none(self, node: Node, path: str) -> Node:
        return node

    def _bool(self, node: Node, path: str) -> Node:
        return {**node, "strict": True}

    def _str(self, node: Node, path: str) -> Node:
        return {**node, "strict": True}

    def _bytes(self, node: Node, path: str) -> Node:
        return {**node, "strict": True}

    def _float(self, node: Node, path: str) -> Node:
        return self._leaf(nodes.chain(nodes.NUMBER, {**node, "strict": True}), leaves.number)

    def _int(self, node: Node, path: str) -> Node:
        if is_int64(node):
            decoder = nodes.chain(cs.is_instance_schema(BigInt), {**node, "strict": False})
            if is_commit_ts(node):
                return self._commit_ts(decoder)
            return self._leaf(decoder, leaves.int64)
        return self._leaf(nodes.whole_number({**node, "strict": False}), leaves.integer)

    def _commit_ts(self, decoder: Node) -> Node:
        """Only a document may wait for its commit's timestamp; nothing that travels may."""
        self.may_be_pending = not self._is_stored
        checked = decoder if self._is_stored else nodes.after(settled, decoder)
        return self._leaf(checked, pending_or_int64)

    def _literal(self, node: Node, path: str) -> Node:
        expected: list[Any] = node["expected"]
        self._check_constants(expected, path)
        if constants.are_texts(expected):
            decoder = node
        else:
            decoder = nodes.before(constants.literal_decoder(expected), {"type": "any"})
        return self._leaf(decoder, constants.literal_encoder(expected))

    def _enum(self, node: Node, path: str) -> Node:
        values = [member.value for member in node["members"]]
        self._check_constants(node["members"], path)
        lenient: Node = {**node, "strict": False}
        decoder = nodes.whole_number(lenient) if constants.are_numbers(values) else lenient
        return self._leaf(decoder, constants.enum_encoder(node["cls"], node["members"]))

    def _check_constants(self, given: list[Any], path: str) -> None:
        for constant in given:
            if not constants.is_constant(constant):
                self._say(path, f"the constant {constant!r}", "use str, or an int up to 2**53 - 1")

    def _datetime(self, node: Node, path: str) -> Node:
        if node.get("tz_constraint") == "naive":
            self._say(path, "a datetime without a time zone", "use datetime or AwareDatetime")
        return self._leaf(nodes.before(leaves.instant_of_ms, node), leaves.ms_of_instant)

    def _timedelta(self, node: Node, path: str) -> Node:
        return self._leaf(nodes.before(leaves.span_of_ms, node), leaves.ms_of_span)

    def _text(self, node: Node) -> Node:
        if self._side == "decode":
            return nodes.chain(cs.str_schema(strict=True), {**node, "strict": False})
        return nodes.serialized_by(node, leaves.text_of(node["type"]))

    def _custom(self, node: Node) -> Node:
        """A type with a serializer of its own: what it makes is what travels."""
        if self._side == "decode" or "function" not in node["serialization"]:
            return {**node, "strict": False}
        return {**node, "serialization": nodes.canonically(node["serialization"])}

    # containers

    def _list(self, node: Node, path: str) -> Node:
        return self._items(node, path, strict=True)

    def _sequence(self, node: Node, path: str) -> Node:
        items = self._items(node, path, strict=True)
        return items if self._side == "decode" else nodes.serialized_around(items, leaves.as_list)

    def _set(self, node: Node, path: str) -> Node:
        return self._sorted(self._items(node, path, strict=False))

    def _frozenset(self, node: Node, path: str) -> Node:
        return self._sorted(self._items(node, path, strict=False))

    def _items(self, node: Node, path: str, *, strict: bool) -> Node:
        items = self.rewrite(node.get("items_schema", {"type": "any"}), f"{path}[]")
        return {**node, "items_schema": items, "strict": strict}

    def _sorted(self, node: Node) -> Node:
        if self._side == "decode":
            return node
        items: Node = {"type": "list", "items_schema": node["items_schema"]}
        return nodes.serialized_around(items, leaves.sorted_list)

    def _tuple(self, node: Node, path: str) -> Node:
        parts = [
            self.rewrite(item, f"{path}[{position}]")
            for position, item in enumerate(node["items_schema"])
        ]
        rewritten: Node = {**node, "items_schema": parts, "strict": False}
        if self._side == "decode":
            return rewritten
        return nodes.serialized_around(rewritten, leaves.plain_list)

    def _dict(self, node: Node, path: str) -> Node:
        if not _is_text(node.get("keys_schema", {"type": "any"})):
            self._say(path, "a mapping whose keys are no strings", "use dict[str, X]")
        values = self.rewrite(node.get("values_schema", {"type": "any"}), f"{path}{{}}")
        return {**node, "values_schema": values, "strict": False}

    # objects

    def _model(self, node: Node, path: str) -> Node:
        model: type = node["cls"]
        config: Node = node.get("config", {})
        if config.get("extra_fields_behavior") == "allow":
            self._say(path, f"{model.__name__}, which allows extra fields", "use dict[str, X]")
        if node.get("custom_init"):
            hint = "use validators or model_post_init: __init__ would be given wire values"
            self._say(path, f"{model.__name__}, which has an __init__ of its own", hint)
        inner: Node = node["schema"]
        names: Mapping[str, str] = getattr(model, WIRE_NAMES, {})
        rewritten = self._fields(inner, path, names) if names else self.rewrite(inner, path)
        return {**node, "schema": rewritten, "strict": False}

    def _model_fields(self, node: Node, path: str) -> Node:
        return self._fields(node, path, {})

    def _typed_dict(self, node: Node, path: str) -> Node:
        return self._fields(node, path, {})

    def _fields(self, node: Node, path: str, system_names: Mapping[str, str]) -> Node:
        for computed in node.get("computed_fields", ()):
            name = computed["property_name"]
            self._say(f"{path}.{name}", "a computed field", "make it an ordinary field")
        fields = {
            name: self._field(field, f"{path}.{name}", system_names.get(name))
            for name, field in node["fields"].items()
        }
        return {**node, "fields": fields, "extra_behavior": "forbid"}

    def _field(self, field: Node, path: str, system_name: str | None) -> Node:
        if field.get("validation_alias") or field.get("serialization_alias"):
            self._say(path, "a field with an alias", "name the field as it is named on the wire")
        if field.get("init") is False or field.get("serialization_exclude"):
            self._say(path, "a field that is left out", "make it an ordinary field")
        rewritten = self._optional(field, path)
        if system_name is None:
            self._check_name(path)
            return rewritten
        aliases = {"validation_alias": system_name, "serialization_alias": system_name}
        return {**rewritten, **aliases}

    def _check_name(self, path: str) -> None:
        try:
            check_field_name(path.rpartition(".")[2])
        except InvalidFieldName as mistake:
            self._say(path, "a field whose name no field can have", mistake.message)

    def _optional(self, field: Node, path: str) -> Node:
        """A field whose default means "not there" is left out of what travels."""
        inner: Node = field["schema"]
        is_absent_by_default = inner["type"] == "default" and inner.get("default") is ABSENT
        self._may_be_absent = path if is_absent_by_default else None
        field = {**field, "schema": self.rewrite(inner, path)}
        if inner["type"] != "default":
            return field
        if is_absent_by_default:
            return {**field, "serialization_exclude_if": _is_absent}
        if "default" in inner and inner["default"] is None:
            return {**field, "serialization_exclude_if": _is_none}
        return field

    def _dataclass(self, node: Node, path: str) -> Node:
        return {**node, "schema": self.rewrite(node["schema"], path), "strict": False}

    def _dataclass_args(self, node: Node, path: str) -> Node:
        fields = [self._field(field, f"{path}.{field['name']}", None) for field in node["fields"]]
        return {**node, "fields": fields, "extra_behavior": "forbid"}

    # choices and recursion

    def _union(self, node: Node, path: str) -> Node:
        given: list[Any] = node["choices"]
        # a choice may come with a label, which only error messages would use
        unlabelled: list[Node] = [each[0] if isinstance(each, tuple) else each for each in given]
        present = [each for each in unlabelled if not leaves.is_absent(each)]
        if len(present) < len(unlabelled) and self._may_be_absent != path:
            hint = "write `X | Absent = ABSENT` for a field; nothing else can be absent"
            self._say(path, "a value that may be absent", hint)
        choices = [self.rewrite(each, path) for each in present]
        if len(choices) == 1:
            return choices[0]
        return {**node, "choices": choices, "mode": "left_to_right"}

    def _tagged_union(self, node: Node, path: str) -> Node:
        choices = {tag: self.rewrite(choice, path) for tag, choice in node["choices"].items()}
        return {**node, "choices": choices}

    def _chain(self, node: Node, path: str) -> Node:
        if self._side == "encode":
            return self.rewrite(node["steps"][-1], path)
        first, *rest = node["steps"]
        return {**node, "steps": [self.rewrite(first, path), *rest]}

    def _definitions(self, node: Node, path: str) -> Node:
        self._shared = {each["ref"]: each for each in node["definitions"]}
        schema = self.rewrite(node["schema"], path)
        told = len(self.mistakes)
        definitions = [self.rewrite(each, path) for each in node["definitions"]]
        del self.mistakes[told:]  # each was told at the places that refer to it
        return {**node, "schema": schema, "definitions": definitions}

    def _definition_ref(self, node: Node, path: str) -> Node:
        ref: str = node["schema_ref"]
        if self._side == "encode" and ref not in self._sound:
            self._sound.add(ref)  # until the opposite is known, which ends recursion
            told = len(self.mistakes)
            self.rewrite(self._shared[ref], path)
            if len(self.mistakes) > told:
                self._sound.remove(ref)
        return node

    # what all of them share

    def _leaf(self, decoder: Node, encoder: Callable[[Any], object]) -> Node:
        return decoder if self._side == "decode" else nodes.serialized_by({"type": "any"}, encoder)

    def _refuse(self, node: Node, path: str) -> Node:
        kind: str = node["type"]
        what = f"{node['cls'].__name__}" if "cls" in node else f"a value of kind {kind!r}"
        self._say(path, what, _REFUSALS.get(kind, "use a type that the wire can carry"))
        return {"type": "any"}

    def _say(self, path: str, what: str, hint: str) -> None:
        self.mistakes.append(Uncarryable(path, what, hint))


def _is_text(keys: Node) -> bool:
    """Are the keys of a mapping strings, perhaps checked ones or a few known ones?"""
    if keys["type"] in _WRAPPERS:
        return _is_text(keys["schema"])
    if keys["type"] == "literal":
        return constants.are_texts(keys["expected"])
    return bool(keys["type"] == "str")


def _is_absent(value: object) -> bool:
    return value is ABSENT


def _is_none(value: object) -> bool:
    return value is None
