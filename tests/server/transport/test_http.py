"""The HTTP API of a running server: calls, refusals, and what browsers ask for."""

from __future__ import annotations

import json
import socket

import httpx2
import pytest

from confect_core.protocol import JsonObject
from confect_server.transport.http.intake import MAX_BODY_BYTES
from tests.serving import Server

LIST: JsonObject = {"path": "notes:list", "args": {}}


def post(
    server: Server, route: str, body: object, headers: dict[str, str] | None = None
) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    return httpx2.post(server.url + route, content=content, headers=all_headers)


def failed(answer: httpx2.Response) -> str:
    """The message of a function that failed, after the id of its request."""
    assert answer.status_code == 200
    body: dict[str, str] = answer.json()
    assert body["status"] == "error"
    assert "errorData" not in body
    request_id, _, message = body["errorMessage"].partition("] ")
    assert request_id.startswith("[Request ID: ")
    assert len(request_id) == len("[Request ID: 0123456789abcdef")
    return message


def refused(answer: httpx2.Response, status: int = 400) -> str:
    """The code of a refusal."""
    assert answer.status_code == status
    body: dict[str, str] = answer.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return body["code"]


def test_every_kind_of_function_answers(server: Server) -> None:
    inserted = post(server, "/api/mutation", {"path": "notes:insert", "args": {"text": "hi"}})
    assert inserted.headers["content-type"] == "application/json"
    note_id = inserted.json()["value"]
    assert inserted.json() == {"status": "success", "value": note_id}
    (note,) = post(server, "/api/query", LIST).json()["value"]
    assert (note["_id"], note["text"]) == (note_id, "hi")
    mailed = post(server, "/api/action", {"path": "notes:email", "args": {"note_id": note_id}})
    said = ["[INFO] 'sent a note by somebody'"]
    assert mailed.json() == {"status": "success", "value": True, "logLines": said}


def test_args_may_be_wrapped_into_an_array(server: Server) -> None:
    insert = {"path": "notes:insert", "args": [{"text": "wrapped"}]}
    assert post(server, "/api/mutation", insert).json()["status"] == "success"
    search = {"path": "notes:search", "args": [{"text": "wrapped"}]}
    assert post(server, "/api/query", search).json()["value"] == ["wrapped"]


@pytest.mark.parametrize("path", ["notes:list", "notes.js:list"])
def test_a_path_is_understood_in_each_of_its_spellings(server: Server, path: str) -> None:
    answer = post(server, "/api/query", {"path": path, "args": {}})
    assert answer.json() == {"status": "success", "value": []}


def test_a_declared_error_is_an_answer_with_data(server: Server) -> None:
    insert = {"path": "notes:insert", "args": {"text": "stays", "tag": "pinned"}}
    note_id = post(server, "/api/mutation", insert).json()["value"]
    answer = post(server, "/api/mutation", {"path": "notes:remove", "args": {"note_id": note_id}})
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "error"
    assert body["errorData"] == {"_tag": "Forbidden", "reason": "the note is pinned"}
    assert server.texts() == ["stays"]


@pytest.mark.parametrize("route", ["/api/query", "/api/mutation", "/api/action"])
@pytest.mark.parametrize("path", ["notes:nothing", "nowhere:list", "notes", "notes:clear"])
def test_unknown_and_internal_functions_cannot_be_told_apart(
    server: Server, route: str, path: str
) -> None:
    spelled = path if ":" in path else f"{path}:default"
    message = failed(post(server, route, {"path": path, "args": {}}))
    assert message == f"Could not find public function for '{spelled}'."


