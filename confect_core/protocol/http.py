"""Calls over HTTP: `POST /api/query`, `/api/mutation`, `/api/action`, and their other forms.

A call is named in the body, or a query in the URL, or any function by a path of its own. A function
that fails answers with status 200 and `"status":"error"`; only a call that could not be run at all
has another status, and then the body is a refusal, `{"code", "message"}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeAlias, TypeVar

import orjson

from confect_core.errors import ConfectError
from confect_core.protocol.errors import (
    BadFormat,
    BadJsonBody,
    BadQueryArgs,
    MissingIdentifier,
)
from confect_core.protocol.fields import JsonObject
from confect_core.protocol.path import FunctionPath
from confect_core.protocol.record import record
from confect_core.protocol.sync import EncodedValue
from confect_core.protocol.sync_writing import json_log_lines, json_text
from confect_core.protocol.version import ClientVersion
from confect_core.values.absent import ABSENT, Absent
from confect_core.values.wire import Json

V = TypeVar("V")


class ResultFormat(Enum):
    """How a result is written: `ENCODED` loses nothing, the others are easier to read."""

    ENCODED = "convex_encoded_json"
    CLEAN = "json"
    EXPORT = "export_json"

    @classmethod
    def named(cls, name: str) -> ResultFormat:
        """The format of that name or alias; raises `BadFormat`."""
        found = _FORMATS.get(name)
        if found is None:
            raise BadFormat(name)
        return found

    @classmethod
    def default_of(cls, client: ClientVersion | None) -> ResultFormat:
        """What a client means that names no format."""
        encoded = client is not None and client.expects_encoded_results
        return cls.ENCODED if encoded else cls.CLEAN


_FORMATS = {
    "convex_encoded_json": ResultFormat.ENCODED,
    "convex_json": ResultFormat.ENCODED,
    "json": ResultFormat.CLEAN,
    "convex_clean_json": ResultFormat.CLEAN,
    "export_json": ResultFormat.EXPORT,
}


@record
class CallRequest:
    """One call of one function."""

    path: FunctionPath
    args: JsonObject
    format: ResultFormat
    component: str | None = None
    """The component that the function is in; None for the application itself."""


@record
class CallSucceeded(Generic[V]):
    """The function returned."""

    value: V
    log_lines: tuple[str, ...] = ()


@record
class CallFailed(Generic[V]):
    """The function failed."""

    message: str
    error_data: V | Absent = ABSENT
    log_lines: tuple[str, ...] = ()


@record
class CallRefused:
    """The call was not run."""

    code: str
    message: str


CallResponse: TypeAlias = CallSucceeded[V] | CallFailed[V]
"""The answer to a call that was run."""


def parse_call(body: bytes, client: ClientVersion | None) -> CallRequest:
    """The call in a request's body; raises `BadJsonBody`, `BadFunctionPath` or `BadFormat`."""
    return call_in(read_object(body), ResultFormat.default_of(client))


def parse_named_call(name: str, body: bytes) -> CallRequest:
    """The call of the function that a URL names, `a/b/fn`, with the arguments in the body.

    Raises `MissingIdentifier`, and what `parse_call` does.
    """
    module, slash, function = name.rpartition("/")
    if not slash:
        raise MissingIdentifier(name)
    fields = read_object(body)
    return call_in({**fields, "path": f"{module}:{function}"}, ResultFormat.CLEAN)


def parse_asked_call(asked: Mapping[str, str], client: ClientVersion | None) -> CallRequest:
    """The call in the query string of a URL; without arguments if it has none.

    Raises `BadQueryArgs`, `BadFunctionPath` or `BadFormat`.
    """
    path, name = asked.get("path"), asked.get("format")
    if path is None:
        raise BadQueryArgs("it has no path")
    try:
        args = _args({"args": orjson.loads(asked.get("args", "{}"))})
    except orjson.JSONDecodeError as error:
        raise BadQueryArgs(f"args is not JSON: {error}") from None
    except BadJsonBody as error:
        raise BadQueryArgs("args is neither an object nor an array of one object") from error
    wanted = ResultFormat.default_of(client) if name is None else ResultFormat.named(name)
    return CallRequest(FunctionPath.parse(path), args, wanted)


def call_in(fields: JsonObject, default: ResultFormat) -> CallRequest:
    """The call that an object is; raises what `parse_call` does."""
    path, name, component = fields.get("path"), fields.get("format"), fields.get("componentPath")
    if not isinstance(path, str):
        raise BadJsonBody("path is not a string")
    if name is None:
        result_format = default
    elif isinstance(name, str):
        result_format = ResultFormat.named(name)
    else:
        raise BadJsonBody("format is not a string")
    if component is not None and not isinstance(component, str):
        raise BadJsonBody("componentPath is not a string")
    return CallRequest(FunctionPath.parse(path), _args(fields), result_format, component)


def encode_call(request: CallRequest) -> bytes:
    """The body of a call."""
    return orjson.dumps(
        {"path": str(request.path), "format": request.format.value, "args": request.args}
    )


def encode_call_response(response: CallResponse[EncodedValue]) -> bytes:
    """The body of an answer, whose values are already in the format that was asked for."""
    logs = b',"logLines":' + json_log_lines(response.log_lines) if response.log_lines else b""
    if isinstance(response, CallSucceeded):
        return b'{"status":"success","value":%b%b}' % (response.value, logs)
    data = b"" if response.error_data is ABSENT else b',"errorData":' + response.error_data
    return b'{"status":"error","errorMessage":%b%b%b}' % (json_text(response.message), data, logs)


def encode_refusal(code: str, error: ConfectError) -> bytes:
    """The body that says why a call was not run."""
    return orjson.dumps({"code": code, "message": str(error)})


def parse_call_response(body: bytes) -> CallResponse[Json] | CallRefused:
    """The answer in a response's body; raises `BadJsonBody` when it holds none."""
    fields = read_object(body)
    match fields:
        case {"status": "success", "value": value}:
            return CallSucceeded(value, _log_lines(fields))
        case {"status": "error", "errorMessage": str(message)}:
            return CallFailed(message, fields.get("errorData", ABSENT), _log_lines(fields))
        case {"code": str(code), "message": str(message)}:
            return CallRefused(code, message)
        case _:
            raise BadJsonBody("it is neither an answer nor a refusal")


def read_object(body: bytes) -> JsonObject:
    """The JSON object in a body; raises `BadJsonBody`."""
    try:
        tree: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadJsonBody(f"it is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise BadJsonBody("it is not a JSON object")
    return tree


def _args(fields: JsonObject) -> JsonObject:
    # Older clients, and the JavaScript one to this day, wrap the arguments into an array.
    match fields.get("args"):
        case dict(args) | [dict(args)]:
            return args
        case _:
            raise BadJsonBody("args is neither an object nor an array of one object")


def _log_lines(fields: JsonObject) -> tuple[str, ...]:
    lines = fields.get("logLines")
    if not isinstance(lines, list):
        return ()
    return tuple(line for line in lines if isinstance(line, str))
