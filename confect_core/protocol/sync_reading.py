"""Reading the messages of the sync protocol: strict about types, indifferent to unknown fields."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from confect_core.protocol.errors import MalformedMessage
from confect_core.protocol.fields import (
    JsonObject,
    boolean,
    object_field,
    objects,
    optional_int,
    optional_string,
    read_object,
    string,
    strings,
    u32,
)
from confect_core.protocol.path import FunctionPath
from confect_core.protocol.sync import (
    Action,
    ActionFailed,
    ActionSucceeded,
    AddQuery,
    AdminToken,
    Authenticate,
    AuthError,
    ClientMessage,
    Clocks,
    Connect,
    Event,
    FatalError,
    Modification,
    ModifyQuerySet,
    Mutation,
    MutationFailed,
    MutationSucceeded,
    NoToken,
    Ping,
    QueryFailed,
    QueryRemoved,
    QueryUpdated,
    RemoveQuery,
    ServerMessage,
    StateVersion,
    Token,
    Transition,
    UserToken,
)
from confect_core.protocol.timestamp import decode_ts
from confect_core.values.absent import ABSENT, Absent
from confect_core.values.wire import Json


def parse_client_message(frame: str | bytes) -> ClientMessage:
    """The message in a client's frame; raises `MalformedMessage` or `BadFunctionPath`."""
    fields = read_object(frame)
    read = _CLIENT_MESSAGES.get(string(fields, "type"))
    if read is None:
        raise MalformedMessage(f"clients send no {fields['type']!r}")
    return read(fields)


def parse_server_message(frame: str | bytes) -> ServerMessage[Json]:
    """The message in a server's frame; raises `MalformedMessage`."""
    fields = read_object(frame)
    read = _SERVER_MESSAGES.get(string(fields, "type"))
    if read is None:
        raise MalformedMessage(f"servers send no {fields['type']!r}")
    return read(fields)


def _connect(fields: JsonObject) -> Connect:
    observed = optional_string(fields, "maxObservedTimestamp")
    return Connect(
        _session_id(string(fields, "sessionId")),
        u32(fields, "connectionCount"),
        optional_string(fields, "lastCloseReason"),
        None if observed is None else decode_ts(observed),
        optional_int(fields, "clientTs") or 0,
    )


def _session_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise MalformedMessage(f"sessionId {text!r} is not a UUID") from None


def _modify_query_set(fields: JsonObject) -> ModifyQuerySet:
    base_version, new_version = u32(fields, "baseVersion"), u32(fields, "newVersion")
    if new_version <= base_version:
        raise MalformedMessage(f"newVersion {new_version} is not after baseVersion {base_version}")
    modifications = tuple(map(_query_set_change, objects(fields, "modifications")))
    return ModifyQuerySet(base_version, new_version, modifications)


def _query_set_change(fields: JsonObject) -> AddQuery | RemoveQuery:
    match fields.get("type"):
        case "Add":
            return AddQuery(
                u32(fields, "queryId"),
                FunctionPath.parse(string(fields, "udfPath")),
                _args(fields),
                optional_string(fields, "journal"),
                optional_string(fields, "componentPath"),
            )
        case "Remove":
            return RemoveQuery(u32(fields, "queryId"))
        case other:
            raise MalformedMessage(f"a query set is not modified by {other!r}")


def _args(fields: JsonObject) -> JsonObject:
    args = fields.get("args")
    if isinstance(args, list) and len(args) == 1 and isinstance(args[0], dict):
        return args[0]
    raise MalformedMessage("args is not an array of one object")


def _mutation(fields: JsonObject) -> Mutation:
    return Mutation(
        u32(fields, "requestId"),
        FunctionPath.parse(string(fields, "udfPath")),
        _args(fields),
        optional_string(fields, "componentPath"),
    )


def _action(fields: JsonObject) -> Action:
    return Action(
        u32(fields, "requestId"),
        FunctionPath.parse(string(fields, "udfPath")),
        _args(fields),
        optional_string(fields, "componentPath"),
    )


def _authenticate(fields: JsonObject) -> Authenticate:
    return Authenticate(u32(fields, "baseVersion"), _token(fields))


