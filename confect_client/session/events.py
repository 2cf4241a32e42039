"""What a client session reports to its driver."""

from __future__ import annotations

from typing import TypeAlias

import orjson

from confect_client.errors import ConnectionLost, ServerRefused
from confect_core.protocol import record
from confect_core.values.absent import ABSENT, Absent
from confect_core.values.wire import Json


@record
class Returned:
    """A function returned; the value is as it travelled, not yet decoded."""

    value: Json
    log_lines: tuple[str, ...] = ()


@record
class Raised:
    """A function failed, with a message and perhaps with data, not yet decoded."""

    message: str
    error_data: Json | Absent = ABSENT
    log_lines: tuple[str, ...] = ()


FunctionResult: TypeAlias = Returned | Raised
"""What a function on the server gave."""


def is_same(one: FunctionResult, other: FunctionResult) -> bool:
    """Whether two results tell a caller the same; what they log does not count."""
    # Compared as text, because to Python true is 1.
    return type(one) is type(other) and _text(one) == _text(other)


def _text(result: FunctionResult) -> bytes:
    if isinstance(result, Returned):
        return orjson.dumps(result.value, option=orjson.OPT_SORT_KEYS)
    data: Json = [] if result.error_data is ABSENT else [result.error_data]
    return orjson.dumps([result.message, data], option=orjson.OPT_SORT_KEYS)


@record
class QueryChanged:
    """A subscribed query has another result."""

    query_id: int
    result: FunctionResult
    is_new: bool = True
    """False if it is for those only who have not been told: they came while nobody knew it."""


@record
class Settled:
    """A mutation or an action is over. Every request settles exactly once."""

    request_id: int
    outcome: FunctionResult | ConnectionLost | ServerRefused


@record
class UpdateFailed:
    """The optimistic update of a mutation raised when it was replayed; it is left out for now."""

    request_id: int
    error: Exception


@record
class IdentityConfirmed:
    """The server has taken the newest token, and all results are those of its owner."""


@record
class IdentityRefused:
    """The server refused the token (`attempted`) or it has lapsed; the server closes next."""

    error: str
    attempted: bool


@record
class Reconnect:
    """The connection is of no more use: close it, and open another."""

    reason: str


@record
class Ended:
    """The session is over for good; every open request has been settled."""

    error: ServerRefused


ClientEvent: TypeAlias = (
    QueryChanged | Settled | UpdateFailed | IdentityConfirmed | IdentityRefused | Reconnect | Ended
)
"""Anything that a session reports."""
