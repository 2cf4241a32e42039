"""`Latest`: the newest of something that changes, for one reader."""

from __future__ import annotations

from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds what is newest until it is read; what nobody has read by then is skipped."""

    def __init__(self) -> None:
        self._newest: T | None = None
        self._error: Exception | None = None
        # Only while somebody waits: an event takes 1 µs, and many a result is there when asked for.
        self._is_awaited: anyio.Event | None = None

    def put(self, newest: T) -> None:
        """There is something newer."""
        self._newest = newest
        self._wake()

    def take_back(self) -> bool:
        """Have nobody read what is newest; was there anything that nobody has read?"""
        unread, self._newest = self._newest, None
        return unread is not None

    def fail(self, error: Exception) -> None:
        """There will be nothing newer: every reading raises this from now on."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        awaited, self._is_awaited = self._is_awaited, None
        if awaited is not None:
            awaited.set()

    async def next(self) -> T:
        """What is newest, once it is newer than what was read last."""
        while self._newest is None and self._error is None:
            if self._is_awaited is None:
                self._is_awaited = anyio.Event()
            await self._is_awaited.wait()
        if self._error is not None:
            raise self._error
        newest, self._newest = self._newest, None
        assert newest is not None, "nothing else ends the loop"
        return newest
