"""A running ledger, and who writes in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from confect_core.values import Json, Value, encode, loads
from confect_server import Limits, MutationCtx, QueryCtx, Settings
from confect_server.runtime import ADMIN, Backend
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.store import MemoryStore, Store
from tests.server.runtime.ledger import Script, ledger


@dataclass
class Scribe:
    """Runs the ledger's functions, and handlers that a test writes where it needs them."""

    backend: Backend
    script: Script

    async def outcome(self, name: str, /, **args: Value) -> RunOutcome:
        encoded = cast("dict[str, Json]", encode(args))
        return await self.backend.executor.run_any(f"ledger:{name}", encoded, ADMIN)

    async def run(self, name: str, /, **args: Value) -> Value:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Succeeded), outcome
        return loads(outcome.value)

    async def failure(self, name: str, /, **args: Value) -> str:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Failed), outcome
        return outcome.message

    def mutation(self, steps: Callable[[MutationCtx[Any]], Awaitable[str]]) -> Awaitable[Value]:
        """What a mutation of these steps answers."""
        self.script.steps = steps
        return self.run("mutate")

    def query(self, steps: Callable[[QueryCtx[Any]], Awaitable[str]]) -> Awaitable[Value]:
        """What a query of these steps answers."""
        self.script.steps = steps
        return self.run("query")

    def failed_mutation(
        self, steps: Callable[[MutationCtx[Any]], Awaitable[str]]
    ) -> Awaitable[str]:
        """What is told of a mutation of these steps that fails."""
        self.script.steps = steps
        return self.failure("mutate")

    def failed_query(self, steps: Callable[[QueryCtx[Any]], Awaitable[str]]) -> Awaitable[str]:
        """What is told of a query of these steps that fails."""
        self.script.steps = steps
        return self.failure("query")

    async def texts(self) -> Value:
        return await self.run("texts")


@asynccontextmanager
async def scribe(
    store: Store | None = None, limits: Limits | None = None
) -> AsyncGenerator[Scribe]:
    script, settings = Script(), Settings(limits=limits or Limits())
    async with Backend.open(ledger(script), store or MemoryStore(), settings=settings) as backend:
        yield Scribe(backend, script)
