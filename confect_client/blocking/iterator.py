"""`BlockingIterator`: what an asynchronous generator yields, for threads that wait for it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio

from confect_client.blocking.loop_thread import LoopThread
from confect_client.errors import ClientClosed, ClientForked

T = TypeVar("T")


class BlockingIterator(Iterator[T]):
    """Waits for one value after the other; closing it ends the wait of any thread.

    Threads may share it: each value goes to one of them. A `for` loop that is left closes it if
    nothing else refers to it, because its generator is collected; otherwise say `with`, or `close`.
    An interrupt of a wait closes it, too.
    """

    def __init__(self, loop: LoopThread, values: AsyncGenerator[T]) -> None:
        self._loop = loop
        self._values = _Values(values)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        values = self._loop.call(self._values.next)
        if not values:
            raise StopIteration
        return values[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching; whoever waits for the next value gets none."""
        with contextlib.suppress(ClientClosed, ClientForked):
            self._loop.call(self._values.close)


class _Values(Generic[T]):
    """A generator in its loop, whose users take turns."""

    def __init__(self, values: AsyncGenerator[T]) -> None:
        self._values = values
        self._turn = anyio.Lock(fast_acquire=True)  # so closing comes before what is asked next
        self._waits: anyio.CancelScope | None = None
        self._is_closed = False

    async def next(self) -> tuple[T, ...]:
        """The next value, or nothing once there is none."""
        async with self._turn:
            if self._is_closed:
                return ()
            with anyio.CancelScope() as self._waits:
                async for value in self._values:
                    return (value,)
            return ()

    async def close(self) -> None:
        """End the generator, whoever waits for it."""
        self._is_closed = True
        if self._waits is not None:
            self._waits.cancel()
        async with self._turn:
            await self._values.aclose()
