"""Refs: how a function is named wherever it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, overload

from typing_extensions import ParamSpec, TypeVar

from confect_core.spec.call import CallCodec, SchemaCall, Signature
from confect_core.spec.declared import (
    ActionSpec,
    BlockingActionSpec,
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
from confect_core.spec.errors import NoSignature

P = ParamSpec("P")
Out = TypeVar("Out")
Out_co = TypeVar("Out_co", covariant=True)


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
    PublicBlockingActionSpec: PublicActionRef,
    PublicProcessActionSpec: PublicActionRef,
    QuerySpec: QueryRef,
    PaginatedQuerySpec: PaginatedQueryRef,
    MutationSpec: MutationRef,
    ActionSpec: ActionRef,
    BlockingActionSpec: ActionRef,
    ProcessActionSpec: ActionRef,
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
    path: str,
    spec: PublicActionSpec[P, object, Out]
    | PublicBlockingActionSpec[P, object, Out]
    | PublicProcessActionSpec[P, object, Out],
    signature: Signature | None = None,
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
    path: str, spec: DeclaredAction[P, object, Out], signature: Signature | None = None
) -> ActionRef[P, Out]: ...
def ref(path: str, spec: Any, signature: Signature | None = None) -> Any:
    """Name a function, a plain one with its signature; generated code is the caller."""
    if spec.is_plain and signature is None:
        raise NoSignature(path, spec.where)
    return _REFS[type(spec)](path, spec, signature or SchemaCall(spec.contract))
