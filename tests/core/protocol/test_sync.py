"""Messages of the sync protocol: read strictly, written as the official clients and servers do."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_core.protocol import (
    Action,
    ActionFailed,
    ActionSucceeded,
    AddQuery,
    AdminToken,
    Authenticate,
    AuthError,
    BadFunctionPath,
    ClientMessage,
    Clocks,
    Connect,
    EncodedValue,
    Event,
    FatalError,
    FunctionPath,
    MalformedMessage,
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
    Transition,
    UserToken,
    decode_ts,
    encode_client_message,
    encode_server_message,
    encode_ts,
    parse_client_message,
    parse_server_message,
)
from confect_core.values.wire import Json

LIST = FunctionPath.parse("messages:list")
SEND = FunctionPath.parse("messages:send")
SESSION_ID = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"
START, END = StateVersion(0, 0, 0), StateVersion(1, 0, 1000)

CAPTURED: list[tuple[str, ClientMessage]] = [
    (
        '{"connectionCount":0,"lastCloseReason":"InitialConnect","clientTs":1795188240149,'
        f'"type":"Connect","sessionId":"{SESSION_ID}"}}',
        Connect(SESSION_ID, 0, "InitialConnect", None, 1795188240149),
    ),
    (
        f'{{"type":"Connect","sessionId":"{SESSION_ID}","connectionCount":1,"lastCloseReason":'
        '"WebsocketConnectionError","maxObservedTimestamp":"AAAqNv6clxc=","clientTs":0}',
        Connect(SESSION_ID, 1, "WebsocketConnectionError", 1_700_000_000_000_000_000),
    ),
    (
        f'{{"type":"Connect","sessionId":"{SESSION_ID}","connectionCount":2,'
        '"lastCloseReason":null}',
        Connect(SESSION_ID, 2, None),
    ),
    (
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add",'
        '"queryId":0,"udfPath":"messages.js:list","args":[{}],"journal":null}]}',
        ModifyQuerySet(0, 1, (AddQuery(0, LIST, {}),)),
    ),
    (
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add",'
        '"queryId":1,"udfPath":"dir/mod:q2","args":[{"a":1}],"journal":"JOURNAL-1"}]}',
        ModifyQuerySet(0, 1, (AddQuery(1, FunctionPath("dir/mod", "q2"), {"a": 1}, "JOURNAL-1"),)),
    ),
    (
        '{"modifications":[{"type":"Remove","queryId":0}],"type":"ModifyQuerySet",'
        '"baseVersion":1,"newVersion":2}',
        ModifyQuerySet(1, 2, (RemoveQuery(0),)),
    ),
    (
        '{"args":[{"body":"hi","i":{"$integer":"BwAAAAAAAAA="}}],"type":"Mutation","requestId":0,'
        '"udfPath":"messages:send"}',
        Mutation(0, SEND, {"body": "hi", "i": {"$integer": "BwAAAAAAAAA="}}),
    ),
    (
        '{"args":[{"x":21.0}],"type":"Action","requestId":1,"udfPath":"act:double",'
        '"componentPath":"pool"}',
        Action(1, FunctionPath("act", "double"), {"x": 21.0}, "pool"),
    ),
    (
        '{"type":"Authenticate","baseVersion":0,"tokenType":"User","value":"<jwt>"}',
        Authenticate(0, UserToken("<jwt>")),
    ),
    (
        '{"type":"Authenticate","tokenType":"None","baseVersion":2}',
        Authenticate(2, NoToken()),
    ),
    (
        '{"type":"Authenticate","baseVersion":3,"tokenType":"Admin","value":"inst|k",'
        '"impersonating":{"issuer":"https://i","subject":"me"}}',
        Authenticate(3, AdminToken("inst|k", {"issuer": "https://i", "subject": "me"})),
    ),
    (
        '{"type":"Authenticate","baseVersion":3,"tokenType":"Admin","value":"inst|k",'
        '"acting_as":{"subject":"me"}}',
        Authenticate(3, AdminToken("inst|k", {"subject": "me"})),
    ),
    (
        '{"type":"Event","eventType":"ClientConnect","event":[1]}',
        Event("ClientConnect"),
    ),
]


@pytest.mark.parametrize(("frame", "message"), CAPTURED)
def test_what_the_official_clients_send_is_read(frame: str, message: ClientMessage) -> None:
    assert parse_client_message(frame) == message
    assert parse_client_message(frame.encode()) == message


@pytest.mark.parametrize("message", [message for _, message in CAPTURED])
def test_what_our_client_writes_reads_as_the_same_message(message: ClientMessage) -> None:
    assert parse_client_message(encode_client_message(message)) == message


def test_unknown_fields_are_ignored() -> None:
    frame = '{"type":"Event","eventType":"x","event":null,"news":{"a":[1]}}'
    assert parse_client_message(frame) == Event("x")


MUTATION: dict[str, Json] = {
    "type": "Mutation",
    "requestId": 0,
    "udfPath": "messages:send",
    "args": [{}],
}


WRONG_FIELDS: list[tuple[str, Json]] = [
    ("type", "Query"),
    ("type", 1),
    ("type", None),
    ("requestId", -1),
    ("requestId", 2**32),
    ("requestId", 1.0),
    ("requestId", True),
    ("requestId", "1"),
    ("requestId", None),
    ("udfPath", 1),
    ("args", {}),
    ("args", []),
    ("args", [{}, {}]),
    ("args", [[]]),
    ("componentPath", 1),
]


@pytest.mark.parametrize(
    ("field", "value"),
    WRONG_FIELDS,
)
def test_a_field_of_the_wrong_type_is_refused(field: str, value: Json) -> None:
    with pytest.raises(MalformedMessage):
        parse_client_message(orjson.dumps(MUTATION | {field: value}))


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "[]",
        "null",
        '{"type":"Event"',
        '{"type":"Event","eventType":NaN}',
        '{"type":"Connect","sessionId":"me","connectionCount":0,"lastCloseReason":null}',
        '{"type":"ModifyQuerySet","baseVersion":1,"newVersion":1,"modifications":[]}',
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":{}}',
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[1]}',
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{}]}',
        '{"type":"Authenticate","baseVersion":0,"tokenType":"Cookie","value":"x"}',
        '{"type":"Authenticate","baseVersion":0,"tokenType":"Admin","value":"x","acting_as":1}',
    ],
)
def test_a_frame_that_is_no_message_is_refused(frame: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_client_message(frame)


def test_a_path_that_no_function_can_have_is_refused() -> None:
    with pytest.raises(BadFunctionPath):
        parse_client_message(orjson.dumps(MUTATION | {"udfPath": "messages:"}))


def encoded(text: str) -> EncodedValue:
    return EncodedValue(text.encode())


def tree(value: Json) -> Json:
    return value


WRITTEN: list[tuple[ServerMessage[EncodedValue], ServerMessage[Json], str]] = [
    (
        Transition(
            START,
            END,
            (
                QueryUpdated(0, encoded("[1.0]"), ("[LOG] 'a'", "[LOG] 'b'"), None),
                QueryFailed(1, 'no "x"', (), "J", encoded("null")),
                QueryFailed(2, "no", (), None),
                QueryRemoved(3),
            ),
        ),
        Transition(
            START,
            END,
            (
                QueryUpdated(0, tree([1.0]), ("[LOG] 'a'", "[LOG] 'b'"), None),
                QueryFailed(1, 'no "x"', (), "J", tree(None)),
                QueryFailed(2, "no", (), None),
                QueryRemoved(3),
            ),
        ),
        '{"type":"Transition","startVersion":{"querySet":0,"identity":0,"ts":"AAAAAAAAAAA="},'
        '"endVersion":{"querySet":1,"identity":0,"ts":"6AMAAAAAAAA="},"modifications":['
        '{"type":"QueryUpdated","queryId":0,"value":[1.0],"logLines":["[LOG] \'a\'","[LOG] \'b\'"],'
        '"journal":null},'
        '{"type":"QueryFailed","queryId":1,"errorMessage":"no \\"x\\"","logLines":[],"journal":"J",'
        '"errorData":null},'
        '{"type":"QueryFailed","queryId":2,"errorMessage":"no","logLines":[],"journal":null},'
        '{"type":"QueryRemoved","queryId":3}]}',
    ),
    (
        Transition(END, END, (), Clocks(-3, 1_795_188_240_000_000_000)),
        Transition(END, END, (), Clocks(-3, 1_795_188_240_000_000_000)),
        '{"type":"Transition","startVersion":{"querySet":1,"identity":0,"ts":"6AMAAAAAAAA="},'
        '"endVersion":{"querySet":1,"identity":0,"ts":"6AMAAAAAAAA="},"modifications":[],'
        '"clientClockSkew":-3,"serverTs":1795188240000000000}',
    ),
    (
        MutationSucceeded(0, encoded('{"a":1.0}'), 1000, ("[INFO] 'm'",)),
        MutationSucceeded(0, tree({"a": 1.0}), 1000, ("[INFO] 'm'",)),
        '{"type":"MutationResponse","requestId":0,"success":true,"result":{"a":1.0},'
        '"ts":"6AMAAAAAAAA=","logLines":["[INFO] \'m\'"]}',
    ),
    (
        MutationFailed(1, "no", ()),
        MutationFailed(1, "no", ()),
        '{"type":"MutationResponse","requestId":1,"success":false,"result":"no","ts":null,'
        '"logLines":[]}',
    ),
    (
        MutationFailed(1, "no", (), encoded('{"code":7.0}')),
        MutationFailed(1, "no", (), tree({"code": 7.0})),
        '{"type":"MutationResponse","requestId":1,"success":false,"result":"no","ts":null,'
        '"logLines":[],"errorData":{"code":7.0}}',
    ),
    (
        ActionSucceeded(2, encoded("42.0"), ()),
        ActionSucceeded(2, tree(42.0), ()),
        '{"type":"ActionResponse","requestId":2,"success":true,"result":42.0,"logLines":[]}',
    ),
    (
        ActionFailed(2, "no", (), encoded("null")),
        ActionFailed(2, "no", (), tree(None)),
        '{"type":"ActionResponse","requestId":2,"success":false,"result":"no","logLines":[],'
        '"errorData":null}',
    ),
    (
        AuthError("expired", 0, attempted=False),
        AuthError("expired", 0, attempted=False),
        '{"type":"AuthError","error":"expired","baseVersion":0,"authUpdateAttempted":false}',
    ),
    (FatalError("why"), FatalError("why"), '{"type":"FatalError","error":"why"}'),
    (Ping(), Ping(), '{"type":"Ping"}'),
]


@pytest.mark.parametrize(("message", "_", "frame"), WRITTEN)
def test_what_the_server_writes_is_what_the_protocol_says(
    message: ServerMessage[EncodedValue], _: ServerMessage[Json], frame: str
) -> None:
    assert encode_server_message(message).decode() == frame


@pytest.mark.parametrize(("_", "message", "frame"), WRITTEN)
def test_what_the_server_writes_is_read_with_its_values_as_trees(
    _: ServerMessage[EncodedValue], message: ServerMessage[Json], frame: str
) -> None:
    assert parse_server_message(frame) == message


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"Hello"}',
        '{"type":"MutationResponse","requestId":0,"success":true,"ts":"6AMAAAAAAAA=","logLines":[]}',
        '{"type":"MutationResponse","requestId":0,"success":true,"result":1,"ts":null,"logLines":[]}',
        '{"type":"ActionResponse","requestId":0,"success":true,"result":1}',
        '{"type":"ActionResponse","requestId":0,"success":1,"result":1,"logLines":[]}',
        '{"type":"Transition","startVersion":{},"endVersion":{},"modifications":[]}',
    ],
)
def test_a_frame_that_no_server_sends_is_refused(frame: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_server_message(frame)


@given(st.text(st.characters(codec=None)), st.lists(st.text(st.characters(codec=None))))
def test_no_message_or_log_line_can_spoil_a_frame(text: str, lines: list[str]) -> None:
    frame = encode_server_message(MutationFailed(0, text, tuple(lines)))
    message = parse_server_message(frame)
    assert isinstance(message, MutationFailed)
    assert message.message == text.encode("utf-8", "replace").decode()
    assert len(message.log_lines) == len(lines)


@pytest.mark.parametrize(
    ("ts", "text"),
    [
        (0, "AAAAAAAAAAA="),
        (1000, "6AMAAAAAAAA="),
        (1_700_000_000_000_000_000, "AAAqNv6clxc="),
        (2**63 - 1, "/////////38="),
    ],
)
def test_a_timestamp_is_eight_little_endian_bytes_in_base64(ts: int, text: str) -> None:
    assert encode_ts(ts) == text
    assert decode_ts(text) == ts


@given(st.integers(0, 2**63 - 1))
def test_every_timestamp_survives_its_text(ts: int) -> None:
    assert decode_ts(encode_ts(ts)) == ts


@pytest.mark.parametrize(
    "text", ["", "AAAAAAAAAAA", "AAAA", "AAAAAAAAAAAA", "AAAAAAAAAA*=", "AAAAAAAAAIA=", "é"]
)
def test_a_text_that_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        decode_ts(text)
