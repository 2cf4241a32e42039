"""An agenda: an application whose handlers a test writes, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, cast

from confect_core import Args, FunctionSpec, GroupSpec, Id, NoArgs, Table, TaggedError, ref
from confect_core.values import Json, Value, encode, loads
from confect_server import (
    ActionCtx,
    Actions,
    Cron,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    ScheduledFunction,
    Service,
    Settings,
    impl,
    layers,
)
from confect_server.engine import Pauses
from confect_server.runtime import ADMIN, Backend
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.settings import Retention, Sharing
from confect_server.store import MemoryStore, Store
from confect_server.testing import VirtualClock
from tests.server.stores import NOW_NS

SETTINGS = Settings(
    sharing=Sharing(poll_s=None), retention=Retention(sweep_s=1e9), actions=Actions(grace_s=0)
)
"""Nothing wakes by itself but what is scheduled, and no action is waited for at the end."""

Steps = Callable[[Any, str], Awaitable[str]]


class MovableClock(VirtualClock):
    """A virtual clock that is moved by seconds, and may be set to any time."""

    def __init__(self) -> None:
        super().__init__(datetime.fromtimestamp(NOW_NS / 1e9, UTC))

    @property
    def at_ns(self) -> int:
        """What time it is."""
        return self._now_ns

    @at_ns.setter
    def at_ns(self, at_ns: int) -> None:
        self._now_ns = at_ns

    def set(self, at_ns: int) -> None:
        """Set the clock; whoever sleeps wakes, as the clock of a server lets it."""
        self._now_ns = at_ns
        for _, _, sleeper in self._sleepers:
            sleeper.wake()

    async def move(self, seconds: float) -> None:
        """Let so much time pass, and all be done that is to be done in it."""
        await self.advance(timedelta(seconds=seconds))


class Entry(Table, name="entries"):
    text: str


class Text(Args):
    text: str


class Script(Service):
    """What handlers do, by the texts that they are called with, and which ones were run."""

    def __init__(self) -> None:
        self.steps: dict[str, Steps] = {}
        self.runs: list[str] = []

    async def run(self, ctx: Any, text: str) -> str:
        """Note the run, and do what is written."""
        self.runs.append(text)
        steps = self.steps.get(text)
        return text if steps is None else await steps(ctx, text)


class Refused(TaggedError):
    why: str


class Agenda(GroupSpec):
    do = FunctionSpec.public_mutation(args=Text, returns=str)
    act = FunctionSpec.public_action(args=Text, returns=str)
    add = FunctionSpec.internal_mutation(args=Text, returns=None)
    refuse = FunctionSpec.internal_mutation(returns=None, error=Refused)
    texts = FunctionSpec.public_query(returns=list[str])
    jobs = FunctionSpec.public_query(returns=list[str])


class Refs:
    do: Final = ref("agenda:do", Agenda.do)
    act: Final = ref("agenda:act", Agenda.act)
    add: Final = ref("agenda:add", Agenda.add)
    refuse: Final = ref("agenda:refuse", Agenda.refuse)
    texts: Final = ref("agenda:texts", Agenda.texts)


@impl(Agenda.do)
async def do(ctx: MutationCtx[Script], args: Text) -> str:
    return await Script.of(ctx).run(ctx, args.text)


@impl(Agenda.act)
async def act(ctx: ActionCtx[Script], args: Text) -> str:
    return await Script.of(ctx).run(ctx, args.text)


@impl(Agenda.add)
async def add(ctx: MutationCtx, args: Text) -> None:
    await ctx.db.table(Entry).insert(text=args.text)


@impl(Agenda.refuse)
async def refuse(ctx: MutationCtx, args: NoArgs) -> Any:
    await ctx.db.table(Entry).insert(text="refused")
    raise Refused(why="it is Sunday")


@impl(Agenda.texts)
async def texts(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [entry.text for entry in await ctx.db.table(Entry).query().collect()]


@impl(Agenda.jobs)
async def jobs(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return [
        f"{job.args.get('text', '')} {job.state.kind}"
        for job in await ctx.db.system.scheduled_functions.collect()
    ]


def agenda(script: Script, *crons: Cron) -> Impl[Any]:
    """The application, with what its handlers do, and what it runs again and again."""

    async def open_script() -> AsyncIterator[Script]:
        yield script

    functions: dict[str, Any] = {
        "do": do,
        "act": act,
        "add": add,
        "refuse": refuse,
        "texts": texts,
        "jobs": jobs,
    }
    group = GroupImpl[Any]("agenda", Agenda, functions, data_model=DataModel((Entry,)))
    return Impl(layers().add(Script, open_script)).provide(group).recur(*crons)


@dataclass
class Planner:
    """Runs the agenda's functions."""

    backend: Backend
    clock: MovableClock
    script: Script = field(default_factory=Script)

    async def outcome(self, name: str, /, **args: Value) -> RunOutcome:
        encoded = cast("dict[str, Json]", encode(args))
        return await self.backend.executor.run_any(f"agenda:{name}", encoded, ADMIN)

    async def run(self, name: str, /, **args: Value) -> Value:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Succeeded), outcome
        return loads(outcome.value)

    async def mutation(self, steps: Steps) -> Value:
        """What a mutation of these steps answers."""
        self.script.steps["now"] = steps
        return await self.run("do", text="now")

    async def action(self, steps: Steps) -> Value:
        """What an action of these steps answers."""
        self.script.steps["now"] = steps
        return await self.run("act", text="now")

    async def failure(self, name: str, steps: Steps) -> str:
        """What is told of a mutation or an action of these steps that fails."""
        self.script.steps["now"] = steps
        outcome = await self.outcome(name, text="now")
        assert isinstance(outcome, Failed), outcome
        return outcome.message

    async def jobs(self) -> list[str]:
        """What there is of scheduled functions, and how far it is."""
        return cast("list[str]", await self.run("jobs"))

    async def texts(self) -> list[str]:
        return cast("list[str]", await self.run("texts"))

    @property
    def runs(self) -> list[str]:
        """The texts of what was run, but for what the test ran itself."""
        return [text for text in self.script.runs if text != "now"]


def job_id(value: Value) -> Id[ScheduledFunction]:
    assert isinstance(value, str)
    return cast("Id[ScheduledFunction]", value)


@asynccontextmanager
async def planner(
    store: Store | None = None,
    *,
    seed: int = 0,
    clock: MovableClock | None = None,
    script: Script | None = None,
    settings: Settings | None = None,
    pauses: Pauses | None = None,
    crons: Sequence[Cron] = (),
) -> AsyncGenerator[Planner]:
    clock, script = clock or MovableClock(), script or Script()
    opening = Backend.open(
        agenda(script, *crons),
        store or MemoryStore(),
        clock=clock,
        randomness=Random(seed).randbytes,
        settings=settings or SETTINGS,
        pauses=pauses,
    )
    async with opening as backend:
        yield Planner(backend, clock, script)
