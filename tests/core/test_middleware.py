"""Middleware as it is declared: what joins, what is provided, and what cannot be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import new_class
from typing import Any, Never

import pytest
from pydantic import BaseModel
from returns.result import Failure, Success

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Middleware,
    Mistakes,
    NoArgs,
    Provided,
    Spec,
    TaggedError,
    ref,
    ref_behind,
)
from confect_core.errors import SpecError
from confect_core.spec import Group
from confect_core.spec.errors import (
    ArgsNotExtended,
    BehindTwice,
    DuplicateTag,
    NotAnError,
    NotArgs,
    NotMiddleware,
    NotProvidable,
    PlainBehind,
    UncoveredKind,
    UnknownKind,
    UnmetRequirement,
)
from confect_core.spec.group import group_of


class NotSignedIn(TaggedError):
    pass


class Banned(TaggedError):
    until: float


class NoTenant(TaggedError):
    name: str


class CurrentUser(Provided):
    pass


class Tenant(Provided):
    pass


class SignedIn(Middleware[NotSignedIn | Banned, CurrentUser]):
    pass


class InTenant(Middleware[NoTenant, Tenant, CurrentUser]):
    pass


class Quick(Middleware, kinds=["query"]):
    pass


class ByName(Args):
    name: str


def one(group: type[GroupSpec] | Group) -> Any:
    node = group_of(group, "the test")
    (function,) = node.functions.values()
    return function.passes(node.middleware)


def test_a_declaration_says_what_it_fails_with_provides_and_requires() -> None:
    assert SignedIn.errors.classes == (NotSignedIn, Banned)
    assert (SignedIn.provides, SignedIn.requires) == (CurrentUser, ())
    assert (InTenant.errors.classes, InTenant.provides) == ((NoTenant,), Tenant)
    assert InTenant.requires == (CurrentUser,)
    assert SignedIn.kinds == frozenset({"query", "mutation", "action"})
    assert (Quick.errors.classes, Quick.provides) == ((), None)
    assert Quick.kinds == frozenset({"query"})


def test_several_may_be_required_and_none_may_fail() -> None:
    class Silent(Middleware[Never, None, CurrentUser | Tenant]):
        pass

    assert Silent.errors.classes == ()
    assert (Silent.provides, Silent.requires) == (None, (CurrentUser, Tenant))


def test_middleware_that_extends_another_declares_the_same() -> None:
    class Stricter(SignedIn, kinds=["mutation"]):
        pass

    assert Stricter.errors is SignedIn.errors
    assert Stricter.provides is CurrentUser
    assert Stricter.kinds == frozenset({"mutation"})


def test_the_middleware_of_a_group_comes_before_that_of_a_function() -> None:
    class Notes(GroupSpec, behind=[SignedIn]):
        get = FunctionSpec.public_query(returns=int).behind(InTenant, Quick)

    chain = one(Notes)
    assert chain.middleware == (SignedIn, InTenant, Quick)
    assert chain.joined.classes == (NotSignedIn, Banned, NoTenant)
    assert chain.provided == (CurrentUser, Tenant)


def test_being_behind_makes_another_spec_and_changes_none() -> None:
    spec = FunctionSpec.public_query(returns=int)
    guarded = spec.behind(SignedIn)

    assert spec.middleware == ()
    assert type(guarded) is type(spec)
    assert (guarded.contract, guarded.middleware) == (spec.contract, (SignedIn,))
    group = GroupSpec.make("notes")
    assert (group.behind(SignedIn).middleware, group.middleware) == ((SignedIn,), ())


def test_groups_below_a_group_are_not_behind_its_middleware() -> None:
    class Outer(GroupSpec, behind=[SignedIn]):
        class Inner(GroupSpec):
            get = FunctionSpec.public_query(returns=int)

    (inner,) = group_of(Outer, "the test").groups.values()
    assert one(inner).middleware == ()


def test_a_group_that_extends_another_is_behind_its_middleware_too() -> None:
    class Base(GroupSpec, behind=[SignedIn]):
        get = FunctionSpec.public_query(returns=int)

    class Extended(Base, behind=[InTenant]):
        pass

    assert one(Extended).middleware == (SignedIn, InTenant)


def test_a_ref_knows_the_errors_of_the_middleware() -> None:
    spec = FunctionSpec.public_query(returns=int, error=NoTenant)
    call = ref_behind("notes:get", spec, NotSignedIn | Banned).call

    assert call.decode_error({"_tag": "Banned", "until": 3.0}) == Failure(Banned(until=3.0))
    assert call.decode_error({"_tag": "NoTenant", "name": "x"}) == Failure(NoTenant(name="x"))
    assert call.decode_error({"_tag": "Other"}) is None
    assert ref("notes:get", spec).call.decode_error({"_tag": "NotSignedIn"}) is None


def test_a_function_without_errors_answers_an_outcome_behind_one_that_fails() -> None:
    spec = FunctionSpec.public_query(returns=int)

    assert ref("notes:get", spec).call.decode_result(3.0) == 3
    assert ref_behind("notes:get", spec, NotSignedIn).call.decode_result(3.0) == Success(3)


def refused(make: Callable[[], object]) -> list[type[Any]]:
    """The classes of what making something is refused with."""
    with pytest.raises((SpecError, Mistakes)) as caught:
        make()
    several = caught.value.exceptions if isinstance(caught.value, Mistakes) else [caught.value]
    return [type(each) for each in several]


def test_a_declaration_that_cannot_be_is_refused() -> None:
    def fails() -> object:
        class Made(Middleware[ValueError]): ...

        return Made

    def provides() -> object:
        class Made(Middleware[Never, int]): ...

        return Made

    def requires() -> object:
        class Made(Middleware[Never, None, str]): ...

        return Made

    def strange() -> object:
        kinds: Any = ["route"]

        class Made(Middleware, kinds=kinds): ...

        return Made

    assert refused(fails) == [NotAnError]
    assert refused(provides) == refused(requires) == [NotProvidable]
    assert refused(strange) == [UnknownKind]


def test_errors_that_cannot_travel_are_found_once_everything_is_loaded() -> None:
    class Model(BaseModel):
        bad: complex

    class Uncarried(TaggedError):
        model: Model

    class Fails(Middleware[Uncarried]):
        pass

    spec = Spec.make().add(GroupSpec.make("notes").behind(Fails))
    (mistake,) = spec.mistakes()
    assert mistake.where == Fails.where


def test_a_function_is_behind_a_middleware_once() -> None:
    get = FunctionSpec.public_query(returns=int)
    assert refused(lambda: get.behind(SignedIn, SignedIn)) == [BehindTwice]
    assert refused(lambda: get.behind(SignedIn).behind(SignedIn)) == [BehindTwice]
    notes = GroupSpec.make("notes").behind(SignedIn)
    assert refused(lambda: notes.add_function("get", get.behind(SignedIn))) == [BehindTwice]
    added = GroupSpec.make("notes").add_function("get", get.behind(SignedIn))
    assert refused(lambda: added.behind(SignedIn)) == [BehindTwice]


def test_a_function_of_a_kind_that_is_not_covered_is_refused() -> None:
    page = FunctionSpec.public_paginated_query(item=int).behind(Quick)
    assert page.middleware == (Quick,)
    write = FunctionSpec.public_mutation(returns=int)
    assert refused(lambda: write.behind(Quick)) == [UncoveredKind]
    group = GroupSpec.make("notes").behind(Quick)
    assert refused(lambda: group.add_function("write", write)) == [UncoveredKind]


async def plain(ctx: object) -> int:
    return 1


def borrowed() -> Callable[[object], Awaitable[int]]:
    return plain


def test_a_plain_function_is_not_behind_middleware_by_itself_nor_by_its_group() -> None:
    spec = FunctionSpec.plain_public_query(borrowed)
    assert refused(lambda: spec.behind(Quick)) == [PlainBehind]
    group = GroupSpec.make("notes").behind(Quick)
    assert refused(lambda: group.add_function("plain", spec)) == [PlainBehind]


def test_what_is_required_is_provided_before() -> None:
    get = FunctionSpec.public_query(returns=int).behind(InTenant)
    notes = GroupSpec.make("notes")
    assert refused(lambda: notes.add_function("get", get)) == [UnmetRequirement]
    late = FunctionSpec.public_query(returns=int).behind(InTenant, SignedIn)
    assert refused(lambda: notes.add_function("get", late)) == [UnmetRequirement]
    assert notes.behind(SignedIn).add_function("get", get).functions == {"get": get}


def test_two_errors_of_one_tag_are_refused() -> None:
    twin: Any = type("NotSignedIn", (TaggedError,), {})
    get = FunctionSpec.public_query(args=ByName, returns=int, error=twin)
    assert refused(lambda: get.behind(SignedIn)) == [DuplicateTag]
    same = FunctionSpec.public_query(args=NoArgs, returns=int, error=NotSignedIn).behind(SignedIn)
    assert same.passes().joined.classes == (NotSignedIn, Banned)


def test_the_class_form_tells_every_mistake_at_once() -> None:
    def make() -> object:
        class Notes(GroupSpec, behind=[Quick]):
            put = FunctionSpec.public_mutation(returns=int)
            plain = FunctionSpec.plain_public_query(borrowed)

        return Notes

    assert refused(make) == [UncoveredKind, PlainBehind]


class Addressed(Middleware[Never, None, Never, ByName]):
    pass


class ByNameAndSize(ByName):
    size: int


def test_a_middleware_takes_the_arguments_that_it_declares_or_any() -> None:
    assert Addressed.takes is ByName
    assert SignedIn.takes is Args
    spec = FunctionSpec.public_query(args=ByNameAndSize, returns=int).behind(Addressed)
    assert spec.middleware == (Addressed,)


@pytest.mark.parametrize(
    "declare",
    [
        lambda: FunctionSpec.public_query(returns=int).behind(Addressed),
        lambda: (
            GroupSpec.make("a")
            .add_function("b", FunctionSpec.public_query(returns=int))
            .behind(Addressed)
        ),
        lambda: (
            GroupSpec.make("a")
            .behind(Addressed)
            .add_function("b", FunctionSpec.public_mutation(returns=int))
        ),
        lambda: type(
            "Made", (GroupSpec,), {"b": FunctionSpec.public_query(returns=int)}, behind=[Addressed]
        ),
    ],
)
def test_a_function_takes_what_its_middleware_looks_at(declare: Callable[[], object]) -> None:
    with pytest.raises(ArgsNotExtended, match="takes NoArgs, and Addressed looks at those of By"):
        declare()


def test_what_a_middleware_looks_at_is_a_model_of_arguments() -> None:
    with pytest.raises(NotArgs):
        new_class("Made", (Middleware[Never, None, Never, int],))


STRANGER: Any = CurrentUser
INSTANCE: Any = SignedIn()


@pytest.mark.parametrize("given", [STRANGER, INSTANCE, 3])
def test_only_middleware_is_something_to_be_behind(given: Any) -> None:
    with pytest.raises(NotMiddleware, match="which is no middleware"):
        FunctionSpec.public_query(returns=int).behind(given)
    with pytest.raises(NotMiddleware, match="which is no middleware"):
        new_class("Made", (Some,), {"behind": [given]})


class Some(GroupSpec):
    get = FunctionSpec.public_query(returns=int)
