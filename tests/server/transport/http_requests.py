"""Requests as hypothesis makes them: of every sort, calls that nearly are some, and broken ones."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.server.transport.counter import ADMIN_KEY

Header = tuple[bytes, bytes]

BAD_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\\\[\]={} \t"]')
BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""What uvicorn refuses to send."""

ARGUMENTS = ("name", "balance", "account", "prefix", "at_most", "source", "target", "amount")
FUNCTIONS = (
    *("total", "balance", "open", "find", "search", "page", "transfer", "settle", "reset"),
    "nothing",
)
CALLED = (
    *("/api/query", "/api/mutation", "/api/action", "/api/function", "/api/query_at_ts"),
    *("/api/query_batch", "/api/run/accounts/open", "/api/run/accounts/search"),
    "/api/v1/update_environment_variables",
)
OTHERS = (
    *("/api/query_ts", "/api/run/accounts", "/api/storage/upload", "/api/storage/" + "0" * 32),
    *("/api/debug_event", "/echo", "/api/v1/list_environment_variables", "/version"),
    *("/instance_name", "/", "/healthz", "/readyz", "/metrics", "/api/sync"),
)
TAGS = ("$integer", "$bytes", "$float", "$set", "$map", "$undefined", "$commitTs")
FORMATS = ("json", "convex_encoded_json", "export_json")

JSON_TYPE: Header = (b"content-type", b"application/json")
ADMIN: Header = (b"authorization", f"Convex {ADMIN_KEY}".encode())


@dataclass(frozen=True)
class Asked:
    """One request, its body in the parts in which it comes."""

    method: str
    path: str
    query: bytes
    headers: list[Header]
    body: list[bytes]


def _json(tree: object) -> bytes:
    return json.dumps(tree).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@st.composite
def _tagged(draw: st.DrawFn) -> dict[str, object]:
    texts = st.one_of(st.binary(max_size=12).map(_base64), st.text(max_size=12))
    others = st.one_of(st.none(), st.integers(), st.lists(st.none(), max_size=2))
    return {draw(st.sampled_from(TAGS)): draw(st.one_of(texts, others))}


def _nested(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    names = st.text(max_size=6)
    return st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4))


_scalars: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    _tagged(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=8),
    st.just("\ud800"),
)
_values: SearchStrategy[Any] = st.recursive(_scalars, _nested, max_leaves=12)
_arguments = st.fixed_dictionaries({}, optional=dict.fromkeys(ARGUMENTS, _values))


@st.composite
def _likely_call(draw: st.DrawFn) -> dict[str, object]:
    """A call of a function that there is, mostly, with arguments of any sort."""
    call: dict[str, object] = {
        "path": f"accounts:{draw(st.sampled_from(FUNCTIONS))}",
        "args": draw(_arguments),
        "ts": _base64(draw(st.integers(0, 2**63)).to_bytes(8)),
    }
    if draw(st.booleans()):
        call["format"] = draw(st.sampled_from(FORMATS))
    return call


@st.composite
def _likely_body(draw: st.DrawFn) -> bytes:
    call = draw(_likely_call())
    kind = draw(st.sampled_from(["call", "call", "batch", "change"]))
    if kind == "batch":
        return _json({"queries": [call, draw(_likely_call())]})
    if kind == "change":
        change = st.dictionaries(st.sampled_from(["name", "value"]), _values)
        return _json({"changes": [draw(change)]})
    return _json(call)


@st.composite
def _damaged_body(draw: st.DrawFn) -> bytes:
    text, at = draw(_likely_body()), draw(st.integers(0, 60))
    return text[:at] + draw(st.binary(max_size=4)) + text[at:]


@st.composite
def _deep_body(draw: st.DrawFn) -> bytes:
    depth = draw(st.integers(1, 3_000))
    nested = b"[" * depth + b"]" * depth
    return b'{"path":"accounts:balance","args":{"name":%b}}' % nested


@st.composite
def _odd_call(draw: st.DrawFn) -> bytes:
    """A call of which any field may be anything."""
    fields = ("path", "args", "format", "componentPath", "ts", "queries")
    odd = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, _values)))
    return _json({**draw(_likely_call()), **odd})


_odd_bodies = st.one_of(
    st.binary(max_size=64), _odd_call(), _values.map(_json), _damaged_body(), _deep_body()
)


@st.composite
def _in_parts(draw: st.DrawFn, bodies: SearchStrategy[bytes]) -> list[bytes]:
    body, at = draw(bodies), draw(st.integers(0, 40))
    return [body[:at], body[at:]] if at else [body]


