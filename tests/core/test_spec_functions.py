"""The sixteen constructors of functions: what they declare, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field

from confect_core import (
    ActionRef,
    Args,
    FunctionSpec,
    MutationRef,
    NoArgs,
    PaginatedQueryRef,
    PaginationResult,
    PublicActionRef,
    PublicMutationRef,
    PublicPaginatedQueryRef,
    PublicQueryRef,
    QueryRef,
    Ref,
    Signature,
    TaggedError,
    ref,
)
from confect_core.errors import Mistakes
from confect_core.spec import Borrowed, DeclaredFunction, Kind, Schemas
from confect_core.spec.errors import (
    AliasedArgument,
    DeclaredPaginationOpts,
    DuplicateTag,
    NoSignature,
    NotAnError,
    NotArgs,
    OpenArgs,
    ReservedName,
)
from confect_core.values.codec import UnresolvedType
from confect_core.values.uncarryable import Uncarryable
from tests.core.places import place_of, told


class ByName(Args):
    name: str


class NotFound(TaggedError):
    name: str


class Gone(TaggedError):
    pass


async def plain(ctx: object, text: str, *, limit: int = 3) -> list[str]:
    return [text] * limit


async def plain_page(ctx: object, options: object, text: str) -> list[str]:
    return [text]


PAGES = ("public_paginated_query", "internal_paginated_query")
CONSTRUCTORS: list[tuple[str, Kind, bool, type[Ref[..., Any]]]] = [
    ("public_query", "query", True, PublicQueryRef),
    ("public_paginated_query", "paginated query", True, PublicPaginatedQueryRef),
    ("public_mutation", "mutation", True, PublicMutationRef),
    ("public_action", "action", True, PublicActionRef),
    ("internal_query", "query", False, QueryRef),
    ("internal_paginated_query", "paginated query", False, PaginatedQueryRef),
    ("internal_mutation", "mutation", False, MutationRef),
    ("internal_action", "action", False, ActionRef),
]


any_ref: Callable[..., Ref[..., Any]] = ref


def declared(constructor: str, **schemas: Any) -> DeclaredFunction[..., Any, Any]:
    """A function by the name of its constructor, which takes `item` for pages."""
    if constructor in PAGES:
        schemas = {"item": schemas.pop("returns"), **schemas}
    made: DeclaredFunction[..., Any, Any] = getattr(FunctionSpec, constructor)(**schemas)
    return made


@pytest.mark.parametrize(("constructor", "kind", "is_public", "ref_type"), CONSTRUCTORS)
def test_a_constructor_declares_a_kind_and_a_visibility(
    constructor: str, kind: Kind, is_public: bool, ref_type: type[Ref[..., Any]]
) -> None:
    spec: Any = declared(constructor, args=ByName, returns=int, error=NotFound)
    assert (spec.kind, spec.is_public, spec.is_plain) == (kind, is_public, False)
    assert spec.mistakes() == []
    assert isinstance(spec.contract, Schemas)
    assert spec.contract.args is ByName
    assert spec.contract.errors == (NotFound,)
    returns = PaginationResult[int] if constructor in PAGES else int
    assert spec.contract.returns is returns
    visibility = "public" if is_public else "internal"
    assert repr(spec).startswith(f"<{visibility} {kind} declared at ")
    made = any_ref("things:one", spec)
    assert type(made) is ref_type
    assert (made.path, made.spec) == ("things:one", spec)
    assert repr(made) == f"<{ref_type.__name__} things:one>"


@pytest.mark.parametrize(("constructor", "kind", "is_public", "ref_type"), CONSTRUCTORS)
def test_a_plain_constructor_borrows_a_signature_without_looking_at_it(
    constructor: str, kind: Kind, is_public: bool, ref_type: type[Ref[..., Any]]
) -> None:
    def never_called() -> Any:
        raise AssertionError("the function lives where clients may not look")

    spec: Any = getattr(FunctionSpec, f"plain_{constructor}")(never_called)
    assert (spec.kind, spec.is_public, spec.is_plain) == (kind, is_public, True)
    assert spec.mistakes() == []
    assert spec.contract == Borrowed(never_called)
    made = any_ref("things:one", spec, Signature(returns=int))
    assert type(made) is ref_type
    with pytest.raises(NoSignature, match=r"things:one.*confect codegen") as refused:
        ref("things:one", spec)
    assert refused.value.where == spec.where


def test_a_function_without_arguments_takes_none() -> None:
    spec = FunctionSpec.public_query(returns=int)
    assert isinstance(spec.contract, Schemas)
    assert spec.contract.args is NoArgs
    assert spec.contract.errors == ()


def test_errors_are_joined_by_a_bar() -> None:
    spec = FunctionSpec.public_mutation(returns=None, error=NotFound | Gone)
    assert isinstance(spec.contract, Schemas)
    assert spec.contract.errors == (NotFound, Gone)
    assert spec.mistakes() == []


def test_a_declaration_knows_its_line() -> None:
    one = FunctionSpec.public_query(returns=int)  # here: query
    two = FunctionSpec.plain_internal_action(lambda: plain)  # here: plain action
    assert one.where == place_of(__file__, "query")
    assert two.where == place_of(__file__, "plain action")


def test_what_is_no_args_model_is_refused() -> None:
    class Model(BaseModel):
        name: str

    spec = FunctionSpec.public_query(args=Model, returns=int)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType, reportCallIssue]  # the mistake  # here: args
    (mistake,) = spec.mistakes()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # of a wrong call
    assert type(mistake) is NotArgs  # pyright: ignore[reportUnknownArgumentType]  # of a wrong call
    assert mistake.where == place_of(__file__, "args")


def test_every_mistake_of_a_function_is_told_at_once() -> None:
    class Twice(Args):
        bad: complex

    first: Any = type("Twin", (TaggedError,), {})
    second: Any = type("Twin", (TaggedError,), {"__annotations__": {"bad": complex}})
    spec: Any = FunctionSpec.public_query(args=Twice, returns=list[complex], error=first | second)
    assert [type(mistake) for mistake in spec.mistakes()] == [
        DuplicateTag,
        Uncarryable,
        Uncarryable,
        Uncarryable,
    ]
    paths = [each.path for each in spec.mistakes() if isinstance(each, Uncarryable)]
    assert paths == ["args.bad", "returns[]", "Twin.bad"]
    assert {mistake.where for mistake in spec.mistakes()} == {spec.where}


def test_what_is_no_tagged_error_is_refused() -> None:
    spec: Any = declared("public_query", returns=int, error=NotFound | ValueError | str)
    assert told(spec.mistakes()) == [("NotAnError", spec.where)] * 2
    assert "ValueError" in spec.mistakes()[0].message
    assert isinstance(spec.mistakes()[1], NotAnError)


def test_fields_that_every_error_has_are_refused() -> None:
    class Shadowing(TaggedError):
        tag: str  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride, reportIncompatibleUnannotatedOverride]  # the mistake
        add_note: str  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride]  # the mistake
        reason: str

    mistakes = declared("public_query", returns=int, error=Shadowing).mistakes()
    assert [type(mistake) for mistake in mistakes] == [ReservedName, ReservedName]
    assert "'tag'" in mistakes[0].message
    assert "'add_note'" in mistakes[1].message


def test_an_item_that_cannot_travel_is_no_error_before_the_whole_is_looked_at() -> None:
    class Stranger:
        pass

    spec = FunctionSpec.public_paginated_query(item=Stranger)
    (mistake,) = spec.mistakes()
    assert type(mistake) is Uncarryable
    (mistake,) = FunctionSpec.internal_paginated_query(item=complex).mistakes()
    assert isinstance(mistake, Uncarryable)
    assert mistake.path == "returns.page[]"


def test_every_mistake_of_an_args_model_is_told_at_once_where_it_is_made() -> None:
    with pytest.raises(Mistakes) as refused:

        class Wrong(Args, extra="allow"):  # pyright: ignore[reportUnusedClass]  # here: wrong args
            name: str = Field(alias="Name")
            size: int = Field(validation_alias="Size")
            pagination_opts: int

    where = place_of(__file__, "wrong args")
    assert told(refused.value.exceptions) == [
        ("AliasedArgument", where),
        ("AliasedArgument", where),
        ("DeclaredPaginationOpts", where),
        ("OpenArgs", where),
    ]
    assert str(refused.value).startswith("Wrong has 4 mistakes\n  - ")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, DeclaredPaginationOpts),
        ({"model_config": {"extra": "ignore"}, "__annotations__": {}}, OpenArgs),
        (
            {"name": Field(serialization_alias="n"), "__annotations__": {"name": str}},
            AliasedArgument,
        ),
    ],
)
def test_one_mistake_of_an_args_model_is_raised_as_itself(
    body: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        type("Wrong", (Args,), {"__annotations__": {"pagination_opts": int}, **body})


def test_args_are_closed_and_frozen() -> None:
    with pytest.raises(ValueError, match="extra"):
        ByName(name="a", nam="b")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # the mistake
    given = ByName(name="a")
    with pytest.raises(ValueError, match="frozen"):
        given.name = "b"  # pyright: ignore[reportAttributeAccessIssue]  # the mistake


def test_a_declaration_that_names_a_later_type_is_looked_at_again() -> None:
    spec = FunctionSpec.public_query(returns=Early)
    early, late = spec.early_mistakes(), spec.mistakes()
    assert early == []
    assert [type(mistake) for mistake in late] == [UnresolvedType]
    assert late[0].where == spec.where


class Early(BaseModel):
    later: NeverDefined  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # as meant


def test_declaring_compiles_nothing() -> None:
    spec = FunctionSpec.public_query(args=ByName, returns=int, error=NotFound)
    ref("things:one", spec)
    assert isinstance(spec.contract, Schemas)
    assert not vars(spec.contract).keys() & {"args_codec", "returns_codec"}
    assert "codecs" not in vars(spec.contract.declared_errors)
