"""Whatever comes over HTTP is answered, and what is nonsense is refused: never a failure here."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from confect_core.values.wire import Json
from confect_server.settings import Requests, Settings
from confect_server.transport import serving
from confect_server.transport.asgi import Message
from tests.server.transport.counter import ADMIN_KEY, Counter, counter, scope_of

FUZZED = settings(
    deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

_BAD_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\\\[\]={} \t"]')
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""What uvicorn refuses to send."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: list[bytes]


def _json(tree: object) -> bytes:
    return json.dumps(tree).encode("utf-8", "surrogatepass")


base64_texts = st.one_of(
    st.binary(max_size=12).map(lambda data: base64.b64encode(data).decode()), st.text(max_size=12)
)
special_values = st.one_of(
    st.builds(
        lambda name, value: {name: value},
        st.sampled_from(
            ["$integer", "$bytes", "$float", "$set", "$map", "$undefined", "$commitTs"]
        ),
        st.one_of(base64_texts, st.none(), st.integers(), st.lists(st.none(), max_size=2)),
    ),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=8),
    st.just("\ud800"),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), special_values),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
deep = st.integers(1, 3_000).map(lambda depth: b"[" * depth + b"]" * depth)
ARGUMENTS = ("name", "balance", "account", "prefix", "at_most", "source", "target", "amount")
functions = st.sampled_from(
    ["total", "balance", "open", "find", "search", "page", "transfer", "settle", "reset", "nothing"]
)
paths = st.one_of(functions.map(lambda name: f"accounts:{name}"), st.text(max_size=20), values)
arguments = st.one_of(
    values,
    st.fixed_dictionaries({}, optional=dict.fromkeys(ARGUMENTS, values)),
    st.fixed_dictionaries({"paginationOpts": values, "name": values}),
)
formats = st.one_of(st.sampled_from(["json", "convex_encoded_json", "export_json", "xml"]), values)
calls = st.fixed_dictionaries(
    {"path": paths, "args": arguments},
    optional={"format": formats, "componentPath": values, "ts": st.one_of(base64_texts, values)},
)
likely_calls = st.fixed_dictionaries(
    {
        "path": functions.map(lambda name: f"accounts:{name}"),
        "args": st.fixed_dictionaries({}, optional=dict.fromkeys(ARGUMENTS, values)),
        "ts": st.integers(0, 2**63).map(lambda ts: base64.b64encode(ts.to_bytes(8)).decode()),
    },
    optional={"format": st.sampled_from(["json", "convex_encoded_json", "export_json"])},
)
likely_bodies = st.one_of(
    likely_calls.map(_json),
    likely_calls.map(_json),
    st.lists(likely_calls, max_size=3).map(lambda several: _json({"queries": several})),
    st.dictionaries(st.sampled_from(["name", "value"]), values).map(
        lambda change: _json({"changes": [change]})
    ),
)
bodies = st.one_of(
    st.binary(max_size=64),
    calls.map(_json),
    values.map(_json),
    deep.map(lambda nested: b'{"path":"accounts:balance","args":{"name":%b}}' % nested),
    st.builds(
        lambda text, at, junk: text[:at] + junk + text[at:],
        likely_bodies,
        st.integers(0, 60),
        st.binary(max_size=4),
    ),
)


def _in_parts(body: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    at = st.integers(0, 40)
    return st.builds(lambda body, at: [body[:at], body[at:]] if at else [body], body, at)


urls = st.one_of(
    st.sampled_from(
        [
            "/api/query",
            "/api/mutation",
            "/api/action",
            "/api/function",
            "/api/query_ts",
            "/api/query_at_ts",
            "/api/query_batch",
            "/api/run/accounts/open",
            "/api/run/accounts",
            "/api/storage/upload",
            "/api/storage/" + "0" * 32,
            "/api/debug_event",
            "/echo",
            "/api/v1/list_environment_variables",
            "/api/v1/update_environment_variables",
            "/version",
            "/instance_name",
            "/",
            "/healthz",
            "/readyz",
            "/metrics",
            "/api/sync",
        ]
    ),
    st.text(max_size=20).map(lambda text: f"/api/run/{text}"),
    st.text(max_size=20).map(lambda text: f"/api/storage/{text}"),
    st.text(max_size=20).map(lambda text: f"/{text}"),
)
queries = st.one_of(
    st.binary(max_size=30),
    st.just(f"adminKey={ADMIN_KEY}".encode()),
    st.builds(
        lambda path, args: b"path=%b&args=%b" % (path, args),
        st.sampled_from([b"accounts:total", b"accounts:balance", b"%ff", b"%00"]),
        st.one_of(st.just(b"{}"), st.binary(max_size=20), calls.map(_json)),
    ),
    st.binary(max_size=20).map(lambda token: b"token=" + token),
)
header_values = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.encode),
    st.binary(max_size=20).map(lambda data: _BAD_VALUE.sub(b"", data)),
)


CALLED = [
    *("/api/query", "/api/mutation", "/api/action", "/api/function", "/api/query_at_ts"),
    *("/api/query_batch", "/api/run/accounts/open", "/api/run/accounts/search"),
    "/api/v1/update_environment_variables",
]
JSON_TYPE = (b"content-type", b"application/json")
ADMIN = (b"authorization", f"Convex {ADMIN_KEY}".encode())


def _header(name: bytes, *known: bytes) -> st.SearchStrategy[tuple[bytes, bytes]]:
    shown = st.one_of(st.sampled_from(known), header_values) if known else header_values
    return shown.map(lambda value: (name, value))


headers = st.lists(
    st.one_of(
        _header(
            b"content-type", b"application/json", b"application/json; charset=utf-8", b"text/x"
        ),
        _header(
            b"authorization",
            b"Convex " + ADMIN_KEY.encode(),
            b"Convex " + ADMIN_KEY.encode() + b":e30=",
            b"Bearer a.b.c",
            b"Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA",
        ),
        _header(b"convex-client", b"npm-1.48.0", b"python-0.8.1", b"npm-0.1.0", b"x-1.2.3-\xff"),
        _header(b"convex-request-id", b"abc-1"),
        _header(b"origin", b"https://app.example", b"null"),
        _header(b"content-length", b"0", b"1" * 30, b"-1", b"x"),
        _header(b"digest", b"sha-256=AAAA", b"sha-256=", b"sha-256=:" + b"A" * 43 + b"=:"),
        _header(b"range", b"bytes=0-", b"bytes=-0", b"bytes=9-1", b"bytes=" + b"9" * 200 + b"-"),
        _header(b"if-none-match", b"*", b'W/"a", "b"'),
        _header(b"access-control-request-headers", b"a, b"),
        _header(b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"),
        _header(b"host", b"bank", b""),
    ),
    max_size=5,
)
anything = st.builds(
    Asked,
    st.sampled_from(["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "X"]),
    urls,
    queries,
    headers,
    _in_parts(bodies),
)
well_aimed = st.builds(
    lambda url, query, others, body: Asked("POST", url, query, [*others, JSON_TYPE], body),
    st.sampled_from(CALLED),
    st.just(b""),
    st.one_of(st.just([ADMIN]), st.just([]), headers.map(lambda several: several[:1])),
    _in_parts(st.one_of(likely_bodies, likely_bodies, bodies)),
)
asked_in_urls = st.builds(
    lambda query, others: Asked("GET", "/api/query", query, others, [b""]), queries, headers
)
requests = st.one_of(well_aimed, well_aimed, asked_in_urls, anything)


async def answered(at: Counter, asked: Asked) -> tuple[int, dict[bytes, bytes], bytes]:
    """What is sent in answer, which must be what a server can send."""
    left, sent = list(asked.body), list[Message]()

    async def receive() -> Message:
        if not left:
            return {"type": "http.disconnect"}
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {**scope_of(asked.method, asked.path, asked.query), "headers": asked.headers}
    with anyio.fail_after(20):
        await at.asgi(scope, receive, send)
    start, *body = sent
    assert start["type"] == "http.response.start"
    for name, value in start["headers"]:
        assert not _BAD_NAME.search(name), name
        assert not _BAD_VALUE.search(value), value
    assert [message["type"] for message in body] == ["http.response.body"] * len(body)
    assert not body[-1].get("more_body", False)
    content = b"".join(cast("bytes", message.get("body", b"")) for message in body)
    return start["status"], dict(start["headers"]), content


async def check_answered(at: Counter, asked: Asked) -> None:
    status, told, content = await answered(at, asked)
    assert status < 500, (asked, status, content)
    if told.get(b"content-type") == b"application/json" and asked.method != "HEAD":
        answer: Json = json.loads(content)
        assert status != 400 or (isinstance(answer, dict) and {"code", "message"} == set(answer))
    origin = dict(reversed(asked.headers)).get(b"origin")
    if origin is not None and asked.path.startswith("/api/"):
        assert told[b"access-control-allow-origin"] == origin


@asynccontextmanager
async def watched(caplog: pytest.LogCaptureFixture) -> AsyncGenerator[Counter]:
    """A bank that must be as it was, after whatever it was asked."""
    caplog.clear()
    async with counter(settings=Settings(requests=Requests(idle_s=5.0))) as at:
        at.backend.files.served_at = "http://bank"
        yield at
        await at.open("Ada", 5.0)
        assert await at.call("query", "accounts:balance", name="Ada") == 5.0
        intake = at.asgi._http._intake
        assert (intake._requests, intake._held_bytes) == (0, 0)
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@given(several=st.lists(requests, min_size=5, max_size=20))
@example(
    several=[
        Asked(
            "POST",
            "/api/query",
            b"",
            [(b"content-type", b"application/json")],
            [b'{"path":"accounts:balance","args":{"name":%b}}' % (b"9" * 100_000)],
        )
    ]
)
@FUZZED
async def test_whatever_is_asked_is_answered(
    several: list[Asked], caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(caplog) as at:
        for asked in several:
            await check_answered(at, asked)


CALL_HEAD = (
    b"POST /api/query HTTP/1.1\r\nHost: bank\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\n"
)
CALL_BODY = b'{"path": "accounts:total", "args": {}}'
WHOLE = CALL_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(CALL_BODY), CALL_BODY)
CHUNKED = CALL_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
    len(CALL_BODY),
    CALL_BODY,
)
BROKEN = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%ff%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"CONNECT bank:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    CALL_HEAD + b"Content-Length: -1\r\n\r\n",
    CALL_HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    CALL_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    CALL_HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    CALL_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    CALL_HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}",
    CALL_HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    CALL_HEAD + b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    CALL_HEAD + b"Origin: \x01\r\nContent-Length: 0\r\n\r\n",
    CALL_HEAD + b": empty\r\n\r\n",
    CALL_HEAD + b" folded: line\r\n\r\n",
    WHOLE[:-5],
    WHOLE * 3,
]


@st.composite
def mangled(draw: st.DrawFn) -> list[bytes]:
    """A call of which something is cut out, put in or sent twice, in pieces of any size."""
    text = draw(st.sampled_from([WHOLE, CHUNKED, WHOLE + WHOLE]))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        junk = draw(st.one_of(st.binary(max_size=8), st.just(text[start:end] * 2)))
        text = text[:start] + junk + text[end:]
    cut = draw(st.integers(0, len(text)))
    return [piece for piece in (text[:cut], text[cut:]) if piece]


async def said_to(port: int, pieces: list[bytes]) -> bytes:
    """Everything that is answered by the end."""
    received = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        try:
            for piece in pieces:
                await stream.send(piece)
                await anyio.lowlevel.checkpoint()
            await stream.send_eof()
            with anyio.fail_after(20):
                while True:
                    received += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError, OSError):
            return received


@given(several=st.lists(mangled(), min_size=1, max_size=12))
@example(several=[[each] for each in BROKEN])
@settings(FUZZED, max_examples=30)
async def test_whatever_comes_on_a_connection_harms_nobody(
    several: list[list[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(caplog) as at, serving(at.asgi, "127.0.0.1", 0) as port:
        for pieces in several:
            answer = await said_to(port, pieces)
            statuses = re.findall(rb"HTTP/1\.1 (\d+)", answer)
            assert not answer or answer.startswith(b"HTTP/1.1 "), (pieces, answer)
            assert all(status < b"500" for status in statuses), (pieces, answer)
        answer = await said_to(port, [WHOLE])
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