def test_a_function_of_another_kind_is_not_run(server: Server) -> None:
    insert = {"path": "notes:insert", "args": {"text": "never"}}
    expected = "Trying to execute notes:insert as {}, but it is defined as Mutation."
    assert failed(post(server, "/api/query", insert)) == expected.format("Query")
    assert failed(post(server, "/api/action", insert)) == expected.format("Action")
    assert server.texts() == []


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({}, "Object is missing the required field `text`."),
        (
            {"text": "a", "size": 1},
            "Object contains extra field `size` that is not in the validator.",
        ),
        ({"text": 1}, "Value does not match validator.\nPath: .text\nValue: 1.0"),
        ({"text": "x" * 101}, "Value does not match validator.\nPath: .text"),
        ({"text": None}, "Value does not match validator.\nPath: .text"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    server: Server, args: dict[str, object], problem: str
) -> None:
    message = failed(post(server, "/api/mutation", {"path": "notes:insert", "args": args}))
    assert message.startswith(f"Server Error\nArgumentValidationError: {problem}")
    assert server.texts() == []


@pytest.mark.parametrize(
    "text",
    [
        {"$integer": "AAAA"},
        {"$integer": "no base64!"},
        {"$float": "AAAAAAAA8D8="},  # 1.0, which has a plain form
        {"$unknown": 1},
        json.loads("[" * 65 + "]" * 65),
    ],
)
def test_values_that_are_none_fail_the_call(server: Server, text: object) -> None:
    message = failed(post(server, "/api/query", {"path": "notes:search", "args": {"text": text}}))
    assert message.startswith("Server Error\n")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{nonsense",
        b"[1]",
        b'"notes:list"',
        b'{"args": {}}',
        b'{"path": 1, "args": {}}',
        b'{"path": "notes:list"}',
        b'{"path": "notes:list", "args": []}',
        b'{"path": "notes:list", "args": [{}, {}]}',
        b'{"path": "notes:list", "args": 1}',
        b'{"path": "notes:list", "args": {}, "format": 1}',
        b'{"path": "notes:list", "args": {"a": NaN}}',
        b'{"path": "notes:search", "args": {"text": "\xff"}}',
        b'{"path": "notes:search", "args": {"text": "\\ud800"}}',
        b'{"path": "notes:list", "args": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
    ],
)
def test_a_body_that_is_no_call_is_refused(server: Server, body: bytes) -> None:
    assert refused(post(server, "/api/query", body)) == "BadJsonBody"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_does_not_say_it_is_json_is_refused(server: Server, content_type: str) -> None:
    answer = post(server, "/api/query", LIST, {"Content-Type": content_type})
    assert refused(answer) == "BadJsonBody"


def test_the_content_type_may_say_more_than_json(server: Server) -> None:
    answer = post(server, "/api/query", LIST, {"Content-Type": "application/json; charset=utf-8"})
    assert answer.json()["status"] == "success"


def test_a_body_may_be_16_mib_and_a_little_and_no_more(server: Server) -> None:
    search = b'{"path": "notes:search", "args": {"text": "%b"}}'
    longest = search % (b"x" * (MAX_BODY_BYTES - len(search % b"") - 2000))
    longest += b" " * 2000  # what surrounds the arguments, which are limited themselves
    assert len(longest) == MAX_BODY_BYTES == 16 * 1024 * 1024 + 2000
    assert post(server, "/api/query", longest).json() == {"status": "success", "value": []}
    assert refused(post(server, "/api/query", longest + b" ")) == "BadJsonBody"


@pytest.mark.parametrize(
    "path", ["../notes:list", "notes.py:list", "notes:1list", "notes:__", "", "a" * 65, "a//b:c"]
)
def test_a_path_that_no_function_has_is_refused(server: Server, path: str) -> None:
    answer = post(server, "/api/query", {"path": path, "args": {}})
    assert refused(answer) == "BadConvexFunctionIdentifier"


def test_an_unknown_format_is_refused(server: Server) -> None:
    assert refused(post(server, "/api/query", {**LIST, "format": "xml"})) == "BadFormat"


