"""What a request is told that is not answered: a status, a code and a message."""

from __future__ import annotations

import logging
import secrets

from confect_core.errors import ConfectError, ProtocolError, ValueRefused
from confect_core.protocol import BadJsonBody, UnsupportedClientVersion, encode_refusal
from confect_server.auth.errors import TokenRefused
from confect_server.environment.errors import BadVariables, VariableRefused
from confect_server.runtime.failure import unavailability_of
from confect_server.transport.admin import NotAdmin
from confect_server.transport.http.errors import Defect, NotAnswered, Unavailable
from confect_server.transport.http.exchange import JSON, Exchange

REFUSED = (
    ProtocolError,
    ValueRefused,
    NotAdmin,
    TokenRefused,
    NotAnswered,
    BadVariables,
    VariableRefused,
)
"""What keeps a request from being answered; `refuse` tells each of them."""

_SHORTEST_HEADER = 7
"""A shorter Authorization header is not even a scheme."""

_log = logging.getLogger("confect")


async def refuse(exchange: Exchange, error: ConfectError) -> None:
    """Answer that the request is refused, and why."""
    code = exchange.refused_as = getattr(error, "code", BadJsonBody.code)
    headers = error.headers if isinstance(error, (NotAnswered, UnsupportedClientVersion)) else ()
    await exchange.respond(_status_of(exchange, error), JSON, encode_refusal(code, error), headers)


async def tell_failure(exchange: Exchange, error: Exception) -> None:
    """Answer that the server failed: for the moment, or by a mistake, which is logged then.

    What has begun to be answered breaks off.
    """
    if exchange.has_responded:
        raise error
    unavailable = unavailability_of(error)
    if unavailable is not None:
        await refuse(exchange, Unavailable(unavailable, "the database let nothing happen"))
        return
    if exchange.request_id is None:
        exchange.request_id = secrets.token_hex(8)
    about = (exchange.method, exchange.path, exchange.request_id)
    _log.error("%s %r failed [Request ID: %s]", *about, exc_info=error)
    await refuse(exchange, Defect(exchange.request_id))


def _status_of(exchange: Exchange, error: ConfectError) -> int:
    if isinstance(error, NotAnswered):
        return error.status
    if isinstance(error, TokenRefused):
        shown = exchange.authorization
        return 401 if shown is None or len(shown) >= _SHORTEST_HEADER else 400
    return 401 if isinstance(error, NotAdmin) else 400
