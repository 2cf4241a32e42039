"""`FunctionImpl`: a declared function with its logic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, Never, TypeAlias, overload

from typing_extensions import ParamSpec, TypeVar

from confect_core import PaginationOptions
from confect_core.errors import Where
from confect_core.spec import (
    ActionSpec,
    BlockingActionSpec,
    DeclaredFunction,
    MutationSpec,
    PaginatedQuerySpec,
    ProcessActionSpec,
    QuerySpec,
    Unmodelled,
)
from confect_server.blocking import BlockingActionCtx
from confect_server.ctx import ActionCtx, MutationCtx, QueryCtx
from confect_server.plain import place_of

P = ParamSpec("P")
A = TypeVar("A")
Out = TypeVar("Out")
N = TypeVar("N")
A_co = TypeVar("A_co", covariant=True)
Out_co = TypeVar("Out_co", covariant=True)
N_co = TypeVar("N_co", covariant=True, default=Never)

Handler: TypeAlias = Callable[..., Awaitable[object]]
SyncHandler: TypeAlias = Callable[..., object]


@dataclass(frozen=True, eq=False)
class FunctionImpl(Generic[A_co, Out_co, N_co]):
    """A declared function with its logic; `N` is the union of services that the logic asks for."""

    spec: DeclaredFunction[..., Any, Any]
    handler: Handler | SyncHandler
    """A coroutine function, except for actions that run in a thread or in a process."""

    @overload
    @staticmethod
    def make(
        spec: QuerySpec[P, Unmodelled, Out],
        handler: Callable[Concatenate[QueryCtx[N, Any], P], Awaitable[Out]],
    ) -> FunctionImpl[Unmodelled, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: PaginatedQuerySpec[P, Unmodelled, Out],
        handler: Callable[Concatenate[QueryCtx[N, Any], PaginationOptions, P], Awaitable[Out]],
    ) -> FunctionImpl[Unmodelled, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: MutationSpec[P, Unmodelled, Out],
        handler: Callable[Concatenate[MutationCtx[N, Any], P], Awaitable[Out]],
    ) -> FunctionImpl[Unmodelled, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: ActionSpec[P, Unmodelled, Out],
        handler: Callable[Concatenate[ActionCtx[N], P], Awaitable[Out]],
    ) -> FunctionImpl[Unmodelled, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: QuerySpec[..., A, Out],
        handler: Callable[[QueryCtx[N, Any], A], Awaitable[Out]],
    ) -> FunctionImpl[A, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: PaginatedQuerySpec[..., A, Out],
        handler: Callable[[QueryCtx[N, Any], A, PaginationOptions], Awaitable[Out]],
    ) -> FunctionImpl[A, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: MutationSpec[..., A, Out],
        handler: Callable[[MutationCtx[N, Any], A], Awaitable[Out]],
    ) -> FunctionImpl[A, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: ActionSpec[..., A, Out],
        handler: Callable[[ActionCtx[N], A], Awaitable[Out]],
    ) -> FunctionImpl[A, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: BlockingActionSpec[..., A, Out], handler: Callable[[BlockingActionCtx[N], A], Out]
    ) -> FunctionImpl[A, Out, N]: ...
    @overload
    @staticmethod
    def make(
        spec: ProcessActionSpec[..., A, Out], handler: Callable[[A], Out]
    ) -> FunctionImpl[A, Out]: ...
    @staticmethod
    def make(spec: Any, handler: Handler | SyncHandler) -> FunctionImpl[Any, Any, Any]:
        """A declared function with its logic, as `@impl` makes it; a plain one as it is."""
        return FunctionImpl(spec, handler)

    @property
    def name(self) -> str:
        """The name of the handler, for those who read errors."""
        return getattr(self.handler, "__qualname__", repr(self.handler))

    @property
    def where(self) -> Where:
        """The line where the handler is written."""
        return place_of(self.handler)

    def _needs(self) -> tuple[A_co, Out_co, N_co]:
        # never called: it is how type checkers learn the variance of A, Out and N
        raise NotImplementedError
