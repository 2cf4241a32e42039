"""An application of functions that say what a test lets them say, and what was heard of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from returns.result import Success

from confect_core import FunctionSpec, GroupSpec, NoArgs, Outcome, TaggedError, ref
from confect_server import (
    ActionCtx,
    BlockingActionCtx,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    impl,
    layers,
)
from confect_server.log import LogLine
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.requests import SessionRequest
from confect_server.store import MemoryStore


class Full(TaggedError):
    pass


class Talk(GroupSpec):
    asked = FunctionSpec.public_query(returns=str, error=Full)
    told = FunctionSpec.public_mutation(returns=str)
    retold = FunctionSpec.internal_mutation(returns=str)
    acted = FunctionSpec.public_action(returns=str)
    blocked = FunctionSpec.public_action(returns=str, blocking=True)


ASKED = ref("talk:asked", Talk.asked)
RETOLD = ref("talk:retold", Talk.retold)
TOLD = ref("talk:told", Talk.told)
ACTED = ref("talk:acted", Talk.acted)
BLOCKED = ref("talk:blocked", Talk.blocked)

Steps = Callable[[Any], Awaitable[None]]


async def says_nothing(ctx: Any) -> None:
    """Nothing."""


@dataclass
class Talker:
    """A backend whose handlers do what a test says, and what was heard of them."""

    backend: Backend
    heard: list[LogLine] = field(default_factory=list[LogLine])

    @property
    def messages(self) -> list[str]:
        return [f"{line.function} {line.getMessage()}" for line in self.heard]

    async def run(self, name: str, request: SessionRequest | None = None) -> tuple[str, ...]:
        """The lines that a client is told."""
        executor, path = self.backend.executor, f"talk:{name}"
        if name == "told":
            return (await executor.run_mutation(path, {}, CLIENT, request)).outcome.log_lines
        if name == "asked":
            return (await self.backend.queries.run(path, {}, CLIENT)).outcome.log_lines
        return (await executor.run_action(path, {}, CLIENT)).log_lines


@asynccontextmanager
async def talking(
    steps: Mapping[str, Steps], *, redacts: bool = False, in_development: bool = False
) -> AsyncGenerator[Talker]:
    async def do(name: str, ctx: Any) -> str:
        await steps.get(name, says_nothing)(ctx)
        return "done"

    @impl(Talk.asked)
    async def asked(ctx: QueryCtx, args: NoArgs) -> Outcome[str, Full]:
        return Success(await do("asked", ctx))

    @impl(Talk.told)
    async def told(ctx: MutationCtx, args: NoArgs) -> str:
        return await do("told", ctx)

    @impl(Talk.retold)
    async def retold(ctx: MutationCtx, args: NoArgs) -> str:
        return await do("retold", ctx)

    @impl(Talk.acted)
    async def acted(ctx: ActionCtx, args: NoArgs) -> str:
        return await do("acted", ctx)

    @impl(Talk.blocked)
    def blocked(ctx: BlockingActionCtx, args: NoArgs) -> str:
        ctx.log.info("in a thread")
        ctx.run_query(ASKED)
        return "done"

    group = GroupImpl(
        "talk",
        Talk,
        {"asked": asked, "told": told, "retold": retold, "acted": acted, "blocked": blocked},
    )
    opening = Backend.open(
        Impl(layers()).provide(group),
        MemoryStore(),
        redacts=redacts,
        in_development=in_development,
    )
    async with opening as backend:
        talker = Talker(backend)
        backend.executor.runner.observers.listen(talker.heard.append)
        yield talker


def saying(*messages: str) -> Steps:
    async def say(ctx: Any) -> None:
        for message in messages:
            ctx.log.info(message)

    return say
