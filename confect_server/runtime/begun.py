"""`begun`: what a coroutine gives, or, if it has to wait for that, the rest of it.

What waits needs a deadline or a task of its own, which take 4 and 12 µs, and most runs, pushes and
bodies do not wait: their first step is the last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Rest(Generic[T]):
    """What is left of a coroutine that waits; to be awaited at once, in the task that began it."""

    def __init__(
        self, steps: Generator[Any, Any, T] | Coroutine[Any, Any, T], waits_for: object
    ) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    given: object = yield waits_for
                except BaseException as thrown:  # a cancellation, which is for what waits
                    waits_for = self._steps.throw(thrown)
                else:
                    waits_for = self._steps.send(given)
        except StopIteration as over:
            value: T = over.value
            return value


def begun(awaitable: Awaitable[T]) -> T | Rest[T]:
    """What the awaitable gives if it need not wait; else the rest of it, which waits."""
    steps = awaitable.__await__()
    try:
        waits_for = next(steps)
    except StopIteration as over:
        value: T = over.value
        return value
    return Rest(steps, waits_for)
