"""Refs: how a function is named wherever it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, overload

from typing_extensions import ParamSpec, TypeForm, TypeVar

from confect_core.errors import TaggedError
from confect_core.outcome import Outcome
from confect_core.spec.call import CallCodec, SchemaCall, Signature
from confect_core.spec.declared import (
    ActionSpec,
    DeclaredFunction,
    MutationSpec,
    PaginatedQuerySpec,
    PublicActionSpec,
    PublicMutationSpec,
    PublicPaginatedQuerySpec,
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


@dataclass(frozen=True, eq=False)
class Ref(Generic[P, Out_co]):
    """A path on the wire with the spec that types it and the codec that carries its calls."""

    path: str
    spec: DeclaredFunction[P, object, Out_co]
    call: CallCodec

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
    QuerySpec: QueryRef,
    PaginatedQuerySpec: PaginatedQueryRef,
    MutationSpec: MutationRef,
    ActionSpec: ActionRef,
}


@overload
def ref(
    path: str, spec: PublicQuerySpec[P, object, Out], signature: Signature | None = None
) -> PublicQueryRef[P, Out]: ...
@overload
def ref(
    path: str, spec: PublicPaginatedQuerySpec[P, object, Out], signature: Signature | None = None
) -> PublicPaginatedQueryRef[P, Out]: ...
@overload
def ref(
    path: str, spec: PublicMutationSpec[P, object, Out], signature: Signature | None = None
) -> PublicMutationRef[P, Out]: ...
@overload
def ref(
    path: str, spec: PublicActionSpec[P, object, Out], signature: Signature | None = None
) -> PublicActionRef[P, Out]: ...
@overload
def ref(
    path: str, spec: QuerySpec[P, object, Out], signature: Signature | None = None
) -> QueryRef[P, Out]: ...
@overload
def ref(
    path: str, spec: PaginatedQuerySpec[P, object, Out], signature: Signature | None = None
) -> PaginatedQueryRef[P, Out]: ...
@overload
def ref(
    path: str, spec: MutationSpec[P, object, Out], signature: Signature | None = None
) -> MutationRef[P, Out]: ...
@overload
def ref(
    path: str, spec: ActionSpec[P, object, Out], signature: Signature | None = None
) -> ActionRef[P, Out]: ...
def ref(path: str, spec: Any, signature: Signature | None = None) -> Any:
    """Name a function, a plain one with its signature; generated code is the caller."""
    if spec.is_plain and signature is None:
        raise NoSignature(path, spec.where)
    return _REFS[type(spec)](path, spec, signature or SchemaCall(spec.contract))


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
    path: str, spec: PublicActionSpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> PublicActionRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: PublicActionSpec[P, object, Out], error: TypeForm[E2]
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
    path: str, spec: ActionSpec[P, object, Outcome[Out, E]], error: TypeForm[E2]
) -> ActionRef[P, Outcome[Out, E | E2]]: ...
@overload
def ref_behind(
    path: str, spec: ActionSpec[P, object, Out], error: TypeForm[E2]
) -> ActionRef[P, Outcome[Out, E2]]: ...
def ref_behind(path: str, spec: Any, error: Any) -> Any:
    """Name a function that also fails with the errors of its middleware, several joined with `|`.

    Generated code is the caller.
    """
    return _REFS[type(spec)](path, spec, SchemaCall(spec.contract, DeclaredErrors.of(error)))
