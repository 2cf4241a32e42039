"""The other forms of a call over HTTP: in a URL, by its own path, in a batch, at a snapshot."""

from __future__ import annotations

import orjson
import pytest

from confect_core.protocol import (
    BadJsonBody,
    BadQueryArgs,
    CallRequest,
    ClientVersion,
    FunctionPath,
    JsonObject,
    MissingIdentifier,
    ResultFormat,
    encode_batch_response,
    encode_snapshot,
    encode_ts,
    parse_asked_call,
    parse_batch,
    parse_call,
    parse_call_at,
    parse_named_call,
)

LIST = FunctionPath.parse("messages:list")
CALL: JsonObject = {"path": "messages:list", "args": [{"a": 1}]}
OLD = ClientVersion.of_header("npm-1.4.0")


@pytest.mark.parametrize("name", ["deep/down/messages/list", "deep/down/messages.js/list"])
def test_the_last_part_of_a_name_is_the_function(name: str) -> None:
    call = parse_named_call(name, b'{"args": {"a": 1}}')
    assert call == CallRequest(
        FunctionPath("deep/down/messages", "list"), {"a": 1}, ResultFormat.CLEAN
    )


@pytest.mark.parametrize("name", ["", "list"])
def test_a_name_has_two_parts_at_least(name: str) -> None:
    with pytest.raises(MissingIdentifier, match=f"'{name}' names no function"):
        parse_named_call(name, b'{"args": {}}')


def test_a_name_goes_before_a_path_in_the_body() -> None:
    body = b'{"path": "other:one", "args": {}, "format": "export_json"}'
    assert parse_named_call("messages/list", body) == CallRequest(LIST, {}, ResultFormat.EXPORT)


def test_a_query_string_is_a_call() -> None:
    asked = {"path": "messages:list", "args": '{"a": 1}', "format": "convex_json"}
    assert parse_asked_call(asked, None) == CallRequest(LIST, {"a": 1}, ResultFormat.ENCODED)
    shortest = parse_asked_call({"path": "messages:list"}, OLD)
    assert shortest == CallRequest(LIST, {}, ResultFormat.ENCODED)


@pytest.mark.parametrize("args", ["", "1", "[]", "[{}, {}]", "{", "NaN", "\ud800", "[" * 5000])
def test_a_query_string_with_other_arguments_is_none(args: str) -> None:
    with pytest.raises(BadQueryArgs, match="args"):
        parse_asked_call({"path": "messages:list", "args": args}, None)


@pytest.mark.parametrize(
    ("named", "component"),
    [({}, None), ({"componentPath": ""}, ""), ({"componentPath": "a"}, "a")],
)
def test_a_call_names_its_component(named: JsonObject, component: str | None) -> None:
    assert parse_call(orjson.dumps({**CALL, **named}), None).component == component


def test_a_function_in_a_component_is_none_that_has_a_path() -> None:
    assert LIST.within(None) == LIST.within("") == "messages:list"
    with pytest.raises(Exception, match="not a function path"):
        FunctionPath.parse(LIST.within("../a"))


def test_a_query_is_asked_at_a_timestamp() -> None:
    body = orjson.dumps({**CALL, "ts": encode_ts(2**63 - 1)})
    assert parse_call_at(body, None) == (CallRequest(LIST, {"a": 1}, ResultFormat.CLEAN), 2**63 - 1)
    assert encode_snapshot(1000) == b'{"ts":"6AMAAAAAAAA="}'


@pytest.mark.parametrize("ts", [None, 1, "", "AAAA", "//////////8="])
def test_a_timestamp_is_64_bits_in_base64(ts: object) -> None:
    with pytest.raises(BadJsonBody, match="ts"):
        parse_call_at(orjson.dumps({**CALL, "ts": ts}), None)


def test_a_batch_is_a_list_of_calls() -> None:
    body = orjson.dumps({"queries": [CALL, {**CALL, "format": "json"}]})
    encoded, clean = parse_batch(body, OLD)
    assert (encoded.format, clean.format) == (ResultFormat.ENCODED, ResultFormat.CLEAN)
    assert encode_batch_response([b"1", b"2"]) == b'{"results":[1,2]}'
    assert encode_batch_response([]) == b'{"results":[]}'
