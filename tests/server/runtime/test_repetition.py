"""Each query runs twice where functions are developed, and says so if it is not the same twice."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from confect_core import FunctionSpec, GroupSpec, NoArgs, Outcome, Table, TaggedError, ref
from confect_core.values import Value, dumps_canonical
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    Settings,
    impl,
    layers,
)
from confect_server.errors import NotDeterministic
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Succeeded
from confect_server.runtime.repetition import differences
from confect_server.settings import Checks, Limits
from confect_server.store import MemoryStore
from confect_server.testing import TestApp
from tests.core.values.strategies import values


class Item(Table, name="items"):
    name: str


class Odd(TaggedError):
    number: int


class Answering(GroupSpec):
    ask = FunctionSpec.public_query(returns=list[Any] | dict[str, Any])
    fail = FunctionSpec.public_query(returns=None, error=Odd)
    add = FunctionSpec.public_mutation(returns=None)
    relay = FunctionSpec.public_action(returns=list[Any] | dict[str, Any])


ASK = ref("answering:ask", Answering.ask)
FAIL = ref("answering:fail", Answering.fail)
ADD = ref("answering:add", Answering.add)
RELAY = ref("answering:relay", Answering.relay)

Answer = Callable[[QueryCtx], Awaitable[list[Any] | dict[str, Any]]]


def answering(answer: Answer, numbers: Iterator[int] = count()) -> Impl[Any]:  # noqa: B008
    """An application whose query answers as a test wishes."""

    @impl(Answering.ask)
    async def ask(ctx: QueryCtx, args: NoArgs) -> list[Any] | dict[str, Any]:
        return await answer(ctx)

    @impl(Answering.fail)
    async def fail(ctx: QueryCtx, args: NoArgs) -> Outcome[None, Odd]:
        number = next(numbers)
        return Failure(Odd(number=number)) if number >= 0 else Success(None)

    @impl(Answering.add)
    async def add(ctx: MutationCtx, args: NoArgs) -> None:
        await ctx.db.table(Item).insert(name="x")

    @impl(Answering.relay)
    async def relay(ctx: ActionCtx, args: NoArgs) -> list[Any] | dict[str, Any]:
        return await ctx.run_query(ASK)

    functions: dict[str, Any] = {"ask": ask, "fail": fail, "add": add, "relay": relay}
    group = GroupImpl("answering", Answering, functions, {}, DataModel((Item,)))
    return Impl(layers()).provide(group)


async def constant(ctx: QueryCtx) -> list[Any]:
    return [item.name async for item in ctx.db.table(Item).query()]


async def given_by_ctx(ctx: QueryCtx) -> list[Any]:
    return [ctx.now().isoformat(), ctx.random.random(), str(ctx.uuid())]


async def test_a_query_that_is_the_same_twice_is_answered() -> None:
    async with TestApp(answering(constant)) as t:
        await t.mutation(ADD)
        assert await t.query(ASK) == await t.action(RELAY) == ["x"]


async def test_what_a_ctx_gives_is_the_same_twice() -> None:
    async with TestApp(answering(given_by_ctx)) as t:
        answer = await t.query(ASK)
        assert isinstance(answer, list)
        assert answer[0] == t.now.isoformat()


async def at_the_time(ctx: QueryCtx) -> dict[str, Any]:
    return {"title": "x", "at": time.time_ns() / 1e6}


async def with_a_uuid(ctx: QueryCtx) -> dict[str, Any]:
    return {"rows": [{"id": "x"}, {"id": str(uuid4())}]}


async def by_chance(ctx: QueryCtx) -> list[Any]:
    return [random.random()]


_shuffled = count()


async def in_another_order(ctx: QueryCtx) -> list[Any]:
    items = ["a", "b", "c"]
    return items if next(_shuffled) % 2 else items[::-1]


_grows: list[int] = []


async def that_grows(ctx: QueryCtx) -> list[Any]:
    _grows.append(1)
    return ["x"] * len(_grows)


_fails = count()


async def that_fails_the_second_time(ctx: QueryCtx) -> list[Any]:
    if next(_fails) % 2:
        raise KeyError("second")
    return []


_reads = count()


async def that_reads_something_else(ctx: QueryCtx) -> list[Any]:
    await ctx.db.table(Item).query().order("asc" if next(_reads) % 2 else "desc").first()
    return []


@pytest.mark.parametrize(
    ("answer", "where", "reason"),
    [
        (at_the_time, "the answer.at is ", r"ctx\.now\(\)"),
        (with_a_uuid, r"the answer\.rows\[1\]\.id is ", r"ctx\.uuid\(\)"),
        (by_chance, r"the answer\[0\] is ", r"ctx\.random"),
        (in_another_order, r"the answer is \['c', 'b', 'a'\] the first time", "sort"),
        (that_grows, r"the answer is \['x'\] the first time", "variables that outlive the call"),
        (that_fails_the_second_time, "it answers the first time, and KeyError", "outlive"),
        (that_reads_something_else, "it reads some documents the first time", "outlive"),
    ],
)
async def test_a_query_that_is_not_the_same_twice_says_where_and_why(
    answer: Answer, where: str, reason: str
) -> None:
    _grows.clear()
    async with TestApp(answering(answer)) as t:
        await t.mutation(ADD)
        await t.mutation(ADD)
        with pytest.raises(NotDeterministic, match=where) as refused:
            await t.query(ASK)
        assert "answering:ask ran twice on the same data" in refused.value.message
        assert refused.value.hint
        refused.match(reason)


async def test_a_query_of_an_action_runs_twice_too() -> None:
    async with TestApp(answering(by_chance)) as t:
        with pytest.raises(NotDeterministic):
            await t.action(RELAY)


async def test_a_declared_error_is_compared() -> None:
    async with TestApp(answering(constant, iter([4, 4]))) as t:
        assert await t.query(FAIL) == Failure(Odd(number=4))
    for numbers in ([4, 5], [4, -1], [-1, 4]):
        async with TestApp(answering(constant, iter(numbers))) as t:
            with pytest.raises(NotDeterministic):
                await t.query(FAIL)


async def test_what_runs_again_uses_limits_of_its_own() -> None:
    settings = Settings(limits=Limits(documents_read=2))
    async with TestApp(answering(constant), settings=settings) as t:
        await t.mutation(ADD)
        await t.mutation(ADD)
        assert await t.query(ASK) == ["x", "x"]


async def test_the_check_may_be_turned_off() -> None:
    async with TestApp(
        answering(by_chance), settings=Settings(checks=Checks(queries_twice=False))
    ) as t:
        assert len(await t.query(ASK)) == 1


async def test_queries_run_once_in_production() -> None:
    runs: list[int] = []

    async def counted(ctx: QueryCtx) -> list[Any]:
        runs.append(1)
        return []

    async with Backend.open(answering(counted), MemoryStore()) as backend:
        outcome = (await backend.queries.run("answering:ask", {}, CLIENT)).outcome
        assert isinstance(outcome, Succeeded)
    assert runs == [1]


@given(values, values)
def test_values_differ_somewhere_if_and_only_if_they_are_not_the_same(
    one: Value, other: Value
) -> None:
    is_same = dumps_canonical(one) == dumps_canonical(other)
    assert (next(differences(one, other), None) is None) is is_same


@given(st.lists(values, min_size=1, max_size=4), st.data(), values)
def test_the_place_that_differs_is_named(
    items: list[Value], data: st.DataObject, other: Value
) -> None:
    place = data.draw(st.integers(0, len(items) - 1))
    changed = [*items[:place], other, *items[place + 1 :]]
    for each in differences({"rows": items}, {"rows": changed}):
        assert each.path.startswith(f"the answer.rows[{place}]")
