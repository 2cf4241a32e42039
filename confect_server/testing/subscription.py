"""`Answers`: what a subscribed query answers, one answer after the other."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, Self, cast

import anyio
from typing_extensions import TypeVar

from confect_core import Ref
from confect_core.values import Value
from confect_server.engine import Subscription
from confect_server.runtime import QueryResult
from confect_server.runtime.outcome import is_same_outcome
from confect_server.testing.entry import Entry

Out_co = TypeVar("Out_co", covariant=True)


class Answers(Generic[Out_co]):
    """The answers of a query, now and after each commit that changes it.

    async with t.subscribe(refs.public.notes.list) as lists:
        assert await anext(lists) == []
    """

    def __init__(self, entry: Entry, ref: Ref[..., Any], args: Value) -> None:
        self._entry = entry
        self._ref = ref
        self._args = args
        self._last: QueryResult | None = None
        self._is_stale = anyio.Event()
        self._is_stale.set()
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._unsubscribe()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Out_co:
        """The first answer, or the next one that is another; waits until there is one."""
        while True:
            await self._is_stale.wait()
            answer = await self._newest()
            if self._last is None or not is_same_outcome(answer.outcome, self._last.outcome):
                self._last = answer
                return cast("Out_co", self._entry.decoded(self._ref, answer.outcome))

    async def _newest(self) -> QueryResult:
        while True:
            self._unsubscribe()
            answer = await self._entry.asked(self._ref, self._args)
            self._subscription = self._watched(answer)
            if self._subscription is not None:
                return answer

    def _watched(self, answer: QueryResult) -> Subscription | None:
        is_stale = self._is_stale = anyio.Event()
        life = self._entry.lives.life
        life.when_over(is_stale)
        database = life.backend.database
        return database.subscribe(answer.reads, answer.ts, lambda _: is_stale.set())

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._subscription.release()
            self._subscription = None
