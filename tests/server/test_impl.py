"""Implementations: they fit their spec, and everything that does not is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import Field

from confect_core import FunctionSpec, GroupSpec, Index, NoArgs, Table
from confect_core.errors import Mistakes
from confect_core.table_errors import UnknownField
from confect_core.values.codec import UnresolvedType
from confect_server import (
    CustomJwtProvider,
    DataModel,
    Environment,
    GroupImpl,
    Impl,
    OidcProvider,
    QueryCtx,
    impl,
    layers,
)
from confect_server.environment.errors import ImpossibleVariable
from confect_server.errors import DuplicateGroup, WrongImplementations


async def plain(ctx: QueryCtx) -> int:
    return 1


class Things(GroupSpec):
    one = FunctionSpec.public_query(returns=int)
    two = FunctionSpec.public_query(returns=int)
    three = FunctionSpec.plain_public_query(lambda: plain)


@impl(Things.one)
async def one(ctx: QueryCtx, args: NoArgs) -> int:
    return 1


@impl(Things.two)
async def two(ctx: QueryCtx, args: NoArgs) -> int:
    return 2


def things(path: str = "things") -> GroupImpl[Any]:
    return GroupImpl(path, Things, {"one": one, "two": two}, {"three": plain})


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
    group = GroupImpl("things", Things, {"one": one, "two": two}, {"three": plain}, model)
    assert Impl(layers()).provide(group).data_model is model
    assert Impl(layers()).data_model == DataModel()
    declared = DataModel((Outer, Inner)).declared
    indexes = {name: table.indexes for name, table in declared.items()}
    assert indexes == {"outer": {"by_size": ("inner.size",)}, "inner": {}}


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
