"""Middleware at run time: every call passes it, in order, as a part of the same transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Never

import pytest
from returns.result import Failure, Success

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Middleware,
    NoArgs,
    Outcome,
    PaginationOptions,
    PaginationResult,
    Provided,
    Spec,
    TaggedError,
)
from confect_core.errors import Mistakes
from confect_core.protocol import JsonObject
from confect_core.values import Value, loads
from confect_server import (
    Answer,
    BlockingActionCtx,
    Call,
    Ctx,
    FunctionImpl,
    GroupImpl,
    Impl,
    MiddlewareImpl,
    MutationCtx,
    Proceed,
    QueryCtx,
    impl,
    layers,
    middleware,
)
from confect_server.errors import (
    DuplicateMiddleware,
    ExtraMiddleware,
    MissingMiddleware,
    ValueNotProvided,
)
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.store import MemoryStore
from tests.server.runtime.guarded import (
    Journal,
    Known,
    Member,
    Who,
    found,
    guarded,
    known,
    known_to_act,
    noted,
    seated,
    without_middleware,
)


@dataclass
class Visitor:
    """Calls the functions of the club."""

    backend: Backend
    journal: Journal

    async def call(self, name: str, **args: Any) -> Value:
        outcome = await self._run(name, args)
        assert isinstance(outcome, Succeeded), outcome
        return loads(outcome.value)

    async def fails(self, name: str, **args: Any) -> Failed:
        outcome = await self._run(name, args)
        assert isinstance(outcome, Failed), outcome
        return outcome

    async def declared(self, name: str, **args: Any) -> Value:
        """The data of the declared error that a call fails with."""
        failed = await self.fails(name, **args)
        assert failed.error_data is not None, failed
        return loads(failed.error_data)

    async def _run(self, name: str, args: JsonObject) -> Any:
        path = name if ":" in name else f"club:{name}"
        return await self.backend.executor.run_any(path, args, CLIENT)


@asynccontextmanager
async def opened(application: Impl[Any] | None = None) -> AsyncGenerator[Visitor]:
    journal = Journal()
    async with Backend.open(application or guarded(journal), MemoryStore()) as backend:
        at = Visitor(backend, journal)
        if application is None:
            await found(backend)
        yield at


async def test_a_handler_takes_what_the_middleware_provides() -> None:
    async with opened() as at:
        assert await at.call("hello", text="hi") == "hi Ada"


async def test_middleware_runs_in_order_around_the_handler_with_decoded_arguments() -> None:
    async with opened() as at:
        await at.call("hello", text="hi")
        assert at.journal.lines == [
            "> public query club:hello text='hi'",
            "hello",
            "< hi Ada",
        ]


async def test_arguments_are_decoded_before_any_middleware_runs() -> None:
    async with opened() as at:
        assert "ArgumentValidationError" in (await at.fails("hello", text=3.0)).message
        assert at.journal.lines == []


@pytest.mark.parametrize("who", ["Bea", "nobody"])
async def test_an_error_of_the_middleware_ends_the_call_returned_or_raised(who: str) -> None:
    async with opened() as at:
        at.journal.who = who
        assert await at.declared("hello", text="hi") == {"_tag": "Unknown", "name": who}
        assert "hello" not in at.journal.lines
        assert at.journal.lines[-1] == f"< Unknown(name='{who}')"


async def test_a_function_may_be_behind_middleware_that_needs_that_of_its_group() -> None:
    async with opened() as at:
        assert await at.call("seat") == 1 + len("Ada")
        await at.call("join", text="Bea")
        await at.call("join", text="Cleo")
        assert await at.declared("seat") == {"_tag": "Full", "at": 3}


async def test_a_paginated_query_passes_with_the_page_that_is_asked_for() -> None:
    async with opened() as at:
        options = {"numItems": 2.0, "cursor": None}
        page: Any = await at.call("page", text="x", paginationOpts=options)
        assert page["page"] == ["Ada", "Ada"]


@pytest.mark.parametrize("text", ["raise", "fail"])
async def test_a_mutation_that_fails_is_rolled_back_and_the_middleware_is_told(text: str) -> None:
    async with opened() as at:
        assert await at.declared("join", text=text) == {"_tag": "Hidden", "why": text}
        assert at.journal.lines[-1] == f"< Hidden(why='{text}')"
        assert await at.call("join", text="Bea") == 2


async def test_a_mutation_that_the_middleware_fails_after_is_rolled_back() -> None:
    async def spoil(proceed: Proceed) -> Any:
        await proceed()
        raise RuntimeError("afterwards")

    async with opened() as at:
        at.journal.misbehave = spoil
        assert "afterwards" in (await at.fails("join", text="Bea")).message
        at.journal.misbehave = None
        assert await at.call("join", text="Cleo") == 2


async def test_an_error_that_nothing_declares_stays_a_defect_behind_middleware() -> None:
    async with opened() as at:
        failed = await at.fails("leave", text="x")
        assert failed.error_data is None
        assert "UndeclaredError" in failed.message


async def test_what_a_handler_raises_passes_the_middleware() -> None:
    async with opened() as at:
        assert "RuntimeError: crash" in (await at.fails("hello", text="crash")).message
        assert at.journal.lines[-1] == "hello"


async def test_nested_calls_pass_middleware_of_their_own() -> None:
    async with opened() as at:
        assert await at.call("visit", text="Bea") == [
            "<Success: again Ada>",
            "<Failure: Unknown(name='Bea')>",
            "<Failure: Unknown(name='Bea')>",
        ]


async def test_actions_have_an_implementation_of_their_own() -> None:
    async with opened() as at:
        assert await at.call("act", text="hi") == "acting Ada <Success: hi Ada>"


async def test_queries_and_mutations_may_have_implementations_of_their_own() -> None:
    @middleware(Known).for_queries
    async def known_to_read(ctx: QueryCtx) -> Who:
        return Who("reader")

    @middleware(Known).for_mutations
    async def known_to_write(ctx: MutationCtx) -> Who:
        await ctx.db.table(Member).insert(name="written first")
        return Who("writer")

    application = without_middleware(Journal()).behind(noted).behind(seated)
    application = application.behind(known_to_read).behind(known_to_write).behind(known_to_act)
    async with opened(application) as at:
        assert await at.call("hello", text="hi") == "hi reader"
        assert await at.declared("join", text="fail") == {"_tag": "Hidden", "why": "fail"}
        assert await at.call("join", text="Bea") == 2  # what it wrote for the one before is undone


async def test_what_no_middleware_provides_is_not_there() -> None:
    async with opened() as at:
        assert await at.call("open:free") == "free"
        told = (await at.fails("open:ask", text="x")).message
        assert "NotProvided: no middleware before this function provides Who" in told


async def test_a_function_without_middleware_runs_its_handler_itself() -> None:
    async with opened() as at:
        functions = at.backend.executor.application.functions
        assert functions.find("open:free", "Query", public_only=True)._handler.__name__ == "free"


async def twice(proceed: Proceed) -> Any:
    await proceed()
    await proceed()


async def something_else(proceed: Proceed) -> Any:
    await proceed()
    return "something else"


async def an_answer_of_its_own(proceed: Proceed) -> Any:
    return Answer("made up")


@pytest.mark.parametrize(
    ("misbehave", "tag"),
    [
        (twice, "ProceededTwice: Noted"),
        (something_else, "NotItsAnswer: Noted"),
        (an_answer_of_its_own, "NotItsAnswer: Noted"),
    ],
)
async def test_a_call_has_one_answer_that_of_its_function(misbehave: Any, tag: str) -> None:
    async with opened() as at:
        at.journal.misbehave = misbehave
        told = (await at.fails("hello", text="hi")).message
        assert tag.split(":")[0] in told
        assert "guarded.py" in told


async def test_a_middleware_gives_what_it_says_it_provides() -> None:
    wrong: Any = "Ada"

    @middleware(Known)
    async def lying(ctx: QueryCtx) -> Any:
        return wrong

    application = without_middleware(Journal()).behind(noted).behind(seated)
    async with opened(application.behind(lying).behind(known_to_act)) as at:
        assert "NotWhatItProvides" in (await at.fails("hello", text="hi")).message


def mistakes_of(*given: MiddlewareImpl[Any, Any]) -> list[tuple[type[Any], str]]:
    application = without_middleware(Journal())
    for each in given:
        application = application.behind(each)
    return [(type(each), each.message) for each in application.mistakes()]


def test_an_application_implements_each_middleware_once_for_each_kind() -> None:
    assert mistakes_of(noted, known, known_to_act, seated) == []


def test_middleware_that_is_not_implemented_is_told_for_each_kind() -> None:
    found = mistakes_of(noted, known, seated)
    assert found == [(MissingMiddleware, "nothing implements Known for the action club:act")]
    several = [message for _, message in mistakes_of(noted, known_to_act, seated)]
    assert several == [
        "nothing implements Known for the query club:hello and 2 more",
        "nothing implements Known for the mutation club:join and 2 more",
    ]


def test_middleware_that_is_implemented_twice_is_told() -> None:
    found = mistakes_of(noted, known, known_to_act, seated, known)
    assert [each for each, _ in found] == [DuplicateMiddleware] * 2


def test_middleware_that_nothing_is_behind_is_told() -> None:
    class Idle(Middleware):
        """Nothing is behind it."""

    @middleware(Idle)
    async def idle(ctx: QueryCtx) -> None: ...

    found = mistakes_of(noted, known, known_to_act, seated, idle)
    assert [each for each, _ in found] == [ExtraMiddleware]


async def test_an_application_with_middleware_missing_does_not_start() -> None:
    with pytest.raises(Mistakes) as caught:
        async with Backend.open(without_middleware(Journal()), MemoryStore()):
            pass
    assert {type(each) for each in caught.value.exceptions} == {MissingMiddleware}


class ByTenant(Args):
    tenant: str


class ByTenantAndText(ByTenant):
    text: str


class NoSuchTenant(TaggedError):
    tenant: str


@dataclass(frozen=True)
class Tenant(Provided):
    name: str


class InTenant(Middleware[NoSuchTenant, Tenant, Never, ByTenant]):
    """Only in tenants that there are."""


class Rooms(GroupSpec, behind=[InTenant]):
    read = FunctionSpec.public_query(args=ByTenantAndText, returns=str)
    page = FunctionSpec.public_paginated_query(args=ByTenant, item=str)
    write = FunctionSpec.public_mutation(args=ByTenant, returns=str)
    send = FunctionSpec.public_action(args=ByTenant, returns=str)
    print_ = FunctionSpec.public_action(args=ByTenant, returns=str, blocking=True)
    weigh = FunctionSpec.public_action(args=ByTenant, returns=int, process=True)


@middleware(InTenant).for_all
async def in_tenant(ctx: Ctx, call: Call[ByTenant]) -> Outcome[Tenant, NoSuchTenant]:
    if call.args.tenant == "none":
        return Failure(NoSuchTenant(tenant=call.args.tenant))
    return Success(Tenant(f"{call.args.tenant} by {call.path}"))


async def tenant_of(ctx: Ctx[Tenant], args: ByTenant) -> str:
    return Tenant.of(ctx).name


def tenant_in_thread(ctx: BlockingActionCtx[Tenant], args: ByTenant) -> str:
    return Tenant.of(ctx).name


@impl(Rooms.weigh)
def weight(args: ByTenant) -> int:
    return len(args.tenant)


async def tenants(
    ctx: QueryCtx[Tenant], args: ByTenant, options: PaginationOptions
) -> PaginationResult[str]:
    found = [Tenant.of(ctx).name] * options.num_items
    return PaginationResult(
        page=found, is_done=True, continue_cursor="", split_cursor=None, page_status=None
    )


def rooms() -> Impl[Any]:
    return (
        Impl.make(Spec.make().add(Rooms), layers())
        .behind(in_tenant)
        .provide(
            GroupImpl.make(Rooms).provide(
                FunctionImpl.make(Rooms.read, tenant_of),
                FunctionImpl.make(Rooms.page, tenants),
                FunctionImpl.make(Rooms.write, tenant_of),
                FunctionImpl.make(Rooms.send, tenant_of),
                FunctionImpl.make(Rooms.print_, tenant_in_thread),
                weight,
            )
        )
        .finalize()
    )


async def test_what_runs_before_looks_at_the_arguments() -> None:
    async with opened(rooms()) as at:
        assert await at.call("rooms:read", tenant="a", text="hi") == "a by rooms:read"
        assert await at.call("rooms:write", tenant="a") == "a by rooms:write"
        assert await at.call("rooms:send", tenant="a") == "a by rooms:send"
        assert await at.call("rooms:print", tenant="a") == "a by rooms:print"
        assert await at.call("rooms:weigh", tenant="abc") == 3.0
        options = {"numItems": 1.0, "cursor": None}
        page: Any = await at.call("rooms:page", tenant="a", paginationOpts=options)
        assert page["page"] == ["a by rooms:page"]
        for name in ("read", "write", "send", "print", "weigh"):
            text = {"text": ""} if name == "read" else {}
            declared = await at.declared(f"rooms:{name}", tenant="none", **text)
            assert declared == {"_tag": "NoSuchTenant", "tenant": "none"}


async def by_nobody(ctx: QueryCtx[Tenant], args: NoArgs) -> str:
    return Tenant.of(ctx).name


class Lobby(GroupSpec):
    enter = FunctionSpec.public_query(returns=str)


async def test_a_value_that_no_middleware_provides_is_told_before_anything_runs() -> None:
    functions = {"enter": FunctionImpl.make(Lobby.enter, by_nobody)}
    application: Impl[Any] = Impl(layers()).behind(in_tenant)
    (mistake,) = (
        each
        for each in application.provide(GroupImpl("lobby", Lobby, functions)).mistakes()
        if isinstance(each, ValueNotProvided)
    )
    assert "the handler of lobby:enter asks for Tenant" in mistake.message
    assert mistake.where is not None
    assert mistake.where.file == __file__
