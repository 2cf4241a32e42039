"""What keeps a request over HTTP from being answered, with the status that says so.

::

    NotAnswered
    ├── BodyTooSlow             408  a body that does not come
    ├── TooManyRequests         503  more than the server takes on at once
    ├── Unavailable             503  a call of which nothing has happened, because of the database
    ├── OutcomeUnsure           500  a mutation of which nobody knows whether it has happened
    ├── Defect                  500  a mistake of the server
    ├── SnapshotOutOfRetention  400  a timestamp from before the history that is kept
    ├── SnapshotAhead           400  a timestamp that no commit has reached
    └── BatchTooLarge           400  a batch that asks, or is answered, too much

`code` is what clients of Convex are told. What cannot be read is a `ProtocolError`.
"""

from __future__ import annotations

from typing import ClassVar

from confect_core.errors import CallError

Headers = tuple[tuple[bytes, bytes], ...]

_AGAIN_SOON: Headers = ((b"retry-after", b"1"),)


class NotAnswered(CallError):
    """A request that the server does not answer as it was meant."""

    code: str
    status: ClassVar[int] = 400
    headers: ClassVar[Headers] = ()


class BodyTooSlow(NotAnswered):
    """A body that does not come, or hardly."""

    code = "RequestTimeout"
    status = 408
    headers = ((b"connection", b"close"),)  # the rest would be waited for

    def __init__(self, received: int) -> None:
        super().__init__(
            f"the body does not come: {received} bytes did so far",
            hint="send it without a pause; how long is waited is set in [tool.confect.requests]",
        )


class TooManyRequests(NotAnswered):
    """More requests at once, or more of their bodies, than the server takes on."""

    code = "TooManyConcurrentRequests"
    status = 503
    headers = _AGAIN_SOON

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the server already has {what}",
            hint="try again in a moment, or raise the limit in [tool.confect.requests]",
        )


class Unavailable(NotAnswered):
    """A call of which nothing has happened, through no fault of the function."""

    status = 503
    headers = _AGAIN_SOON

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, hint="nothing has happened; try again in a moment")
        self.code = code


class OutcomeUnsure(NotAnswered):
    """A mutation of which nobody can say whether it has happened."""

    status = 500

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, hint="look whether it has happened before you try again")
        self.code = code


class Defect(NotAnswered):
    """A mistake of the server, which its log tells under the same id."""

    code = "InternalServerError"
    status = 500

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"[Request ID: {request_id}] Server Error",
            hint="the log of the server says more, under this id",
        )


class SnapshotOutOfRetention(NotAnswered):
    """A query at a timestamp from before the history that is kept."""

    code = "OutOfRetention"

    def __init__(self, ts: int) -> None:
        super().__init__(
            f"the snapshot at {ts} can no longer be read",
            hint="get a new timestamp from /api/query_ts",
        )


class SnapshotAhead(NotAnswered):
    """A query at a timestamp that no commit has reached."""

    code = "SnapshotAhead"

    def __init__(self, ts: int, newest_ts: int) -> None:
        super().__init__(
            f"there is no snapshot at {ts} yet: the newest is at {newest_ts}",
            hint="get the timestamp from /api/query_ts of this server",
        )


class BatchTooLarge(NotAnswered):
    """A batch of queries that asks, or is answered, more than one request may."""

    code = "BatchTooLarge"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the batch has more than {what}",
            hint="ask in several batches, at one timestamp with /api/query_at_ts",
        )
