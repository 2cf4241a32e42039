"""Queries over HTTP that are to be answered at one snapshot.

`POST /api/query_ts` tells a timestamp at which `/api/query_at_ts` then answers, as often as it is
asked; `/api/query_batch` answers several queries at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from confect_core.protocol.errors import BadJsonBody, MalformedMessage
from confect_core.protocol.http import (
    CallRequest,
    ResultFormat,
    call_in,
    read_object,
)
from confect_core.protocol.timestamp import decode_ts, encode_ts
from confect_core.protocol.version import ClientVersion


def encode_snapshot(ts: int) -> bytes:
    """The body that tells at which timestamp to ask."""
    return orjson.dumps({"ts": encode_ts(ts)})


def parse_call_at(body: bytes, client: ClientVersion | None) -> tuple[CallRequest, int]:
    """The query in a body, and the timestamp that it is asked at; raises as `parse_call` does."""
    fields = read_object(body)
    text = fields.get("ts")
    if not isinstance(text, str):
        raise BadJsonBody("ts is not a string")
    try:
        ts = decode_ts(text)
    except MalformedMessage:
        raise BadJsonBody(f"ts is {text[:20]!r}, which is not a timestamp") from None
    return call_in(fields, ResultFormat.default_of(client)), ts


def parse_batch(body: bytes, client: ClientVersion | None) -> list[CallRequest]:
    """The queries in a body; raises as `parse_call` does."""
    queries = read_object(body).get("queries")
    if not isinstance(queries, list):
        raise BadJsonBody("queries is not an array")
    default = ResultFormat.default_of(client)
    calls: list[CallRequest] = []
    for each in queries:
        if not isinstance(each, dict):
            raise BadJsonBody("queries holds something that is not an object")
        calls.append(call_in(each, default))
    return calls


def encode_batch_response(encoded: Sequence[bytes]) -> bytes:
    """The body that holds the answers to a batch, each as `encode_call_response` writes it."""
    return b'{"results":[%b]}' % b",".join(encoded)
