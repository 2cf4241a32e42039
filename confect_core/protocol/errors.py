"""What cannot be read, each mistake as its own error.

::

    ProtocolError
    ├── MalformedMessage            a frame of the sync protocol that is none
    ├── BaseVersionMismatch         a message on top of a version that is not the last one
    ├── QueryIdMisused              a query added twice, or removed without being there
    ├── BadFunctionPath             a function path that no function can have
    ├── InvalidClientVersion        a `Convex-Client` header or a version in the path that is none
    ├── UnsupportedClientVersion    a client older than the protocol that is spoken here
    ├── BadJsonBody                 a request body that is not a call
    ├── BadQueryArgs                a query string that is not a call
    ├── MissingIdentifier           a URL that names no function to run
    └── BadFormat                   a result format that does not exist

`code` is the word that the official clients and servers use for the mistake.
"""

from __future__ import annotations

from typing import ClassVar

from confect_core.errors import ProtocolError


class MalformedMessage(ProtocolError):
    """A frame that is not a message of the sync protocol."""

    code: ClassVar[str] = "WSMessageInvalidJson"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The message cannot be read: {problem}.",
            hint="Send one JSON object of the sync protocol in each text frame.",
        )


class BaseVersionMismatch(ProtocolError):
    """A message that builds on a version which is not the last one received."""

    code: ClassVar[str] = "BaseVersionMismatch"

    def __init__(self, what: str, base_version: int, received: int) -> None:
        super().__init__(
            f"The message builds on {what} version {base_version}, but version {received} is the "
            "last that was received.",
            hint="Number the messages of one connection without gaps, from 0.",
        )


class QueryIdMisused(ProtocolError):
    """A query that is added under an id in use, or removed without being there."""

    code: ClassVar[str] = "InternalServerError"

    def __init__(self, query_id: int, problem: str) -> None:
        super().__init__(
            f"Query {query_id} {problem}.",
            hint="Give each subscription of a client an id of its own, and remove it once.",
        )


class BadFunctionPath(ProtocolError):
    """A function path that no function can have."""

    code: ClassVar[str] = "BadConvexFunctionIdentifier"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"{path!r} is not a function path: {problem}.",
            hint="Write directory/module:function, for example 'notes:list'.",
        )
        self.path = path


class InvalidClientVersion(ProtocolError):
    """A client that says its version in a way that cannot be read."""

    code: ClassVar[str] = "InvalidClientVersion"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not the version of a client.",
            hint="Send the kind and the version as in 'python-0.8.1'.",
        )


class UnsupportedClientVersion(ProtocolError):
    """A client that is older than the protocol that is spoken here."""

    code: ClassVar[str] = "ClientVersionUnsupported"

    def __init__(self, client: str, newest_unsupported: str) -> None:
        super().__init__(
            f"The client {client} is no longer supported.",
            hint=f"Upgrade it to a version after {newest_unsupported}.",
        )

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What a refusal says in its headers, the only place where some clients look."""
        return (
            (b"x-convex-deprecation-state", b"Unsupported"),
            (b"x-convex-deprecation-message", str(self).encode("latin-1")),
        )


class BadJsonBody(ProtocolError):
    """A request body that is not a call of a function."""

    code: ClassVar[str] = "BadJsonBody"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The body is not a function call: {problem}.",
            hint='Send JSON like {"path": "notes:list", "args": {}, "format": "json"}.',
        )


class BadQueryArgs(ProtocolError):
    """A query string that is not a call of a function."""

    code: ClassVar[str] = "BadQueryArgs"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The query string is not a function call: {problem}.",
            hint="Ask for a path like /api/query?path=notes:list&args={}&format=json, "
            "percent-encoded.",
        )


class MissingIdentifier(ProtocolError):
    """A URL that ends before it has named a function to run."""

    code: ClassVar[str] = "MissingIdentifier"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path!r} names no function.",
            hint="Write /api/run/directory/module/function, for example /api/run/notes/list.",
        )


class BadFormat(ProtocolError):
    """A result format that does not exist."""

    code: ClassVar[str] = "BadFormat"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no result format {name!r}.",
            hint="Ask for 'convex_encoded_json', 'json' or 'export_json'.",
        )
