"""Implementations: they fit their spec, and everything that does not is told."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any, Never

import pytest
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from confect_core import FunctionSpec, GroupSpec, Index, NoArgs, Spec, Table
from confect_core.errors import Mistakes, SpecError
from confect_core.table_errors import UnknownField
from confect_core.values.codec import UnresolvedType
from confect_server import (
    ActionCtx,
    CustomJwtProvider,
    DatabaseReader,
    DataModel,
    Environment,
    FunctionImpl,
    GroupImpl,
    Impl,
    OidcProvider,
    QueryCtx,
    Service,
    impl,
    layers,
    plain,
    route,
)
from confect_server.environment.errors import ImpossibleVariable
from confect_server.errors import (
    BadHandler,
    DuplicateGroup,
    NotAGroupImpl,
    OtherDatabase,
    ServiceNotProvided,
    WrongImplementations,
)
from confect_server.runtime import Backend
from confect_server.store import MemoryStore


async def plain_one(ctx: QueryCtx) -> int:
    return 1


class Things(GroupSpec):
    one = FunctionSpec.public_query(returns=int)
    two = FunctionSpec.public_query(returns=int)
    three = FunctionSpec.plain_public_query(lambda: plain_one)


@impl(Things.one)
async def one(ctx: QueryCtx, args: NoArgs) -> int:
    return 1


@impl(Things.two)
async def two(ctx: QueryCtx, args: NoArgs) -> int:
    return 2


def things(path: str = "things") -> GroupImpl[Any]:
    return GroupImpl(path, Things, {"one": one, "two": two}, {"three": plain_one})


def test_an_implementation_holds_its_spec_and_its_logic() -> None:
    assert one.spec is Things.one
    assert one.handler.__name__ == "one"


def test_a_group_of_either_form_is_implemented() -> None:
    assert things().functions == {"one": one, "two": two}
    built = GroupSpec.make("things").add_function("one", Things.one)
    assert GroupImpl("things", built, {"one": one}).plain == {}


def test_everything_that_does_not_fit_is_told_at_once() -> None:
    functions: dict[str, Any] = {"one": two, "four": one, "five": one}
    with pytest.raises(WrongImplementations) as refused:
        GroupImpl("admin/things", Things, functions)
    assert refused.value.message == (
        "the implementation of 'admin/things' misses two, three; adds four, five; swaps one"
    )
    assert "confect codegen" in refused.value.hint


def test_an_application_takes_each_group_once() -> None:
    app = Impl(layers()).provide(things())
    assert list(app.provide(things("others")).groups) == ["things", "others"]
    assert list(app.groups) == ["things"]
    with pytest.raises(DuplicateGroup, match="'things' is provided twice"):
        app.provide(things())
    with pytest.raises(Mistakes) as refused:
        app.provide(things(), things("others"), things("others"))
    assert [type(each) for each in refused.value.exceptions] == [DuplicateGroup, DuplicateGroup]
    unfrozen: Any = app
    with pytest.raises(dataclasses.FrozenInstanceError):
        unfrozen.layers = layers()
    with pytest.raises(TypeError):
        unfrozen.groups["more"] = things()


class Unfinished(Table):
    next: Later | None = None  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # as meant


class Outer(Table):
    inner: Inner | None = None
    by_size = Index("inner.size")


def test_an_application_knows_what_is_wrong_with_its_specs_and_tables() -> None:
    class Wrong(GroupSpec):
        get = FunctionSpec.public_query(returns=Unfinished)

    @impl(Wrong.get)
    async def get(ctx: QueryCtx, args: NoArgs) -> Unfinished:
        return Unfinished()

    Outer.model_rebuild()
    group = GroupImpl("wrong", Wrong, {"get": get}, {}, DataModel((Unfinished, Outer)))
    mistakes = Impl(layers()).provide(group).mistakes()
    assert [type(mistake) for mistake in mistakes] == [UnresolvedType, UnresolvedType, UnknownField]
    assert Impl(layers()).provide(things()).mistakes() == []


class Inner(Table):
    name: str


def test_the_tables_of_an_application_are_those_of_its_groups() -> None:
    model = DataModel((Inner,))
    group = GroupImpl("things", Things, {"one": one, "two": two}, {"three": plain_one}, model)
    assert Impl(layers()).provide(group).data_model is model
    assert Impl(layers()).data_model == DataModel()
    declared = DataModel((Outer, Inner)).declared
    indexes = {name: table.indexes for name, table in declared.items()}
    assert indexes == {"outer": {"by_size": ("inner.size",)}, "inner": {}}


class Mailer(Service):
    """Sends."""


class Stamps(Service):
    """Are needed for it."""


@impl(Things.one)
async def mailing(ctx: QueryCtx[Mailer], args: NoArgs) -> int:
    return 1


@plain.query
async def stamping(ctx: QueryCtx[Mailer | Stamps]) -> int:
    return 1


@route("GET", "/stamps")
async def stamps(ctx: ActionCtx[Stamps], request: Request) -> Response:
    return Response()


async def test_a_service_that_no_layer_provides_is_told_before_anything_runs() -> None:
    functions: dict[str, Any] = {"one": mailing, "two": two}
    group = GroupImpl("things", Things, functions, {"three": stamping})
    unprovided: Impl[Any] = Impl(layers())
    lacking = unprovided.provide(group).serve(stamps)
    found = lacking.mistakes()
    assert [(type(each), each.message) for each in found] == [
        (
            ServiceNotProvided,
            "no layer provides Mailer, which things:one, things:three ask for",
        ),
        (
            ServiceNotProvided,
            "no layer provides Stamps, which things:three, GET /stamps ask for",
        ),
    ]
    assert found[0].where is not None
    assert found[0].where.line == mailing.handler.__code__.co_firstlineno
    with pytest.raises(Mistakes, match="2 mistakes"):
        async with Backend.open(lacking, MemoryStore()):
            pytest.fail("nothing runs without its services")

    async def open_mailer() -> AsyncIterator[Mailer]:
        yield Mailer()

    async def open_stamps() -> AsyncIterator[Stamps]:
        yield Stamps()

    provided: Any = layers().add(Mailer, open_mailer).add(Stamps, open_stamps)
    assert lacking.with_layers(provided).mistakes() == []


def test_what_annotations_do_not_say_is_left_to_the_type_checker() -> None:
    class Local(Service):
        """Is known here only, where nobody who reads annotations looks."""

    @impl(Things.one)
    async def unreadable(ctx: QueryCtx[Local], args: NoArgs) -> int:
        return 1

    functions: dict[str, Any] = {"one": unreadable, "two": two}
    group: GroupImpl[Any] = GroupImpl("things", Things, functions, {"three": plain_one})
    assert Impl(layers()).provide(group).mistakes() == []


def test_providers_that_no_token_can_come_from_are_mistakes() -> None:
    app = Impl(layers()).authenticate(
        OidcProvider(domain="id.example.com", application_id="app"),
        OidcProvider(domain="ftp://id.example.com", application_id=""),
        CustomJwtProvider(issuer="anything", jwks="data:,{}", algorithm="RS256"),
        CustomJwtProvider(issuer="", jwks="keys.json", algorithm="RS256"),
    )
    told = [each.message.rpartition(": ")[2] for each in app.mistakes()]
    assert told == [
        "its domain is no address",
        "application_id is empty",
        "its issuer is empty",
        "its keys cannot be at 'keys.json'",
    ]


def test_settings_that_nobody_could_set_are_a_mistake() -> None:
    class Env(Environment):
        size: int = Field(default=1, alias="my-size")

    (mistake,) = Impl(layers()).environment(Env).mistakes()
    assert isinstance(mistake, ImpossibleVariable)
    assert "'my-size'" in mistake.message


@pytest.mark.parametrize("given", [Things, 3])
def test_only_the_implementation_of_a_group_is_provided(given: Any) -> None:
    with pytest.raises(NotAGroupImpl, match="is no implementation of a group"):
        Impl(layers()).provide(given)


class Handled(GroupSpec):
    ask = FunctionSpec.public_query(returns=int)
    page = FunctionSpec.public_paginated_query(item=int)
    wait = FunctionSpec.public_action(returns=int, blocking=True)
    count = FunctionSpec.public_action(returns=int, process=True)


async def nothing() -> None: ...


def of_args(args: NoArgs) -> None: ...


async def of_ctx_and_args(ctx: Any, args: Any) -> None: ...


async def of_anything(*args: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "handler", "given"),
    [
        ("ask", nothing, "ctx, args"),
        ("page", of_ctx_and_args, "ctx, args, options"),
        ("wait", of_args, "ctx, args"),
        ("count", of_ctx_and_args, "args"),
    ],
)
def test_a_handler_that_cannot_be_called_is_told_before_anything_runs(
    name: str, handler: Any, given: str
) -> None:
    implemented = FunctionImpl[Any, Any, Any](getattr(Handled, name), handler)
    (mistake,) = (each for each in mistakes_of(name, implemented) if isinstance(each, BadHandler))
    assert mistake.message.startswith(f"the handler of handled:{name} cannot be called: ")
    assert mistake.hint == f"let it take ({given}), and run the type checker"
    assert mistake.where == implemented.where


def test_a_handler_may_take_more_than_it_is_given() -> None:
    for name in ("ask", "page"):
        implemented = FunctionImpl[Any, Any, Any](getattr(Handled, name), of_anything)
        assert mistakes_of(name, implemented) == []


def mistakes_of(name: str, implemented: FunctionImpl[Any, Any, Any]) -> list[SpecError]:
    group = GroupSpec.make("handled").add_function(name, implemented.spec)
    application: Impl[Any] = Impl(layers())
    return application.provide(GroupImpl("handled", group, {name: implemented})).mistakes()


class Reader(DatabaseReader):
    """What generated code makes for the tables of a project."""


async def of_tables(ctx: QueryCtx[Never, Reader], args: NoArgs) -> int:
    return 1


def test_a_handler_of_other_tables_is_told_before_anything_runs() -> None:
    spec = Spec.make().add(Ask)
    parts = GroupImpl.make(Ask).provide(FunctionImpl.make(Ask.ask, of_tables))
    (mistake,) = Impl.make(spec, layers()).provide(parts).finalize().mistakes()
    assert type(mistake) is OtherDatabase
    assert mistake.message.startswith(f"the handler of ask:ask reads the tables of {__name__}")

    model = DataModel(reader=Reader)
    assert Impl.make(spec, layers(), model).provide(parts).finalize().mistakes() == []


class Ask(GroupSpec):
    ask = FunctionSpec.public_query(returns=int)
