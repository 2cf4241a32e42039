"""Refs: how a function is named wherever it is called."""

from __future__ import annotations

from typing import Any, Final, Generic, Protocol, cast, overload

from typing_extensions import ParamSpec, TypeForm, TypeVar

from confect_core.errors import TaggedError
from confect_core.outcome import Outcome
from confect_core.spec.call import CallCodec, SchemaCall, Signature
from confect_core.spec.declared import (
    ActionSpec,
    BlockingActionSpec,
    Borrowed,
    DeclaredAction,
    DeclaredFunction,
    MutationSpec,
    PaginatedQuerySpec,
    ProcessActionSpec,
    PublicActionSpec,
    PublicBlockingActionSpec,
    PublicMutationSpec,
    PublicPaginatedQuerySpec,
    PublicProcessActionSpec,
    PublicQuerySpec,
    QuerySpec,
)
from confect_core.spec.declared_errors import DeclaredErrors
from confect_core.spec.errors import NoSignature

P = ParamSpec("P")
Out = TypeVar("Out")
Out_co = TypeVar("Out_co", covariant=True)
E = TypeVar("E", bound=TaggedError)
E2 = TypeVar("E2", bound=TaggedError)
R = TypeVar("R", bound="Ref[..., Any]")
R_co = TypeVar("R_co", covariant=True, bound="Ref[..., Any]")


class Ref(Generic[P, Out_co]):
    """A path on the wire with the spec that types it and the codec that carries its calls."""

    # no dataclass: pydantic would take handles, which are refs, for records of these fields

    def __init__(
        self, path: str, spec: DeclaredFunction[P, object, Out_co], call: CallCodec
    ) -> None:
        self.path: Final = path
        self.spec: Final = spec
        self.call: Final = call

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"


class QueryRef(Ref[P, Out_co]):
    """Names a query."""


class PaginatedQueryRef(Ref[P, Out_co]):
    """Names a paginated query."""


class MutationRef(Ref[P, Out_co]):
    """Names a mutation."""


class ActionRef(Ref[P, Out_co]):
    """Names an action."""


class PublicQueryRef(QueryRef[P, Out_co]):
    """Names a query that clients may call."""


class PublicPaginatedQueryRef(PaginatedQueryRef[P, Out_co]):
    """Names a paginated query that clients may call."""


class PublicMutationRef(MutationRef[P, Out_co]):
    """Names a mutation that clients may call."""


class PublicActionRef(ActionRef[P, Out_co]):
    """Names an action that clients may call."""


_REFS: dict[type[Any], type[Ref[..., Any]]] = {
    PublicQuerySpec: PublicQueryRef,
    PublicPaginatedQuerySpec: PublicPaginatedQueryRef,
    PublicMutationSpec: PublicMutationRef,
    PublicActionSpec: PublicActionRef,
    PublicBlockingActionSpec: PublicActionRef,
    PublicProcessActionSpec: PublicActionRef,
    QuerySpec: QueryRef,
    PaginatedQuerySpec: PaginatedQueryRef,
    MutationSpec: MutationRef,
    ActionSpec: ActionRef,
    BlockingActionSpec: ActionRef,
    ProcessActionSpec: ActionRef,
}


class Nameable(Protocol[R_co]):
    """A declared function, by the class of refs that name it; covariant, as specs are not."""

    def _named(self) -> R_co: ...


def ref(path: str, spec: Nameable[R], signature: Signature | None = None) -> R:
    """Name a function, a plain one with its signature; generated code is the caller."""
    declared = cast("DeclaredFunction[..., Any, Any]", spec)
    call: CallCodec
    if signature is not None:
        call = signature
    elif isinstance(declared.contract, Borrowed):
        raise NoSignature(path, declared.where)
    else:
        call = SchemaCall(declared.contract)
    return cast("R", _REFS[type(declared)](path, declared, call))


@overload
def ref_behind(
    path: str, spec: PublicQuerySpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> PublicQueryRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: PublicQuerySpec[P, object, Out], error: TypeForm[E2]
) -> PublicQueryRef[P, Outcome[Out, E2]]: ...
@overload
def ref_behind(
    path: str, spec: PublicPaginatedQuerySpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> PublicPaginatedQueryRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: PublicPaginatedQuerySpec[P, object, Out], error: TypeForm[E2]
) -> PublicPaginatedQueryRef[P, Outcome[Out, E2]]: ...
@overload
def ref_behind(
    path: str, spec: PublicMutationSpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> PublicMutationRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: PublicMutationSpec[P, object, Out], error: TypeForm[E2]
) -> PublicMutationRef[P, Outcome[Out, E2]]: ...
@overload
def ref_behind(
    path: str,
    spec: PublicActionSpec[P, object, Outcome[Out, E]]
    | PublicBlockingActionSpec[P, object, Outcome[Out, E]]
    | PublicProcessActionSpec[P, object, Outcome[Out, E]],
    error: TypeForm[E2],
) -> PublicActionRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str,
    spec: PublicActionSpec[P, object, Out]
    | PublicBlockingActionSpec[P, object, Out]
    | PublicProcessActionSpec[P, object, Out],
    error: TypeForm[E2],
) -> PublicActionRef[P, Outcome[Out, E2]]: ...
@overload
def ref_behind(
    path: str, spec: QuerySpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> QueryRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: QuerySpec[P, object, Out], error: TypeForm[E2]
) -> QueryRef[P, Outcome[Out, E2]]: ...
@overload
def ref_behind(
    path: str, spec: PaginatedQuerySpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> PaginatedQueryRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: PaginatedQuerySpec[P, object, Out], error: TypeForm[E2]
) -> PaginatedQueryRef[P, Outcome[Out, E2]]: ...
@overload
def ref_behind(
    path: str, spec: MutationSpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> MutationRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: MutationSpec[P, object, Out], error: TypeForm[E2]
) -> MutationRef[P, Outcome[Out, E2]]: ...
@overload
def ref_behind(
    path: str, spec: DeclaredAction[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> ActionRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: DeclaredAction[P, object, Out], error: TypeForm[E2]
) -> ActionRef[P, Outcome[Out, E2]]: ...
def ref_behind(path: str, spec: Any, error: Any) -> Any:
    """Name a function that also fails with the errors of its middleware, several joined with `|`.

    Generated code is the caller.
    """
    return _REFS[type(spec)](path, spec, SchemaCall(spec.contract, DeclaredErrors.of(error)))
