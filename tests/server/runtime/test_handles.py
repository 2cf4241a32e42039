"""Handles: functions named by values that are stored, sent and called later."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import pytest
from pydantic import TypeAdapter
from returns.result import Failure, Success

from confect_core import (
    ActionHandle,
    Args,
    FunctionSpec,
    GroupSpec,
    Id,
    MutationHandle,
    NoArgs,
    Outcome,
    QueryHandle,
    Table,
    TaggedError,
    ref,
)
from confect_core.spec.errors import BareHandle
from confect_core.values import Json, Value, encode, loads
from confect_core.values.codec import Codec, Mismatch
from confect_server import (
    ActionCtx,
    DataModel,
    FunctionImpl,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    layers,
    plain,
)
from confect_server.db.description import describe
from confect_server.errors import (
    ActionInTransaction,
    FunctionGone,
    MutationInQuery,
    RefOfOtherKind,
)
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.store import MemoryStore


class OnDone(Args):
    work: str
    times: int = 1


class Refused(TaggedError):
    by: str


OnDoneHandle = MutationHandle[OnDone, Outcome[str, Refused]]


class Job(Table, name="jobs"):
    on_done: OnDoneHandle
    log: str = ""


class Enqueue(Args):
    on_done: OnDoneHandle


class Finish(Args):
    job: Id[Job]


@plain.internal_query
async def loud(ctx: QueryCtx, *, work: str, times: int = 1) -> str:
    return work.upper() * times


@plain.action
async def ask(ctx: ActionCtx, answer: QueryHandle[OnDone, str], twice: bool = False) -> str:
    return await ctx.run_query(answer, OnDone(work="a", times=2 if twice else 1))


class Pool(GroupSpec):
    enqueue = FunctionSpec.public_mutation(args=Enqueue, returns=Id[Job])
    finish = FunctionSpec.public_mutation(args=Finish, returns=str)
    act = FunctionSpec.public_action(args=Finish, returns=str)
    handle = FunctionSpec.public_query(args=Finish, returns=OnDoneHandle)
    done = FunctionSpec.internal_mutation(args=OnDone, returns=str, error=Refused)
    send = FunctionSpec.internal_action(args=OnDone, returns=None)
    look = FunctionSpec.internal_query(returns=int)
    loud = FunctionSpec.plain_internal_query(lambda: loud)
    ask = FunctionSpec.plain_public_action(lambda: ask)
    script = FunctionSpec.public_mutation(returns=str)
    script_query = FunctionSpec.public_query(returns=str)


class Refs:
    done: Final = ref("pool:done", Pool.done)
    send: Final = ref("pool:send", Pool.send)
    look: Final = ref("pool:look", Pool.look)
    loud: Final = ref("pool:loud", Pool.loud, plain.signature_of(loud))


async def enqueue(ctx: MutationCtx, args: Enqueue) -> Id[Job]:
    return await ctx.db.table(Job).insert(on_done=args.on_done, log="")


async def finish(ctx: MutationCtx, args: Finish) -> str:
    job = await ctx.db.get(args.job)
    assert job is not None
    match await ctx.run_mutation(job.on_done, OnDone(work=job.id)):
        case Success(said):
            return said
        case Failure(refused):
            return f"refused by {refused.by}"


async def act(ctx: ActionCtx, args: Finish) -> str:
    handle = await ctx.run_query(ref("pool:handle", Pool.handle), job=args.job)
    return str(await ctx.run_mutation(handle, OnDone(work="x", times=0)))


async def handle(ctx: QueryCtx, args: Finish) -> OnDoneHandle:
    job = await ctx.db.get(args.job)
    assert job is not None
    return job.on_done


async def done(ctx: MutationCtx, args: OnDone) -> Outcome[str, Refused]:
    if args.times == 0:
        return Failure(Refused(by="done"))
    return Success(f"done {args.times}")


async def send(ctx: ActionCtx, args: OnDone) -> None: ...


async def look(ctx: QueryCtx, args: NoArgs) -> int:
    return 3


class Script:
    """What the functions `script` and `script_query` do."""

    def __init__(self) -> None:
        self.steps: Callable[[Any], Awaitable[str]] = self.nothing

    async def nothing(self, ctx: object) -> str:
        return ""


def pool(script: Script, without: str | None = None) -> Impl[Any]:
    async def run(ctx: MutationCtx, args: NoArgs) -> str:
        return await script.steps(ctx)

    async def run_query(ctx: QueryCtx, args: NoArgs) -> str:
        return await script.steps(ctx)

    functions: dict[str, Any] = {
        "enqueue": FunctionImpl.make(Pool.enqueue, enqueue),
        "finish": FunctionImpl.make(Pool.finish, finish),
        "act": FunctionImpl.make(Pool.act, act),
        "handle": FunctionImpl.make(Pool.handle, handle),
        "done": FunctionImpl.make(Pool.done, done),
        "send": FunctionImpl.make(Pool.send, send),
        "look": FunctionImpl.make(Pool.look, look),
        "script": FunctionImpl.make(Pool.script, run),
        "script_query": FunctionImpl.make(Pool.script_query, run_query),
    }
    declared = GroupSpec.make("pool")
    for name, spec in Pool.__confect_group__.functions.items():
        declared = declared if name == without else declared.add_function(name, spec)
    functions = {name: each for name, each in functions.items() if name != without}
    plains: dict[str, Any] = {"loud": loud, "ask": ask}
    group = GroupImpl("pool", declared, functions, plains, DataModel((Job,)))
    return Impl(layers()).provide(group)


class At:
    """Calls the functions of a pool as clients do."""

    def __init__(self, backend: Backend, script: Script) -> None:
        self.backend = backend
        self.script = script

    async def outcome(self, name: str, /, **args: Value) -> RunOutcome:
        encoded = cast("dict[str, Json]", encode(args))
        return await self.backend.executor.run_any(f"pool:{name}", encoded, CLIENT)

    async def run(self, name: str, /, **args: Value) -> Value:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Succeeded), outcome
        return loads(outcome.value)

    async def failure(self, name: str, /, **args: Value) -> str:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Failed), outcome
        return outcome.message


@asynccontextmanager
async def opened() -> AsyncGenerator[At]:
    script = Script()
    async with Backend.open(pool(script), MemoryStore()) as backend:
        yield At(backend, script)


DONE = MutationHandle.taking(OnDone).of(Refs.done)


async def test_a_handle_is_stored_and_called_later_like_a_ref() -> None:
    async with opened() as at:
        job = await at.run("enqueue", on_done="pool:done")
        assert await at.run("handle", job=job) == "pool:done"
        assert await at.run("finish", job=job) == "done 1"
        assert await at.run("act", job=job) == "<Failure: Refused(by='done')>"


async def test_handles_made_from_refs_are_stored_and_called_alike() -> None:
    async def steps(ctx: MutationCtx) -> str:
        job = await ctx.db.table(Job).insert(on_done=DONE, log="")
        stored = await ctx.db.get(job)
        assert stored is not None
        assert stored.on_done == DONE
        assert stored.on_done is not DONE
        return str(await ctx.run_mutation(DONE, OnDone(work="a", times=3)))

    async with opened() as at:
        at.script.steps = steps
        assert await at.run("script") == "<Success: done 3>"


async def test_a_handle_of_a_plain_function_takes_its_arguments_from_a_model() -> None:
    async with opened() as at:
        assert await at.run("ask", answer="pool:loud") == "A"
        assert await at.run("ask", answer="pool:loud", twice=True) == "AA"


@pytest.mark.parametrize("text", ["pool:nowhere", "pool:send", "pool:loud", "", "done", 3.0, None])
async def test_a_client_cannot_name_what_is_no_such_function(text: Value) -> None:
    async with opened() as at:
        told = await at.failure("enqueue", on_done=text)
        assert "ArgumentValidationError" in told
        assert "on_done" in told


async def test_a_handle_of_a_function_that_is_gone_says_so() -> None:
    async with opened() as at:
        job = await at.run("enqueue", on_done="pool:done")
        await at.backend.replace(pool(at.script, without="done"))
        assert await at.run("handle", job=job) == "pool:done"
        told = await at.failure("finish", job=job)
        assert f"{FunctionGone.__name__}: a handle names the mutation pool:done" in told


async def test_a_handle_of_what_is_another_function_now_says_so() -> None:
    elsewhere = MutationHandle.taking(OnDone).of(ref("pool:send", Pool.done))

    async def steps(ctx: MutationCtx) -> str:
        await ctx.run_mutation(elsewhere, OnDone(work="a"))
        return ""

    async with opened() as at:
        at.script.steps = steps
        assert FunctionGone.__name__ in await at.failure("script")


async def call_a_mutation(ctx: Any) -> str:
    return str(await ctx.run_mutation(Refs.done, work="a"))


async def call_an_action(ctx: Any) -> str:
    return str(await ctx.run_action(Refs.send, work="a"))


async def query_a_mutation(ctx: Any) -> str:
    return str(await ctx.run_query(Refs.done, work="a"))


async def mutate_a_query(ctx: Any) -> str:
    return str(await ctx.run_mutation(Refs.look))


async def page_a_query(ctx: Any) -> str:
    return str(await ctx.run_page(Refs.look, None))


@pytest.mark.parametrize(
    ("caller", "steps", "error"),
    [
        ("script_query", call_a_mutation, MutationInQuery),
        ("script_query", call_an_action, ActionInTransaction),
        ("script", call_an_action, ActionInTransaction),
        ("script_query", query_a_mutation, RefOfOtherKind),
        ("script", query_a_mutation, RefOfOtherKind),
        ("script", mutate_a_query, RefOfOtherKind),
        ("script_query", page_a_query, RefOfOtherKind),
    ],
)
async def test_what_cannot_be_called_from_there_is_refused_with_the_reason(
    caller: str, steps: Callable[[Any], Awaitable[str]], error: type[Exception]
) -> None:
    async with opened() as at:
        at.script.steps = steps
        assert f"\n{error.__name__}: " in await at.failure(caller)


@pytest.mark.parametrize("caller", ["script", "script_query"])
async def test_no_way_leads_from_a_transaction_to_an_action(caller: str) -> None:
    async def steps(ctx: Any) -> str:
        return str(await ctx._calls.call(Refs.send, {"work": "a", "times": 1.0}))

    async with opened() as at:
        at.script.steps = steps
        assert "ActionInTransaction: " in await at.failure(caller)


async def test_a_ref_that_lies_about_its_function_gets_no_further() -> None:
    as_query = ref("pool:done", FunctionSpec.internal_query(args=OnDone, returns=str))

    async def steps(ctx: QueryCtx) -> str:
        return await ctx.run_query(as_query, work="a")

    async with opened() as at:
        at.script.steps = steps
        assert "defined as Mutation" in await at.failure("script_query")


def test_a_handle_travels_as_the_path_of_its_function() -> None:
    codec = Codec(OnDoneHandle, what="handle")
    assert codec.mistakes() == []
    assert codec.encode(DONE) == "pool:done"
    assert codec.decode("pool:done") == DONE
    assert hash(codec.decode("pool:done")) == hash(DONE)
    assert codec.decode("pool:other") != DONE
    assert repr(DONE) == "<MutationHandle pool:done>"
    assert TypeAdapter(OnDoneHandle).json_schema() == {
        "type": "string",
        "description": "the path of a mutation",
    }
    with pytest.raises(Mismatch, match="no handle of a function"):
        codec.decode(3.0)


def test_a_handle_takes_one_model_and_nothing_else() -> None:
    anything: Any = DONE
    encoded = anything.call.encode_args((OnDone(work="a"),), {})
    assert encoded == {"work": "a", "times": 1.0}
    for args, kwargs in [((), {}), ((NoArgs(),), {}), ((), {"work": "a"})]:
        with pytest.raises(Mismatch, match="called with one OnDone"):
            anything.call.encode_args(args, kwargs)


def test_an_annotation_says_what_the_function_takes_and_answers() -> None:
    for handle in (MutationHandle, QueryHandle, ActionHandle[Any, Any]):
        (mistake,) = Codec[Any](handle, what="handle").mistakes()
        assert isinstance(mistake, BareHandle)


def test_for_what_is_stored_a_handle_is_a_text() -> None:
    class Text(Table):
        on_done: str
        log: str = ""

    assert describe(Job) == describe(Text)
