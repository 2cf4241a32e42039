"""Ordinary JSON of pydantic types, for the typed HTTP APIs: how answers are written and described.

It is pydantic's JSON with two differences: bytes are base64 (URL-safe) whatever the model says, and
a field that is `ABSENT` is left out.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticSerializationError, core_schema, to_json

from confect_core.endpoints import CODE
from confect_core.errors import TaggedError
from confect_core.values.absent import ABSENT

_BYTES: JsonSchemaValue = {"type": "string", "contentEncoding": "base64url"}
_ABSENT_SCHEMA: JsonSchemaValue = {"not": {}}


class NotWritable(Exception):
    """A value that is not of the type as which it should be written."""


class JsonWriter:
    """Writes the values of one type."""

    def __init__(self, annotation: Any) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def tree(self, value: object) -> object:
        """The value as what JSON is made of, once it is known to be of the type."""
        try:
            checked = self._adapter.validate_python(value, strict=True)
            tree = self._adapter.dump_python(checked, by_alias=True, warnings="error")
        except (ValidationError, PydanticSerializationError) as error:
            raise NotWritable(str(error)) from error
        return _without_absent(tree)

    def write(self, value: object) -> bytes:
        """The JSON of a value of the type."""
        return json_of(self.tree(value))


def json_of(tree: object) -> bytes:
    """The JSON of a tree; numbers that JSON has not are null, as pydantic has it."""
    try:
        return to_json(tree, bytes_mode="base64", inf_nan_mode="null")
    except PydanticSerializationError as error:
        raise NotWritable(str(error)) from error


def error_json(error: TaggedError) -> bytes:
    """The JSON of a declared error: its fields, and its name as `code`."""
    fields = cast("dict[str, object]", JsonWriter(type(error)).tree(error))
    return json_of({CODE: error.tag, **fields})


class Describing(GenerateJsonSchema):
    """The JSON schema of what is written and read here."""

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        """Bytes as base64."""
        del schema
        return dict(_BYTES)

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """A literal; `Absent` is no value, so that nothing fits it."""
        present = [each for each in schema["expected"] if each is not ABSENT]
        if not present:
            return dict(_ABSENT_SCHEMA)
        return super().literal_schema({**schema, "expected": present})

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A type with its default; that a field is absent is no default."""
        if schema.get("default") is ABSENT:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def get_union_of_schemas(self, schemas: list[JsonSchemaValue]) -> JsonSchemaValue:
        """The union of what can be there."""
        present = [each for each in schemas if each != _ABSENT_SCHEMA]
        return super().get_union_of_schemas(present or schemas)


def _without_absent(tree: object) -> object:
    if isinstance(tree, dict):
        fields = cast("dict[object, object]", tree)
        return {key: _without_absent(each) for key, each in fields.items() if each is not ABSENT}
    if isinstance(tree, (list, tuple, set, frozenset)):
        return [_without_absent(each) for each in cast("list[object]", tree)]
    return tree
