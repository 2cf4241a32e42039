"""The builder form of implementations: the same application, and one look for all mistakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from confect_core import FunctionSpec, GroupSpec, NoArgs, PaginationOptions, Spec, Table
from confect_core.errors import ConfectError, Mistakes
from confect_server import (
    ActionCtx,
    DataModel,
    FunctionImpl,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    Service,
    impl,
    layers,
    plain,
)
from confect_server.errors import (
    DuplicateImplementation,
    ExtraImplementation,
    MissingImplementation,
    PlainMismatch,
)
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Succeeded
from confect_server.store import MemoryStore


class Thing(Table, name="things"):
    size: int


class Scale(Service):
    """Weighs."""


@plain.query
async def search(ctx: QueryCtx, text: str) -> list[str]:
    return [text]


@plain.paginated_query
async def browse(ctx: QueryCtx, options: PaginationOptions, text: str) -> list[str]:
    return [text]


class Parts(GroupSpec):
    count = FunctionSpec.public_query(returns=int)


class Things(GroupSpec):
    get = FunctionSpec.public_query(returns=int)
    put = FunctionSpec.public_mutation(returns=None)
    weigh = FunctionSpec.public_action(returns=int)
    search = FunctionSpec.plain_public_query(lambda: search)
    browse = FunctionSpec.plain_public_paginated_query(lambda: browse)
    pieces = Parts


class Users(GroupSpec):
    me = FunctionSpec.public_query(returns=str)


async def get(ctx: QueryCtx, args: NoArgs) -> int:
    return 1


async def put(ctx: MutationCtx, args: NoArgs) -> None:
    await ctx.db.table(Thing).insert(size=1)


async def weigh(ctx: ActionCtx[Scale], args: NoArgs) -> int:
    return 3


async def count(ctx: QueryCtx, args: NoArgs) -> int:
    return 2


async def who(ctx: QueryCtx, args: NoArgs) -> str:
    return "you"


@impl(Users.me)
async def me(ctx: QueryCtx, args: NoArgs) -> str:
    return "me"


async def open_scale() -> AsyncIterator[Scale]:
    yield Scale()


SPEC = Spec.make().add(Things).add(Users)
LIVE = layers().add(Scale, open_scale)
MODEL = DataModel((Thing,))

things = (
    GroupImpl.make(Things)
    .provide(FunctionImpl.make(Things.get, get), FunctionImpl.make(Things.put, put))
    .provide(FunctionImpl.make(Things.weigh, weigh))
    .provide(FunctionImpl.make(Things.search, search), FunctionImpl.make(Things.browse, browse))
    .provide(GroupImpl.make(Parts).provide(FunctionImpl.make(Parts.count, count)))
)
users = GroupImpl.make(Users).provide(me)


def refused(*parts: Any) -> list[ConfectError]:
    """Everything that is wrong with an application of these parts."""
    with pytest.raises((ConfectError, Mistakes)) as raised:
        Impl.make(SPEC, LIVE, MODEL).provide(*parts).finalize()
    if isinstance(raised.value, Mistakes):
        return [each for each in raised.value.exceptions if isinstance(each, ConfectError)]
    assert isinstance(raised.value, ConfectError)
    return [raised.value]


def test_what_is_built_is_what_generated_code_makes() -> None:
    app = Impl.make(SPEC, LIVE, MODEL).provide(things, users).finalize()
    assert list(app.groups) == ["things", "things/pieces", "users"]
    group = app.groups["things"]
    assert isinstance(group, GroupImpl)
    assert list(group.functions) == ["get", "put", "weigh"]
    assert group.functions["get"].handler is get
    assert group.plain == {"search": search, "browse": browse}
    assert app.groups["users"].functions == {"me": me}
    assert app.layers is LIVE
    assert app.data_model is MODEL


async def test_what_is_built_runs() -> None:
    app = Impl.make(SPEC, LIVE, MODEL).provide(users, things).finalize()
    async with Backend.open(app, MemoryStore()) as backend:
        for path, answer in (
            ("things:get", b"1"),
            ("things:put", b"null"),
            ("things:weigh", b"3"),
            ("things/pieces:count", b"2"),
            ("users:me", b'"me"'),
        ):
            outcome = await backend.executor.run_any(path, {}, CLIENT)
            assert isinstance(outcome, Succeeded), outcome
            assert outcome.value.removesuffix(b".0") == answer


def test_parts_are_provided_to_a_new_application() -> None:
    empty = Impl.make(SPEC, LIVE, MODEL)
    empty.provide(things, users)
    assert empty.parts == ()
    nothing = GroupImpl.make(Users)
    nothing.provide(me)
    assert nothing.parts == ()


def test_everything_wrong_with_the_whole_tree_is_told_at_once_with_its_place() -> None:
    class Strangers(GroupSpec):
        who = FunctionSpec.public_query(returns=str)

    some = (
        GroupImpl.make(Things)
        .provide(FunctionImpl.make(Things.get, get), FunctionImpl.make(Things.get, count))
        .provide(FunctionImpl.make(Strangers.who, who))
        .provide(GroupImpl.make(Strangers), FunctionImpl.make(Things.search, search))
    )
    found = refused(some, GroupImpl.make(Strangers), users, users)
    told = [(type(each), each.message) for each in found]
    assert told[:6] == [
        (DuplicateImplementation, told[0][1]),
        (ExtraImplementation, told[1][1]),
        (
            ExtraImplementation,
            "group 'strangers' is provided to group 'things', which declares nothing of the kind",
        ),
        (
            ExtraImplementation,
            "group 'strangers' is provided to the application, which declares nothing of the kind",
        ),
        (DuplicateImplementation, told[4][1]),
        (DuplicateImplementation, told[5][1]),
    ]
    assert told[0][1].startswith("things:get is implemented twice, first at ")
    assert told[1][1].startswith("who for <public query declared at ")
    assert told[4][1].startswith("group 'users' is implemented twice, first at ")
    assert told[5][1].startswith("users:me is implemented twice, first at ")
    assert [each.message for each in found[6:]] == [
        f"{path} is declared and not implemented"
        for path in ("things:put", "things:weigh", "things:browse", "things/pieces:count")
    ]
    assert {type(each) for each in found[6:]} == {MissingImplementation}
    assert {each.where.file for each in found if each.where} == {__file__}
    assert found[0].where is not None
    assert found[0].where.line == count.__code__.co_firstlineno


def test_a_group_that_is_missing_misses_each_of_its_functions() -> None:
    assert [each.message for each in refused(things)] == [
        "users:me is declared and not implemented"
    ]


def test_a_plain_function_of_another_kind_is_told_with_the_rest() -> None:
    class Other(GroupSpec):
        search = FunctionSpec.plain_internal_query(lambda: search)
        more = FunctionSpec.public_query(returns=int)

    group = GroupImpl.make(Other).provide(FunctionImpl.make(Other.search, search))
    with pytest.raises(Mistakes) as raised:
        Impl.make(Spec.make().add(Other), layers()).provide(group).finalize()
    assert [type(each) for each in raised.value.exceptions] == [
        PlainMismatch,
        MissingImplementation,
    ]


def test_groups_that_came_whole_are_taken_too() -> None:
    whole = GroupImpl("users", Users, {"me": me}, data_model=MODEL)
    library = GroupImpl("library", GroupSpec.make("library"), {}).add_plain(search)
    app = Impl.make(SPEC, LIVE, MODEL).provide(library, whole, things).finalize()
    assert app.groups["users"] is whole
    assert list(app.groups["library"].plain) == ["search"]
    assert app.data_model is MODEL
    undeclared = GroupImpl("strange", Users, {"me": me})
    assert [type(each) for each in refused(things, whole, users, undeclared)] == [
        ExtraImplementation,
        DuplicateImplementation,
    ]


def test_one_spec_in_two_places_is_implemented_for_each() -> None:
    class Both(GroupSpec):
        left = Parts
        right = Parts

    parts = GroupImpl.make(Parts).provide(FunctionImpl.make(Parts.count, count))
    whole = GroupImpl.make(Both).provide(parts, parts)
    app = Impl.make(Spec.make().add(Both), layers()).provide(whole).finalize()
    assert list(app.groups) == ["both/left", "both/right"]
