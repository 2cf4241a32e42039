"""`RequestReader`: the arguments of an endpoint, from wherever its requests carry them."""

from __future__ import annotations

from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json
from starlette.requests import Request

from confect_core import Args
from confect_core.endpoints import AnyEndpoint, PlacedField
from confect_core.tables import TableDirectory
from confect_server.http.errors import InvalidRequest, Problem, UnreadableBody


class RequestReader:
    """Reads the requests of one endpoint."""

    def __init__(self, endpoint: AnyEndpoint) -> None:
        self._args = endpoint.args
        self._fields = {field.name: field for field in endpoint.fields}
        self._elsewhere = [field for field in endpoint.fields if field.place != "body"]
        self._has_body = len(self._elsewhere) < len(self._fields)

    async def read(self, request: Request, tables: TableDirectory) -> Args:
        """The arguments; raises `UnreadableBody` and `InvalidRequest`.

        Ids are checked against the tables that there are.
        """
        given = await self._body_of(request) if self._has_body else {}
        strangers = [Problem("body", name, "Unknown field") for name in given if self._not_in(name)]
        strangers += self._unknown_in_query(request)
        if strangers:
            raise InvalidRequest(strangers)
        for field in self._elsewhere:
            value = _value_in(request, field)
            if value is not None:
                given[field.name] = value
        try:
            # as JSON, so that a text is read as the number, time or bytes that it stands for
            return self._args.model_validate_json(to_json(given), context=tables)
        except ValidationError as error:
            raise InvalidRequest([self._problem(each) for each in error.errors()]) from None

    async def _body_of(self, request: Request) -> dict[str, object]:
        body = await request.body()
        content_type = request.headers.get("content-type", "")
        if not body:
            return {}
        if content_type.partition(";")[0].strip() != "application/json":
            raise UnreadableBody("its Content-Type is not application/json")
        try:
            read: Any = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise UnreadableBody(str(error)) from None
        if not isinstance(read, dict):
            raise UnreadableBody(f"it is a {type(read).__name__}")
        return cast("dict[str, object]", read)

    def _not_in(self, name: str) -> bool:
        field = self._fields.get(name)
        return field is None or field.place != "body"

    def _unknown_in_query(self, request: Request) -> list[Problem]:
        known = {field.alias for field in self._elsewhere if field.place == "query"}
        unknown = [name for name in request.query_params if name not in known]
        return [Problem("query", name, "Unknown parameter") for name in unknown]

    def _problem(self, error: ErrorDetails) -> Problem:
        first, *rest = error["loc"] or ("",)
        field = self._fields.get(str(first))
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
        if field is None:
            return Problem("body", f"{first}{path}", error["msg"])
        return Problem(field.place, f"{field.alias}{path}", error["msg"])


def _value_in(request: Request, field: PlacedField) -> str | list[str] | None:
    if field.place == "path":
        return cast("str", request.path_params[field.name])
    if field.place == "header":
        return request.headers.get(field.alias)
    if field.is_list:
        return request.query_params.getlist(field.alias) or None
    return request.query_params.get(field.alias)