@st.composite
def _query_string(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["any", "admin", "call", "token"]))
    if kind == "admin":
        return f"adminKey={ADMIN_KEY}".encode()
    if kind == "call":
        path = draw(st.sampled_from([b"accounts:total", b"accounts:balance", b"%ff", b"%00"]))
        args = st.one_of(st.just(b"{}"), st.binary(max_size=20), _arguments.map(_json))
        return b"path=%b&args=%b" % (path, draw(args))
    return (b"token=" if kind == "token" else b"") + draw(st.binary(max_size=30))


_header_values = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.encode),
    st.binary(max_size=20).map(lambda data: BAD_VALUE.sub(b"", data)),
)
_KNOWN_HEADERS: dict[bytes, tuple[bytes, ...]] = {
    b"content-type": (b"application/json", b"application/json; charset=utf-8", b"text/x"),
    b"authorization": (
        ADMIN[1],
        ADMIN[1] + b":e30=",
        b"Bearer a.b.c",
        b"Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA",
    ),
    b"convex-client": (b"npm-1.48.0", b"python-0.8.1", b"npm-0.1.0", b"x-1.2.3-\xff"),
    b"convex-request-id": (b"abc-1",),
    b"origin": (b"https://app.example", b"null"),
    b"content-length": (b"0", b"1" * 30, b"-1", b"x"),
    b"digest": (b"sha-256=AAAA", b"sha-256=", b"sha-256=:" + b"A" * 43 + b"=:"),
    b"range": (b"bytes=0-", b"bytes=-0", b"bytes=9-1", b"bytes=" + b"9" * 200 + b"-"),
    b"if-none-match": (b"*", b'W/"a", "b"'),
    b"access-control-request-headers": (b"a, b",),
    b"traceparent": (b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01",),
    b"host": (b"bank", b""),
}


@st.composite
def _header(draw: st.DrawFn) -> Header:
    name = draw(st.sampled_from(list(_KNOWN_HEADERS)))
    known = st.sampled_from(_KNOWN_HEADERS[name])
    return name, draw(st.one_of(known, known, _header_values))


_headers = st.lists(_header(), max_size=5)


@st.composite
def _url(draw: st.DrawFn) -> str:
    start = draw(st.sampled_from(["", "", "/", "/api/run/", "/api/storage/"]))
    return start + draw(st.text(max_size=20)) if start else draw(st.sampled_from(CALLED + OTHERS))


@st.composite
def _well_aimed(draw: st.DrawFn) -> Asked:
    """A POST of a body like those that are wanted."""
    headers = [JSON_TYPE, *draw(st.one_of(st.just([ADMIN]), st.just([]), _headers))]
    body = _in_parts(st.one_of(_likely_body(), _likely_body(), _odd_bodies))
    return Asked("POST", draw(st.sampled_from(CALLED)), b"", headers, draw(body))


_methods = st.sampled_from(["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "X"])
requests = st.one_of(
    _well_aimed(),
    _well_aimed(),
    st.builds(
        Asked, st.just("GET"), st.just("/api/query"), _query_string(), _headers, st.just([b""])
    ),
    st.builds(Asked, _methods, _url(), _query_string(), _headers, _in_parts(_odd_bodies)),
)
"""Any request; half of them are well aimed."""


_CALL_HEAD = (
    b"POST /api/query HTTP/1.1\r\nHost: bank\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\n"
)
_CALL_BODY = b'{"path": "accounts:total", "args": {}}'
WHOLE = _CALL_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(_CALL_BODY), _CALL_BODY)
_CHUNKED = _CALL_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
    len(_CALL_BODY),
    _CALL_BODY,
)
BROKEN = (
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
    _CALL_HEAD + b"Content-Length: -1\r\n\r\n",
    _CALL_HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    _CALL_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    _CALL_HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    _CALL_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    _CALL_HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}",
    _CALL_HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    _CALL_HEAD + b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    _CALL_HEAD + b"Origin: \x01\r\nContent-Length: 0\r\n\r\n",
    _CALL_HEAD + b": empty\r\n\r\n",
    _CALL_HEAD + b" folded: line\r\n\r\n",
    WHOLE[:-5],
    WHOLE * 3,
)
"""What is no request, or none that should be answered as it is."""


@st.composite
def mangled(draw: st.DrawFn) -> list[bytes]:
    """A call of which something is cut out, put in or sent twice, in two pieces."""
    text = draw(st.sampled_from([WHOLE, _CHUNKED, WHOLE + WHOLE]))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        junk = draw(st.one_of(st.binary(max_size=8), st.just(text[start:end] * 2)))
        text = text[:start] + junk + text[end:]
    cut = draw(st.integers(0, len(text)))
    return [piece for piece in (text[:cut], text[cut:]) if piece]
