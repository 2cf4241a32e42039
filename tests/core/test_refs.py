"""Refs: which class names which sort of function, and what a plain one has to say."""

from __future__ import annotations

import pytest

from confect_core import (
    ActionRef,
    FunctionSpec,
    MutationRef,
    PaginatedQueryRef,
    PublicActionRef,
    PublicMutationRef,
    PublicPaginatedQueryRef,
    PublicQueryRef,
    QueryRef,
    Ref,
    Signature,
    ref,
)
from confect_core.spec import AnyFunction
from confect_core.spec.errors import NoSignature

KINDS: dict[str, tuple[type[Ref[..., object]], type[Ref[..., object]]]] = {
    "query": (PublicQueryRef, QueryRef),
    "paginated_query": (PublicPaginatedQueryRef, PaginatedQueryRef),
    "mutation": (PublicMutationRef, MutationRef),
    "action": (PublicActionRef, ActionRef),
}
SIGNATURE = Signature(returns=int)


async def plain(ctx: object) -> int:
    return 1


def spec_of(constructor: str) -> AnyFunction:
    """What a constructor of `FunctionSpec` declares, with the least that it takes."""
    make = getattr(FunctionSpec, constructor)
    if constructor.startswith("plain"):
        spec: AnyFunction = make(lambda: plain)
    elif constructor.endswith("paginated_query"):
        spec = make(item=int)
    else:
        spec = make(returns=int)
    return spec


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_public", [True, False])
@pytest.mark.parametrize("prefix", ["", "plain_"])
def test_a_ref_is_of_the_class_that_its_spec_says(kind: str, is_public: bool, prefix: str) -> None:
    spec = spec_of(f"{prefix}{'public' if is_public else 'internal'}_{kind}")
    made = ref("notes:f", spec, SIGNATURE if prefix else None)

    public, internal = KINDS[kind]
    assert type(made) is (public if is_public else internal)
    assert isinstance(made, internal), "who may call an internal function may call a public one"
    assert (made.path, made.spec) == ("notes:f", spec)


@pytest.mark.parametrize("where", ["blocking", "process"])
@pytest.mark.parametrize("visibility", ["public", "internal"])
def test_an_action_is_named_alike_wherever_it_runs(visibility: str, where: str) -> None:
    spec = getattr(FunctionSpec, f"{visibility}_action")(returns=int, **{where: True})
    assert type(ref("notes:f", spec)) is KINDS["action"][visibility == "internal"]


def test_a_plain_function_is_named_with_its_signature() -> None:
    spec = FunctionSpec.plain_public_query(lambda: plain)
    with pytest.raises(NoSignature, match="notes:f is a plain function"):
        ref("notes:f", spec)
    assert ref("notes:f", spec, SIGNATURE).call is SIGNATURE
