"""Writing the messages of the sync protocol.

What the server sends is joined from bytes rather than dumped from a tree, so that a result which is
already encoded is copied and never looked at again (0.10 µs for a result of 700 bytes; 0.27 µs with
`orjson.Fragment`).
"""

from __future__ import annotations

from functools import lru_cache

import orjson

from confect_core.protocol.fields import JsonObject
from confect_core.protocol.sync import (
    Action,
    ActionFailed,
    ActionSucceeded,
    AddQuery,
    AdminToken,
    Authenticate,
    AuthError,
    ClientMessage,
    Connect,
    EncodedValue,
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
from confect_core.protocol.timestamp import encode_ts
from confect_core.values.absent import ABSENT, Absent
from confect_core.values.wire import Json

PING = b'{"type":"Ping"}'
"""The frame of a `Ping`."""


def encode_server_message(message: ServerMessage[EncodedValue]) -> bytes:
    """The frame of a message from the server."""
    match message:
        case Transition():
            return _transition(message)
        case MutationSucceeded() | ActionSucceeded():
            return _success(message)
        case MutationFailed() | ActionFailed():
            return _failure(message)
        case AuthError():
            return orjson.dumps(
                {
                    "type": "AuthError",
                    "error": _sendable(message.error),
                    "baseVersion": message.base_version,
                    "authUpdateAttempted": message.attempted,
                }
            )
        case FatalError():
            return orjson.dumps({"type": "FatalError", "error": _sendable(message.error)})
        case Ping():
            return PING


def encode_client_message(message: ClientMessage) -> bytes:
    """The frame of a message from a client."""
    return orjson.dumps(_client_fields(message))


def json_text(text: str) -> bytes:
    """A string as JSON. Half a surrogate pair, which JSON cannot hold, becomes a question mark."""
    try:
        return orjson.dumps(text)
    except orjson.JSONEncodeError:
        return orjson.dumps(_sendable(text))


def json_log_lines(lines: tuple[str, ...]) -> bytes:
    """Log lines as a JSON array of strings."""
    if not lines:
        return b"[]"
    return b"[" + b",".join(map(json_text, lines)) + b"]"


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _transition(message: Transition[EncodedValue]) -> bytes:
    clocks = message.clocks
    parts = [
        b'{"type":"Transition","startVersion":',
        _version(message.start),
        b',"endVersion":',
        _version(message.end),
        b',"modifications":[',
        b",".join(map(_modification, message.modifications)),
        b"]}"
        if clocks is None
        else b'],"clientClockSkew":%d,"serverTs":%d}'
        % (clocks.client_skew_ms, clocks.server_ts_ns),
    ]
    return b"".join(parts)


@lru_cache(maxsize=64)
def encode_update(
    start: StateVersion, ts: int, query_id: int, value: EncodedValue, journal: str | None
) -> tuple[StateVersion, bytes]:
    """The frame of a Transition to a later ts in which one query has another value, and its end.

    Remembered, because those sockets of one server that show the same are sent the same: it takes
    0.3 µs instead of 2.
    """
    end = StateVersion(start.query_set, start.identity, ts)
    return end, _transition(Transition(start, end, (QueryUpdated(query_id, value, (), journal),)))


@lru_cache(maxsize=64)
def _version(version: StateVersion) -> bytes:
    # Cached because the sockets of one server that are pushed to mostly stand at the same version.
    return b'{"querySet":%d,"identity":%d,"ts":"%b"}' % (
        version.query_set,
        version.identity,
        encode_ts(version.ts).encode("ascii"),
    )


def _modification(modification: Modification[EncodedValue]) -> bytes:
    match modification:
        case QueryUpdated():
            return b'{"type":"QueryUpdated","queryId":%d,"value":%b,"logLines":%b,"journal":%b}' % (
                modification.query_id,
                modification.value,
                json_log_lines(modification.log_lines),
                _journal(modification.journal),
            )
        case QueryFailed():
            return (
                b'{"type":"QueryFailed","queryId":%d,"errorMessage":%b,"logLines":%b,"journal":%b%b}'
                % (
                    modification.query_id,
                    json_text(modification.message),
                    json_log_lines(modification.log_lines),
                    _journal(modification.journal),
                    _error_data(modification.error_data),
                )
            )
        case QueryRemoved():
            return b'{"type":"QueryRemoved","queryId":%d}' % modification.query_id


def _journal(journal: str | None) -> bytes:
    return b"null" if journal is None else orjson.dumps(journal)


def _error_data(error_data: EncodedValue | Absent) -> bytes:
    return b"" if error_data is ABSENT else b',"errorData":' + error_data


def _success(message: MutationSucceeded[EncodedValue] | ActionSucceeded[EncodedValue]) -> bytes:
    if isinstance(message, MutationSucceeded):
        kind, ts = b"MutationResponse", b',"ts":"%b"' % encode_ts(message.ts).encode("ascii")
    else:
        kind, ts = b"ActionResponse", b""
    return b'{"type":"%b","requestId":%d,"success":true,"result":%b%b,"logLines":%b}' % (
        kind,
        message.request_id,
        message.result,
        ts,
        json_log_lines(message.log_lines),
    )


def _failure(message: MutationFailed[EncodedValue] | ActionFailed[EncodedValue]) -> bytes:
    if isinstance(message, MutationFailed):
        kind, ts = b"MutationResponse", b',"ts":null'
    else:
        kind, ts = b"ActionResponse", b""
    return b'{"type":"%b","requestId":%d,"success":false,"result":%b%b,"logLines":%b%b}' % (
        kind,
        message.request_id,
        json_text(message.message),
        ts,
        json_log_lines(message.log_lines),
        _error_data(message.error_data),
    )


def _client_fields(message: ClientMessage) -> JsonObject:
    match message:
        case Connect():
            return _connect(message)
        case ModifyQuerySet():
            modifications: list[Json] = [_change(change) for change in message.modifications]
            return {
                "type": "ModifyQuerySet",
                "baseVersion": message.base_version,
                "newVersion": message.new_version,
                "modifications": modifications,
            }
        case Mutation():
            return _request("Mutation", message)
        case Action():
            return _request("Action", message)
        case Authenticate():
            identity = _token(message.token)
            return {"type": "Authenticate", "baseVersion": message.base_version, **identity}
        case Event():
            return {"type": "Event", "eventType": message.event_type, "event": None}


def _connect(message: Connect) -> JsonObject:
    fields: JsonObject = {
        "type": "Connect",
        "sessionId": message.session_id,
        "connectionCount": message.connection_count,
        "lastCloseReason": message.last_close_reason,
        "clientTs": message.client_ts_ms,
    }
    if message.max_observed_ts is not None:
        fields["maxObservedTimestamp"] = encode_ts(message.max_observed_ts)
    return fields


def _change(change: AddQuery | RemoveQuery) -> JsonObject:
    if isinstance(change, RemoveQuery):
        return {"type": "Remove", "queryId": change.query_id}
    fields: JsonObject = {
        "type": "Add",
        "queryId": change.query_id,
        "udfPath": str(change.path),
        "args": [change.args],
    }
    if change.journal is not None:
        fields["journal"] = change.journal
    if change.component is not None:
        fields["componentPath"] = change.component
    return fields


def _request(kind: str, message: Mutation | Action) -> JsonObject:
    fields: JsonObject = {
        "type": kind,
        "requestId": message.request_id,
        "udfPath": str(message.path),
        "args": [message.args],
    }
    if message.component is not None:
        fields["componentPath"] = message.component
    return fields


def _token(token: Token) -> JsonObject:
    match token:
        case UserToken():
            return {"tokenType": "User", "value": token.value}
        case AdminToken(acting_as=None):
            return {"tokenType": "Admin", "value": token.value}
        case AdminToken():
            return {"tokenType": "Admin", "value": token.value, "impersonating": token.acting_as}
        case NoToken():
            return {"tokenType": "None"}
