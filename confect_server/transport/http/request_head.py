"""`RequestHead`: what is known of a request before its body: its first line and its headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias
from urllib.parse import parse_qsl

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

_EXPOSED = b"convex-request-id, content-range, digest, etag, retry-after"
"""The headers that scripts of other origins may read, besides those that they always may."""

_REQUEST_ID = re.compile(rb"[0-9A-Za-z-]{1,64}")


class RequestHead:
    """The first line and the headers of a request, and what they say of its answer."""

    def __init__(self, method: str, path: str, headers: Headers, query_string: bytes = b"") -> None:
        self.method = method
        self.path = path
        """The path below that at which the application is mounted."""
        self.is_reading = method in ("GET", "HEAD")
        """Does the request change nothing? The server leaves out the body of an answer to HEAD."""
        self._query_string = query_string
        # twice as fast as looking for each of the five that a call needs; the first of a name wins
        self._headers: dict[bytes, bytes] = dict(reversed(headers))
        self.header = self._headers.get
        """The value of a header by its lower-case name, or None."""
        asked = self._headers.get(b"convex-request-id")
        self.request_id = None if asked is None else _request_id(asked)
        """What the client, or a log, knows the request by."""

    @property
    def authorization(self) -> bytes | None:
        """What the client shows to be somebody; the admin key may stand in the URL instead."""
        shown = self._headers.get(b"authorization")
        if shown is None and b"adminKey" in self._query_string:
            key = self.query.get("adminKey")
            return None if key is None else f"Convex {key}".encode("latin-1", "replace")
        return shown

    @cached_property
    def query(self) -> dict[str, str]:
        """What the query string says; the first of each name."""
        text = self._query_string.decode("latin-1")
        return dict(reversed(parse_qsl(text, keep_blank_values=True)))

    def add_common(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Add to the headers of an answer what every answer of the API says."""
        if self.request_id is not None:
            headers.append((b"convex-request-id", self.request_id.encode("ascii")))
        origin = self._headers.get(b"origin")
        if origin is not None and (self.path.startswith("/api/") or self.path == "/version"):
            headers += _open_to(origin)


def _open_to(origin: bytes) -> list[tuple[bytes, bytes]]:
    """That pages of any origin may read an answer: they call with tokens, not with cookies."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"Origin"),
    ]


def _request_id(asked: bytes) -> str | None:
    """The id that a client has given; one that would not be safe in a log is none."""
    return asked.decode("ascii") if _REQUEST_ID.fullmatch(asked) else None