def _token(fields: JsonObject) -> Token:
    match fields.get("tokenType"):
        case "User":
            return UserToken(string(fields, "value"))
        case "Admin":
            return AdminToken(string(fields, "value"), _acting_as(fields))
        case "None":
            return NoToken()
        case other:
            raise MalformedMessage(f"there is no tokenType {other!r}")


def _acting_as(fields: JsonObject) -> JsonObject | None:
    # JavaScript clients and Rust clients have different names for it.
    for name in ("impersonating", "acting_as"):
        if fields.get(name) is not None:
            return object_field(fields, name)
    return None


def _event(fields: JsonObject) -> Event:
    return Event(string(fields, "eventType"))


def _transition(fields: JsonObject) -> Transition[Json]:
    return Transition(
        _version(object_field(fields, "startVersion")),
        _version(object_field(fields, "endVersion")),
        tuple(map(_modification, objects(fields, "modifications"))),
        _clocks(fields),
    )


def _version(fields: JsonObject) -> StateVersion:
    return StateVersion(
        u32(fields, "querySet"), u32(fields, "identity"), decode_ts(string(fields, "ts"))
    )


def _clocks(fields: JsonObject) -> Clocks | None:
    skew_ms = optional_int(fields, "clientClockSkew")
    server_ts_ns = optional_int(fields, "serverTs")
    if skew_ms is None or server_ts_ns is None:
        return None
    return Clocks(skew_ms, server_ts_ns)


def _modification(fields: JsonObject) -> Modification[Json]:
    query_id = u32(fields, "queryId")
    match fields.get("type"):
        case "QueryUpdated":
            return QueryUpdated(
                query_id,
                _present(fields, "value"),
                strings(fields, "logLines"),
                optional_string(fields, "journal"),
            )
        case "QueryFailed":
            return QueryFailed(
                query_id,
                string(fields, "errorMessage"),
                strings(fields, "logLines"),
                optional_string(fields, "journal"),
                _error_data(fields),
            )
        case "QueryRemoved":
            return QueryRemoved(query_id)
        case other:
            raise MalformedMessage(f"a Transition does not hold {other!r}")


def _present(fields: JsonObject, name: str) -> Json:
    if name not in fields:
        raise MalformedMessage(f"{name} is not there")
    return fields[name]


def _error_data(fields: JsonObject) -> Json | Absent:
    return fields.get("errorData", ABSENT)


def _mutation_response(fields: JsonObject) -> ServerMessage[Json]:
    request_id, log_lines = u32(fields, "requestId"), strings(fields, "logLines")
    if boolean(fields, "success"):
        ts = decode_ts(string(fields, "ts"))
        return MutationSucceeded(request_id, _present(fields, "result"), ts, log_lines)
    return MutationFailed(request_id, string(fields, "result"), log_lines, _error_data(fields))


def _action_response(fields: JsonObject) -> ServerMessage[Json]:
    request_id, log_lines = u32(fields, "requestId"), strings(fields, "logLines")
    if boolean(fields, "success"):
        return ActionSucceeded(request_id, _present(fields, "result"), log_lines)
    return ActionFailed(request_id, string(fields, "result"), log_lines, _error_data(fields))


def _auth_error(fields: JsonObject) -> AuthError:
    # Servers that do not say which it was mean a token that was just shown.
    attempted = fields.get("authUpdateAttempted") is not False
    return AuthError(string(fields, "error"), u32(fields, "baseVersion"), attempted)


def _fatal_error(fields: JsonObject) -> FatalError:
    return FatalError(string(fields, "error"))


def _ping(_: JsonObject) -> Ping:
    return Ping()


_CLIENT_MESSAGES: dict[str, Callable[[JsonObject], ClientMessage]] = {
    "Connect": _connect,
    "ModifyQuerySet": _modify_query_set,
    "Mutation": _mutation,
    "Action": _action,
    "Authenticate": _authenticate,
    "Event": _event,
}

_SERVER_MESSAGES: dict[str, Callable[[JsonObject], ServerMessage[Json]]] = {
    "Transition": _transition,
    "MutationResponse": _mutation_response,
    "ActionResponse": _action_response,
    "AuthError": _auth_error,
    "FatalError": _fatal_error,
    "Ping": _ping,
}
