"""`GivenFunction`: code of a test, run as a function of the application would be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar

from confect_core.values import Value
from confect_server.ctx import Ctx
from confect_server.db import OpenTables
from confect_server.runtime import RunnableFunction

T = TypeVar("T")


class GivenFunction(RunnableFunction, Generic[T]):
    """Runs what a test has passed; what that returns stays Python, and is not encoded."""

    is_compared = False

    def __init__(
        self, called: Literal["Query", "Mutation"], work: Callable[[Any], Awaitable[T]]
    ) -> None:
        self.path = f"<{getattr(work, '__name__', 'test')}>"
        self.kind = "query" if called == "Query" else "mutation"
        self.called = called
        self.is_public = self.needs_args = False
        self._work = work
        self._results: list[T] = []

    async def run(self, ctx: Ctx[Any], args: Value, tables: OpenTables) -> Value:
        """Do the work."""
        self._results.append(await self._work(ctx))
        return None

    @property
    def result(self) -> T:
        """What the work gave the last time that it ran."""
        return self._results[-1]
