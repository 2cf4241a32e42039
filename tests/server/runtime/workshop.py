"""An application of actions that block, wait and compute, and who calls them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

import anyio
import anyio.to_thread

from confect_core import Args, FunctionSpec, GroupSpec, NoArgs, Outcome, TaggedError, ref
from confect_core.values import Json, Value, encode, loads
from confect_server import (
    ActionCtx,
    BlockingActionCtx,
    GroupImpl,
    Impl,
    MutationCtx,
    Settings,
    impl,
    layers,
)
from confect_server.runtime import ADMIN, Backend
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.store import MemoryStore

PATIENCE_S = 30
"""How long a test waits for another thread before it fails."""


class Number(Args):
    number: int


class Odd(TaggedError):
    number: int


class Work(GroupSpec):
    half = FunctionSpec.public_action(args=Number, returns=int, error=Odd, blocking=True)
    block = FunctionSpec.public_action(returns=str, blocking=True)
    block_briefly = FunctionSpec.public_action(returns=str, blocking=True, timeout_s=0.02)
    wait = FunctionSpec.public_action(returns=str)
    wait_briefly = FunctionSpec.public_action(returns=str, timeout_s=0.02)
    double = FunctionSpec.internal_mutation(args=Number, returns=int)


@dataclass
class Script:
    """What the handlers without arguments do; a test says it where it needs it."""

    block: Callable[[BlockingActionCtx[Any]], str] = lambda _: "done"
    wait: Callable[[ActionCtx[Any]], Awaitable[str]] | None = None


@dataclass
class Workshop:
    """Runs the actions of one backend."""

    backend: Backend
    script: Script

    async def outcome(self, name: str, /, **args: Value) -> RunOutcome:
        encoded = cast("dict[str, Json]", encode(args))
        return await self.backend.executor.run_any(f"work:{name}", encoded, ADMIN)

    async def run(self, name: str, /, **args: Value) -> Value:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Succeeded), outcome
        return loads(outcome.value)

    async def failure(self, name: str, /, **args: Value) -> Failed:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Failed), outcome
        return outcome


def workshop_of(script: Script) -> Impl[Any]:
    @impl(Work.half)
    def half(ctx: BlockingActionCtx, args: Number) -> Outcome[int, Odd]:
        if args.number % 2:
            raise Odd(number=args.number)
        doubled = ctx.run_mutation(ref("work:double", Work.double), number=args.number)
        return cast("Outcome[int, Odd]", doubled // 4)

    @impl(Work.block)
    def block(ctx: BlockingActionCtx, args: NoArgs) -> str:
        return script.block(ctx)

    @impl(Work.block_briefly)
    def block_briefly(ctx: BlockingActionCtx, args: NoArgs) -> str:
        return script.block(ctx)

    @impl(Work.wait)
    async def wait(ctx: ActionCtx, args: NoArgs) -> str:
        assert script.wait is not None
        return await script.wait(ctx)

    @impl(Work.wait_briefly)
    async def wait_briefly(ctx: ActionCtx, args: NoArgs) -> str:
        assert script.wait is not None
        return await script.wait(ctx)

    @impl(Work.double)
    async def double(ctx: MutationCtx, args: Number) -> int:
        return args.number * 2

    functions: dict[str, Any] = {
        "half": half,
        "block": block,
        "block_briefly": block_briefly,
        "wait": wait,
        "wait_briefly": wait_briefly,
        "double": double,
    }
    return Impl(layers()).provide(GroupImpl("work", Work, functions))


@asynccontextmanager
async def workshop(settings: Settings | None = None) -> AsyncGenerator[Workshop]:
    script = Script()
    async with Backend.open(workshop_of(script), MemoryStore(), settings=settings) as backend:
        yield Workshop(backend, script)


async def until(is_set: Event) -> None:
    """Return once a thread has set an event, which the loop can wait for only in a thread."""
    assert await anyio.to_thread.run_sync(is_set.wait, PATIENCE_S)
