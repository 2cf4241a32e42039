"""`Identity`: the tokens of whoever is signed in, each in place before the last one lapses."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

import anyio
import orjson

FetchToken: TypeAlias = Callable[[], Awaitable[str | None]]
"""Gives a token of the user that is fresh, or None to call as nobody."""

Sleep: TypeAlias = Callable[[float], Awaitable[None]]

_AHEAD_S = 10.0
_LEAST_WAIT_S = 1.0
_FIRST_BACKOFF_S = 1.0
_LONGEST_BACKOFF_S = 30.0

_log = logging.getLogger("confect_client")


class Identity:
    """Fetches the tokens of one user at a time.

    `show` is told of the first one, or None, whenever somebody else begins to call, and `renew` of
    those that follow. Whatever is still being fetched for somebody who is no longer signed in is
    dropped.
    """

    def __init__(
        self,
        show: Callable[[str | None], None],
        renew: Callable[[str | None], None],
        *,
        sleep: Sleep = anyio.sleep,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._tell_first = show
        self._tell_next = renew
        self._sleep = sleep
        self._now_s = now_s
        self._fetch: FetchToken | None = None
        self._token: str | None = None
        self._is_refused = False
        self._sign_ins = 0
        self._has_changed = anyio.Event()

    async def sign_in(self, fetch: FetchToken) -> None:
        """Be whoever the tokens are of; raises what fetching the first one raises."""
        self._sign_ins += 1
        mine = self._sign_ins
        token = await fetch()
        if mine == self._sign_ins:
            self._fetch = fetch
            self._show(token, self._tell_first)

    def sign_out(self) -> None:
        """Be nobody in particular."""
        self._sign_ins += 1
        self._fetch = None
        self._show(None, self._tell_first)

    def refused(self) -> None:
        """The server does not take the token, or no longer."""
        self._is_refused = True

    async def renew_refused(self) -> None:
        """Fetch the next token if the last one was refused; raises what fetching raises."""
        if self._is_refused:
            await self._renew()

    async def keep_fresh(self) -> None:
        """Fetch each token a while before the last one lapses, until cancelled.

        If that cannot be done it is tried again, less and less often.
        """
        while True:
            self._has_changed = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._renew_in_time)
                await self._has_changed.wait()
                tasks.cancel_scope.cancel()

    async def _renew_in_time(self) -> None:
        wait_s = None if self._token is None else renew_in_s(self._token, self._now_s())
        if wait_s is None:
            return
        await self._sleep(wait_s)
        backoff_s = _FIRST_BACKOFF_S
        while True:
            try:
                return await self._renew()
            except Exception as error:
                _log.warning("the next token cannot be fetched: %s", error, exc_info=error)
            await self._sleep(backoff_s)
            backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)

    async def _renew(self) -> None:
        fetch = self._fetch
        if fetch is not None:
            token = await fetch()
            if self._fetch is fetch:
                is_same = _user_in(token) == _user_in(self._token)
                self._show(token, self._tell_next if is_same else self._tell_first)

    def _show(self, token: str | None, tell: Callable[[str | None], None]) -> None:
        self._has_changed.set()
        if token != self._token or self._is_refused:
            self._token = token
            self._is_refused = False
            tell(token)


def renew_in_s(token: str, now_s: float) -> float | None:
    """When to fetch the one that follows a token: a while before it lapses, if it says when."""
    lasts_s = left_s(token, now_s)
    return None if lasts_s is None else max(lasts_s - _AHEAD_S, lasts_s / 2, _LEAST_WAIT_S)


def left_s(token: str, now_s: float) -> float | None:
    """For how long a token is good, if it says so; the clock here may be wrong."""
    claims = _claims_in(token)
    expires_at_s, issued_at_s = claims.get("exp"), claims.get("iat")
    if not isinstance(expires_at_s, int | float):
        return None
    lasts_s = expires_at_s - now_s
    if isinstance(issued_at_s, int | float):
        lifetime_s = expires_at_s - issued_at_s
        return min(lasts_s, lifetime_s) if lasts_s > 0 else lifetime_s
    return lasts_s if lasts_s > 0 else None


def _user_in(token: str | None) -> tuple[object, object] | None:
    """Whose token it is, if it says so; somebody may come back as another, or as nobody."""
    if token is None:
        return None
    claims = _claims_in(token)
    return claims.get("iss"), claims.get("sub")


def _claims_in(token: str) -> dict[str, Any]:
    try:
        _, claims, _ = token.split(".")
        read: object = orjson.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:  # it is of another kind, and says nothing that could be read here
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}
