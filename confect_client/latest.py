"""`Latest`: the newest of something that changes, for one reader."""

from __future__ import annotations

from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds what is newest until it is read; what nobody has read by then is skipped."""

    def __init__(self) -> None:
        self._has_newer = anyio.Event()
        self._newest: T | None = None
        self._error: Exception | None = None

    def put(self, newest: T) -> None:
        """There is something newer."""
        self._newest = newest
        self._has_newer.set()

    def fail(self, error: Exception) -> None:
        """There will be nothing newer: every reading raises this from now on."""
        self._error = error
        self._has_newer.set()

    async def next(self) -> T:
        """What is newest, once it is newer than what was read last."""
        await self._has_newer.wait()
        if self._error is not None:
            raise self._error
        self._has_newer = anyio.Event()
        newest, self._newest = self._newest, None
        assert newest is not None, "something was put before the event"
        return newest
