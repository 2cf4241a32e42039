"""`HeldToken`: the token that calls over HTTP show, fetched anew when one of them needs it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

import anyio

from confect_client.identity import FetchToken, left_s, renew_in_s

_BACKOFF_S = 1.0

_log = logging.getLogger("confect_client")


class HeldToken:
    """The tokens of one user at a time, without a task of its own.

    A call that finds its token about to lapse, or refused, waits for the next one; of many such
    calls one fetches. What is still being fetched for somebody who signed out is dropped.
    """

    def __init__(
        self,
        *,
        now_s: Callable[[], float] = time.time,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now_s = now_s
        self._clock_s = clock_s
        self._fetch: FetchToken | None = None
        self._token: str | None = None
        self._renew_at_s = math.inf
        self._lapses_at_s = math.inf
        self._changes = 0
        self._renewing = anyio.Lock()

    async def sign_in(self, fetch: FetchToken) -> None:
        """Be whoever the tokens are of; raises what fetching the first one raises."""
        self._changes += 1
        mine = self._changes
        token = await fetch()
        if mine == self._changes:
            self._fetch = fetch
            self._hold(token)

    def sign_out(self) -> None:
        """Be nobody in particular."""
        self._fetch = None
        self._hold(None)

    async def current(self) -> str | None:
        """A token that is good for now; raises what fetching raises once the last one lapsed."""
        if self._clock_s() >= self._renew_at_s:
            try:
                await self._renew(self._token)
            except Exception as error:
                if self._clock_s() >= self._lapses_at_s:
                    raise
                self._renew_at_s = self._clock_s() + _BACKOFF_S
                _log.warning("the next token cannot be fetched: %s", error, exc_info=error)
        return self._token

    async def replace(self, refused: str | None) -> bool:
        """Fetch the next token in place of one that the server refused; is there another one?"""
        if self._token == refused:
            await self._renew(refused)
        return self._token is not None and self._token != refused

    async def _renew(self, token: str | None) -> None:
        seen = self._changes
        async with self._renewing:
            fetch = self._fetch
            if fetch is None or seen != self._changes or token != self._token:
                return  # another call has done it
            fetched = await fetch()
            if self._fetch is fetch:
                self._hold(fetched)

    def _hold(self, token: str | None) -> None:
        self._changes += 1
        self._token = token
        now_s, clock_s = self._now_s(), self._clock_s()
        renew_s = None if token is None else renew_in_s(token, now_s)
        lapse_s = None if token is None else left_s(token, now_s)
        self._renew_at_s = math.inf if renew_s is None else clock_s + renew_s
        self._lapses_at_s = math.inf if lapse_s is None else clock_s + lapse_s
