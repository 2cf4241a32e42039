"""Plain functions: called as they are written, beside functions that have schemas."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import pytest

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    PaginationOptions,
    PaginationResult,
    Table,
    TaggedError,
    ref,
)
from confect_core.errors import Mistakes
from confect_core.spec.errors import BadName, DuplicateName
from confect_core.values import Json, Value, encode, loads
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    PlainFunction,
    QueryCtx,
    impl,
    layers,
    plain,
)
from confect_server.errors import BadPlainFunction, PlainMismatch
from confect_server.plain import described
from confect_server.runtime import ADMIN, CLIENT, Backend, Caller
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.store import MemoryStore


class Job(Table, name="jobs"):
    name: str
    state: str = "pending"


class Broken(TaggedError):
    by: str


@plain.query
async def states(ctx: QueryCtx, prefix: str = "", *, at_most: int = 10) -> list[str]:
    jobs = await ctx.db.table(Job).query().collect()
    return [f"{job.name} {job.state}" for job in jobs if job.name.startswith(prefix)][:at_most]


@plain.paginated_query
async def pages(ctx: QueryCtx, options: PaginationOptions, prefix: str) -> PaginationResult[Job]:
    return await ctx.db.table(Job).query().paginate(options)


@plain.mutation
async def enqueue(ctx: MutationCtx, name: str) -> str:
    return await ctx.db.table(Job).insert(name=name, state="pending")


@plain.internal_mutation
async def finish(ctx: MutationCtx, *, name: str, result: dict[str, float]) -> None:
    async for job in ctx.db.table(Job).query():
        if job.name == name:
            await ctx.db.table(Job).change(job.id, {"state": f"finished {sorted(result)}"})


@plain.internal_action
async def work(ctx: ActionCtx, name: str) -> None:
    await ctx.run_mutation(Refs.finish, name=name, result={})


@plain.action
async def list_(ctx: ActionCtx) -> list[str]:
    await ctx.run_action(Refs.work, "a")
    return await ctx.run_query(Refs.states, at_most=3)


@plain.mutation
async def breaking(ctx: MutationCtx) -> None:
    await ctx.db.table(Job).insert(name="broken", state="pending")
    raise Broken(by="hand")


class Refs:
    states: Final = ref(
        "pool:states", FunctionSpec.plain_public_query(lambda: states), plain.signature_of(states)
    )
    finish: Final = ref(
        "pool:finish",
        FunctionSpec.plain_internal_mutation(lambda: finish),
        plain.signature_of(finish),
    )
    work: Final = ref(
        "pool:work", FunctionSpec.plain_internal_action(lambda: work), plain.signature_of(work)
    )


EVERYTHING = (states, pages, enqueue, finish, work, list_, breaking)


class ByName(Args):
    name: str


class Pool(GroupSpec):
    count = FunctionSpec.public_query(args=ByName, returns=int)
    states = FunctionSpec.plain_public_query(lambda: states)


@impl(Pool.count)
async def count(ctx: QueryCtx, args: ByName) -> int:
    return len(await ctx.run_query(Refs.states, args.name))


def pool() -> GroupImpl[Any]:
    model = DataModel((Job,))
    return GroupImpl("pool", Pool, {"count": count}, {"states": states}, model)


@asynccontextmanager
async def running(group: GroupImpl[Any]) -> AsyncGenerator[Backend]:
    async with Backend.open(Impl(layers()).provide(group), MemoryStore()) as backend:
        yield backend


async def run(backend: Backend, path: str, caller: Caller = CLIENT, /, **args: Value) -> RunOutcome:
    encoded = cast("dict[str, Json]", encode(args))
    return await backend.executor.run_any(path, encoded, caller)


async def value(backend: Backend, path: str, /, **args: Value) -> Value:
    outcome = await run(backend, path, ADMIN, **args)
    assert isinstance(outcome, Succeeded), outcome
    return loads(outcome.value)


@plain.internal_query
async def hidden_query(ctx: QueryCtx) -> None: ...


@plain.internal_paginated_query
async def hidden_pages(ctx: QueryCtx, options: PaginationOptions) -> None: ...


@pytest.mark.parametrize(
    ("function", "is_a"),
    [
        (states, "a public query"),
        (pages, "a public paginated query"),
        (enqueue, "a public mutation"),
        (list_, "a public action"),
        (hidden_query, "an internal query"),
        (hidden_pages, "an internal paginated query"),
        (finish, "an internal mutation"),
        (work, "an internal action"),
    ],
)
def test_a_decorated_function_knows_what_it_is(
    function: Callable[..., Awaitable[object]], is_a: str
) -> None:
    known = PlainFunction.of(function)
    assert described(known.spec) == is_a
    assert known.spec.is_plain
    assert known.spec.where.file == __file__
    assert known.mistakes() == []


async def test_a_decorated_function_is_called_as_it_is_written() -> None:
    class Nothing:
        async def run_action(self, *_: object) -> None: ...
        async def run_query(self, *_: object, at_most: int) -> list[str]:
            return [f"at most {at_most}"]

    ctx: Any = Nothing()
    assert await list_(ctx) == ["at most 3"]
    assert PlainFunction.of(list_).name == "list"


async def test_plain_functions_run_beside_functions_with_schemas() -> None:
    async with running(pool().add_plain(enqueue, finish, work, list_)) as backend:
        await value(backend, "pool:enqueue", name="a")
        await value(backend, "pool:enqueue", name="b")
        assert await value(backend, "pool:states", prefix="a") == ["a pending"]
        assert await value(backend, "pool:count", name="a") == 1
        assert await value(backend, "pool:list") == ["a finished []", "b pending"]


async def test_plain_functions_run_without_any_spec() -> None:
    group = GroupImpl("pool", GroupSpec.make("pool"), {}, {}, DataModel((Job,)))
    async with running(group.add_plain(*EVERYTHING)) as backend:
        await value(backend, "pool:enqueue", name="a")
        assert await value(backend, "pool:states", at_most=1) == ["a pending"]
        page = await value(
            backend, "pool:pages", prefix="", paginationOpts={"numItems": 1.0, "cursor": None}
        )
        assert isinstance(page, dict)
        assert page["isDone"] is False
    assert group.spec.functions == {} if not isinstance(group.spec, type) else False


async def test_internal_plain_functions_are_nothing_that_clients_know_of() -> None:
    async with running(pool().add_plain(finish)) as backend:
        outcome = await run(backend, "pool:finish", name="a", result={})
        assert isinstance(outcome, Failed)
        assert "Could not find public function" in outcome.message


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"prefix": 3.0}, "Value does not match validator"),
        ({"text": "a"}, "text"),
        ({"at_most": 0.5}, "at_most"),
    ],
)
async def test_arguments_are_checked_from_the_signature(
    args: dict[str, Value], problem: str
) -> None:
    async with running(pool()) as backend:
        outcome = await run(backend, "pool:states", **args)
        assert isinstance(outcome, Failed)
        assert "ArgumentValidationError" in outcome.message
        assert problem in outcome.message


async def test_an_error_of_a_plain_function_is_a_defect_and_rolls_back() -> None:
    async with running(pool().add_plain(breaking)) as backend:
        outcome = await run(backend, "pool:breaking")
        assert isinstance(outcome, Failed)
        assert outcome.error_data is None
        assert await value(backend, "pool:states") == []


def test_a_plain_function_is_what_its_spec_says() -> None:
    class Other(GroupSpec):
        states = FunctionSpec.plain_internal_query(lambda: states)
        enqueue = FunctionSpec.plain_public_query(lambda: enqueue)

    with pytest.raises(Mistakes) as refused:
        GroupImpl("other", Other, {}, {"states": states, "enqueue": enqueue})
    assert [type(each) for each in refused.value.exceptions] == [PlainMismatch, PlainMismatch]
    assert "other:states is declared as an internal query, but its function is a public query" in (
        str(refused.value)
    )


def test_a_plain_function_has_a_name_of_its_own() -> None:
    with pytest.raises(DuplicateName, match="states"):
        pool().add_plain(states)


def test_everything_that_no_call_could_be_made_of_is_refused_together() -> None:
    async def nameless(ctx: QueryCtx, *texts: str, returns: int) -> None: ...

    def later(ctx: QueryCtx, text) -> Any: ...  # type: ignore[no-untyped-def]  # pyright: ignore  # as meant

    async def unreadable(ctx: QueryCtx, text: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore  # as meant

    async def __hidden(ctx: QueryCtx): ...  # type: ignore[no-untyped-def]  # as meant

    functions: list[Any] = [nameless, later, unreadable, __hidden]
    with pytest.raises(Mistakes) as refused:
        pool().add_plain(*(plain.query(each) for each in functions))
    told = [
        (type(each), each.message.partition(": ")[2])
        for each in refused.value.exceptions
        if isinstance(each, BadPlainFunction | BadName)
    ]
    assert told == [
        (BadPlainFunction, "texts takes any number of arguments"),
        (BadPlainFunction, "returns is a name that refs use themselves"),
        (BadPlainFunction, "it is not an async function"),
        (BadPlainFunction, "text has no annotation"),
        (BadPlainFunction, "its annotations cannot be read: name 'Nowhere' is not defined"),
        (BadName, ""),
        (BadPlainFunction, "it does not say what it answers"),
    ]


def test_its_calls_travel_by_its_signature() -> None:
    encoded = plain.signature_of(states).encode_args(("a",), {"at_most": 3})
    assert encoded == {"prefix": "a", "at_most": 3.0}
    assert plain.signature_of(pages).encode_args((), {"prefix": "b"}) == {"prefix": "b"}


def test_what_is_not_decorated_is_told_so() -> None:
    async def undecorated(ctx: QueryCtx) -> None: ...

    with pytest.raises(BadPlainFunction, match=r"undecorated cannot be .*: it is not decorated"):
        pool().add_plain(undecorated)
