"""Calls over HTTP, as the official clients make them."""

from __future__ import annotations

import orjson
import pytest

from confect_core.protocol import (
    BadFormat,
    BadFunctionPath,
    BadJsonBody,
    CallFailed,
    CallRefused,
    CallRequest,
    CallResponse,
    CallSucceeded,
    ClientVersion,
    EncodedValue,
    FunctionPath,
    ResultFormat,
    encode_call,
    encode_call_response,
    encode_refusal,
    parse_call,
    parse_call_response,
)
from confect_core.values.wire import Json

LIST = FunctionPath.parse("messages:list")


@pytest.mark.parametrize(
    "body",
    [
        b'{"path":"messages:list","format":"convex_encoded_json","args":[{"a":1}]}',
        b'{"path": "messages.js:list", "format": "convex_encoded_json", "args": {"a": 1}}',
    ],
)
def test_arguments_may_be_an_object_or_an_array_of_one(body: bytes) -> None:
    assert parse_call(body, None) == CallRequest(LIST, {"a": 1}, ResultFormat.ENCODED)


@pytest.mark.parametrize(
    ("name", "result_format"),
    [
        ("convex_json", ResultFormat.ENCODED),
        ("json", ResultFormat.CLEAN),
        ("convex_clean_json", ResultFormat.CLEAN),
        ("export_json", ResultFormat.EXPORT),
    ],
)
def test_every_format_has_its_names(name: str, result_format: ResultFormat) -> None:
    body = orjson.dumps({"path": "messages:list", "format": name, "args": {}})
    assert parse_call(body, None).format is result_format


@pytest.mark.parametrize(
    ("client", "result_format"),
    [
        (None, ResultFormat.CLEAN),
        ("npm-1.4.0", ResultFormat.ENCODED),
        ("npm-1.4.1", ResultFormat.CLEAN),
        ("python-0.4.9", ResultFormat.ENCODED),
        ("python-0.5.0", ResultFormat.CLEAN),
        ("rust-0.1.0", ResultFormat.CLEAN),
    ],
)
def test_without_a_format_the_version_of_the_client_decides(
    client: str | None, result_format: ResultFormat
) -> None:
    version = None if client is None else ClientVersion.of_header(client)
    assert parse_call(b'{"path":"messages:list","args":{}}', version).format is result_format


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", BadJsonBody),
        (b"[]", BadJsonBody),
        (b'{"args":{}}', BadJsonBody),
        (b'{"path":1,"args":{}}', BadJsonBody),
        (b'{"path":"m:f"}', BadJsonBody),
        (b'{"path":"m:f","args":[]}', BadJsonBody),
        (b'{"path":"m:f","args":[{},{}]}', BadJsonBody),
        (b'{"path":"m:f","args":{},"format":1}', BadJsonBody),
        (b'{"path":"m:f","args":{},"format":"xml"}', BadFormat),
        (b'{"path":"m:","args":{}}', BadFunctionPath),
    ],
)
def test_a_body_that_is_no_call_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_call(body, None)


def test_what_our_client_asks_reads_as_the_same_call() -> None:
    call = CallRequest(LIST, {"a": [None]}, ResultFormat.ENCODED)
    assert parse_call(encode_call(call), None) == call


def tree(value: Json) -> Json:
    return value


ANSWERS: list[tuple[CallResponse[EncodedValue], CallResponse[Json], str]] = [
    (
        CallSucceeded(EncodedValue(b"[1.0]")),
        CallSucceeded(tree([1.0])),
        '{"status":"success","value":[1.0]}',
    ),
    (
        CallSucceeded(EncodedValue(b"null"), ("[LOG] 'x'",)),
        CallSucceeded(tree(None), ("[LOG] 'x'",)),
        '{"status":"success","value":null,"logLines":["[LOG] \'x\'"]}',
    ),
    (
        CallFailed("no"),
        CallFailed("no"),
        '{"status":"error","errorMessage":"no"}',
    ),
    (
        CallFailed("no", EncodedValue(b"null"), ("[LOG] 'x'",)),
        CallFailed("no", tree(None), ("[LOG] 'x'",)),
        '{"status":"error","errorMessage":"no","errorData":null,"logLines":["[LOG] \'x\'"]}',
    ),
]


@pytest.mark.parametrize(("answer", "read", "body"), ANSWERS)
def test_answers_are_written_and_read(
    answer: CallResponse[EncodedValue], read: CallResponse[Json], body: str
) -> None:
    assert encode_call_response(answer).decode() == body
    assert parse_call_response(body.encode()) == read


def test_a_refusal_says_its_code_and_what_to_do() -> None:
    error = BadFormat("xml")
    refused = parse_call_response(encode_refusal(error.code, error))
    assert refused == CallRefused("BadFormat", str(error))
    assert error.hint in str(error)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"status":"success"}', b'{"code":"x"}'])
def test_a_body_that_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(BadJsonBody):
        parse_call_response(body)
