"""The OpenAPI 3.1 document of an application's typed HTTP APIs."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import CoreSchema

from confect_core.endpoints import CODE, AnyEndpoint, Api, PlacedField
from confect_core.errors import TaggedError
from confect_server.http.json import Describing

Document: TypeAlias = dict[str, Any]
_Input: TypeAlias = tuple[tuple[int, str], JsonSchemaMode, CoreSchema]

_REF = "#/components/schemas/{model}"
_WITHOUT_CONTENT = (204, 205)
_INVALID = "InvalidRequest"
_UNREADABLE = "UnreadableBody"
_REFUSALS: Document = {
    _INVALID: {
        "type": "object",
        "title": _INVALID,
        "required": [CODE, "problems"],
        "properties": {
            CODE: {"const": _INVALID, "type": "string"},
            "problems": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["place", "path", "message"],
                    "properties": {
                        "place": {"enum": ["path", "query", "header", "body"]},
                        "path": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
        },
    },
    _UNREADABLE: {
        "type": "object",
        "title": _UNREADABLE,
        "required": [CODE, "message"],
        "properties": {
            CODE: {"const": _UNREADABLE, "type": "string"},
            "message": {"type": "string"},
        },
    },
}


def openapi_of(
    apis: Sequence[Api], *, title: str, version: str, has_bearer: bool = False
) -> Document:
    """The document of these APIs."""
    schemas = _Schemas(apis)
    document: Document = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "tags": [_tag(api) for api in apis],
        "paths": {},
        "components": {"schemas": schemas.components},
    }
    if has_bearer:
        bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        document["components"]["securitySchemes"] = {"bearer": bearer}
        document["security"] = [{}, {"bearer": []}]
    for api in apis:
        for name, endpoint in api.endpoints.items():
            at = document["paths"].setdefault(api.path_of(endpoint), {})
            at[endpoint.method.lower()] = _operation(api, name, endpoint, schemas)
    return document


class _Schemas:
    """The schemas of all models, generated at once so that two of one name are told apart."""

    def __init__(self, apis: Sequence[Api]) -> None:
        endpoints = [endpoint for api in apis for endpoint in api.endpoints.values()]
        self._numbers = {id(each): number for number, each in enumerate(endpoints)}
        wanted = [_inputs_of(number, each) for number, each in enumerate(endpoints)]
        generator = Describing(ref_template=_REF)
        found, self._definitions = generator.generate_definitions(
            [each for several in wanted for each in several]
        )
        self._schemas = {key: schema for (key, _), schema in found.items()}

    @property
    def components(self) -> Document:
        """What the schemas refer to."""
        return {**_REFUSALS, **{str(name): each for name, each in self._definitions.items()}}

    def args_of(self, endpoint: AnyEndpoint) -> Document:
        """The schema of all arguments, not referred to but spelled out."""
        return self._resolved(self._schemas[self._numbers[id(endpoint)], "args"])

    def returns_of(self, endpoint: AnyEndpoint) -> Document:
        """The schema of what is answered."""
        return dict(self._schemas[self._numbers[id(endpoint)], "returns"])

    def error_of(self, endpoint: AnyEndpoint, error: type[TaggedError]) -> Document:
        """The schema of a declared error, with its name as `code`."""
        schema = self._resolved(self._schemas[self._numbers[id(endpoint)], error.tag])
        code = {"const": error.tag, "type": "string"}
        return {
            **schema,
            "title": error.tag,
            "properties": {CODE: code, **schema.get("properties", {})},
            "required": [CODE, *schema.get("required", [])],
        }

    def _resolved(self, schema: Document) -> Document:
        name = schema.get("$ref", "").rpartition("/")[2]
        return dict(self._definitions[name]) if name else dict(schema)


def _inputs_of(number: int, endpoint: AnyEndpoint) -> list[_Input]:
    return [
        ((number, "args"), "validation", _core_schema(endpoint.args)),
        ((number, "returns"), "serialization", _core_schema(endpoint.returns)),
        *(((number, error.tag), "serialization", _core_schema(error)) for error in endpoint.errors),
    ]


def _core_schema(annotation: Any) -> CoreSchema:
    adapter = TypeAdapter[Any](annotation)
    adapter.rebuild()  # a model may say that it is built on its first use
    return adapter.core_schema


def _tag(api: Api) -> Document:
    return {"name": api.name, **({"description": api.description} if api.description else {})}


def _operation(api: Api, name: str, endpoint: AnyEndpoint, schemas: _Schemas) -> Document:
    args = schemas.args_of(endpoint)
    in_body = [field for field in endpoint.fields if field.place == "body"]
    elsewhere = [field for field in endpoint.fields if field.place != "body"]
    operation: Document = {
        "operationId": f"{api.name}_{name}",
        "tags": [api.name],
        "summary": endpoint.summary or name.replace("_", " ").capitalize(),
        "responses": _responses(endpoint, schemas),
    }
    if elsewhere:
        operation["parameters"] = [_parameter(field, args) for field in elsewhere]
    if in_body:
        operation["requestBody"] = _body(in_body, args)
    return operation


def _parameter(field: PlacedField, args: Document) -> Document:
    return {
        "name": field.alias,
        "in": field.place,
        "required": field.place == "path" or field.name in args.get("required", []),
        "schema": args["properties"][field.name],
    }


def _body(fields: Sequence[PlacedField], args: Document) -> Document:
    names = [field.name for field in fields]
    required = [name for name in args.get("required", []) if name in names]
    schema: Document = {
        "type": "object",
        "properties": {name: args["properties"][name] for name in names},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _responses(endpoint: AnyEndpoint, schemas: _Schemas) -> Document:
    """What is answered, by status; several errors of one status are a union told by `code`."""
    success: Document = {"description": _phrase(endpoint.status)}
    if endpoint.status not in _WITHOUT_CONTENT:
        success["content"] = {"application/json": {"schema": schemas.returns_of(endpoint)}}
    by_status: dict[int, list[Document]] = {}
    for error in endpoint.errors:
        by_status.setdefault(endpoint.status_of(error), []).append(
            schemas.error_of(endpoint, error)
        )
    if endpoint.fields:
        by_status.setdefault(422, []).append({"$ref": _REF.format(model=_INVALID)})
    if any(field.place == "body" for field in endpoint.fields):
        by_status.setdefault(400, []).append({"$ref": _REF.format(model=_UNREADABLE)})
    failures = {str(status): _failure(status, found) for status, found in by_status.items()}
    return {str(endpoint.status): success, **dict(sorted(failures.items()))}


def _failure(status: int, schemas: list[Document]) -> Document:
    schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    return {
        "description": _phrase(status),
        "content": {"application/json": {"schema": schema}},
    }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
