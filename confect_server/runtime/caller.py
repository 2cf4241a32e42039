"""`Caller`: on whose behalf a function runs."""

from __future__ import annotations

from dataclasses import dataclass

from confect_server.auth import UserIdentity
from confect_server.auth.errors import TokenRefused


@dataclass(frozen=True, slots=True)
class Caller:
    """What whoever calls may call, and who that is, if a token has proved it."""

    may_call_internal: bool = False
    identity: UserIdentity | None = None
    refusal: TokenRefused | None = None
    """Why the token that was shown proves nothing; only routes are run nevertheless."""


CLIENT = Caller()
"""Anybody on the network."""

ADMIN = Caller(may_call_internal=True)
"""Whoever runs the server: the command line, and functions that call functions."""