@pytest.mark.parametrize("client", ["npm-1.48.0", "python-0.8.1", "rust-0.10.4", "swift-0.0.1"])
def test_clients_of_today_are_served(server: Server, client: str) -> None:
    answer = post(server, "/api/query", LIST, {"Convex-Client": client})
    assert answer.json()["status"] == "success"
    assert "x-convex-deprecation-state" not in answer.headers


@pytest.mark.parametrize("client", ["npm-0.19.1", "python-0.0.2", "rust-0.0.1"])
def test_a_client_that_is_too_old_is_told_so_in_body_and_headers(
    server: Server, client: str
) -> None:
    answer = post(server, "/api/query", LIST, {"Convex-Client": client})
    assert refused(answer) == "ClientVersionUnsupported"
    assert answer.headers["x-convex-deprecation-state"] == "Unsupported"
    assert client in answer.headers["x-convex-deprecation-message"]


def test_a_client_without_a_readable_version_is_refused(server: Server) -> None:
    answer = post(server, "/api/query", LIST, {"Convex-Client": "banana"})
    assert refused(answer) == "InvalidClientVersion"


def test_internal_functions_need_the_admin_key(server: Server) -> None:
    post(server, "/api/mutation", {"path": "notes:insert", "args": {"text": "kept"}})
    clear: JsonObject = {"path": "notes:clear", "args": {}}
    for header in (None, {"Authorization": "Convex wrong"}, {"Authorization": "Bearer secret"}):
        assert refused(post(server, "/api/function", clear, header), 401) == "Unauthenticated"
    assert server.texts() == ["kept"]
    admin = {"Authorization": f"Convex {server.admin_key}"}
    # the key opens /api/function only: the other routes are for the public
    assert "Could not find" in failed(post(server, "/api/mutation", clear, admin))
    assert post(server, "/api/function", clear, admin).json()["status"] == "success"
    assert server.texts() == []


def test_the_admin_may_call_any_kind_of_function(server: Server) -> None:
    insert = server.call("function", "notes:insert", admin=True, text="by hand").json()
    assert insert["status"] == "success"
    listed = server.call("function", "notes:list", admin=True).json()["value"]
    assert [note["text"] for note in listed] == ["by hand"]
    mailed = server.call("function", "notes:email", admin=True, note_id=insert["value"])
    said = ["[INFO] 'sent a note by somebody'"]
    assert mailed.json() == {"status": "success", "value": True, "logLines": said}
    unknown = server.call("function", "notes:nothing", admin=True)
    assert "notes:nothing" in failed(unknown)


def test_a_browser_may_call_from_a_page_of_any_origin(server: Server) -> None:
    origin = "https://app.example"
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,convex-client",
    }
    preflight = httpx2.options(f"{server.url}/api/mutation", headers=asked)
    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == origin
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-allow-headers"] == "content-type,convex-client"
    assert preflight.headers["access-control-max-age"] == "86400"
    methods = {
        each.strip() for each in preflight.headers["access-control-allow-methods"].split(",")
    }
    assert methods == {"GET", "POST", "OPTIONS", "PATCH", "DELETE", "PUT"}
    unknown: JsonObject = {"path": "notes:nothing", "args": {}}
    no_call: JsonObject = {}
    for body in (LIST, unknown, no_call):
        answer = post(server, "/api/query", body, {"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in post(server, "/api/query", LIST).headers


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("GET", "/api/mutation"),
        ("PUT", "/api/query"),
        ("GET", "/api/run/notes/list"),
        ("POST", "/api/nothing"),
        ("GET", "/notes"),
        ("POST", "/version"),
        ("GET", "/echo"),
    ],
)
def test_nothing_answers_at_other_routes(server: Server, method: str, route: str) -> None:
    assert httpx2.request(method, server.url + route).status_code == 404


def test_a_client_that_hangs_up_halfway_disturbs_nobody(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            b"POST /api/query HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"path":'
        )
    assert post(server, "/api/query", LIST).json()["status"] == "success"
