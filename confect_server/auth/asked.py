"""`Auth`: what handlers are given to ask who called."""

from __future__ import annotations

from collections.abc import Callable

from confect_server.auth.identity import UserIdentity


class Auth:
    """What `ctx.auth` is."""

    def __init__(self, caller: Callable[[], UserIdentity | None]) -> None:
        self._caller = caller

    def identity(self) -> UserIdentity | None:
        """Who called, if a token has proved it; in functions that are called inside, the same.

        The answer of a query that asks is for that caller alone; one that does not is computed once
        for everybody. In a route it raises `TokenRefused` if the request shows a token that proves
        nothing: what other schemes of `Authorization` mean is for the route to say.
        """
        return self._caller()
