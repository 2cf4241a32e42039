"""Fetching a token with a plain function, which may block for as long as it likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from confect_client.blocking.loop_thread import in_own_thread
from confect_client.identity import FetchToken

BlockingFetchToken: TypeAlias = Callable[[], str | None]
"""Gives a token of the user that is fresh, or None to call as nobody; it may block."""


def fetching(fetch: BlockingFetchToken) -> FetchToken:
    """The same as a coroutine, which runs each fetch in a thread."""

    async def fetched() -> str | None:
        return await in_own_thread(fetch, "confect-client token")

    return fetched
