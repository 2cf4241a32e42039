"""The decorators that implement middleware: before, or around, functions of which kinds."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Never, TypeAlias, Union, overload

from returns.result import Failure
from typing_extensions import TypeVar

from confect_core import Middleware, Outcome
from confect_core.errors import Where
from confect_core.spec import CoveredKind
from confect_core.spec.middleware import KINDS
from confect_server.ctx import ActionCtx, Ctx, MutationCtx, QueryCtx
from confect_server.middleware.call import Answer, Call, MiddlewareImpl, Proceed

A = TypeVar("A")
C = TypeVar("C")
E = TypeVar("E")
V = TypeVar("V")
R = TypeVar("R")
N = TypeVar("N", default=Never)
M = TypeVar("M", bound=Middleware[object, object, object, object])
M_co = TypeVar("M_co", covariant=True)

# `|` gives no generic alias at run time
_First: TypeAlias = Union[  # noqa: UP007
    Callable[[C], Awaitable[Union[V, Outcome[V, E]]]],  # noqa: UP007
    Callable[[C, Call[A]], Awaitable[Union[V, Outcome[V, E]]]],  # noqa: UP007
]
_Whole: TypeAlias = Callable[[C, Call[A], Proceed[V]], Awaitable[Union[Answer, Failure[E]]]]  # noqa: UP007


class _Implementing(Generic[M_co]):
    def __init__(self, spec: type[M_co], *, is_around: bool, where: Where) -> None:
        self._spec: Any = spec
        self._is_around = is_around
        self._where = where

    def _made(self, handler: Any, *kinds: CoveredKind) -> MiddlewareImpl[Any, Any]:
        takes_call = self._is_around or len(inspect.signature(handler).parameters) > 1
        return MiddlewareImpl(self._spec, kinds, handler, self._is_around, self._where, takes_call)


class Before(_Implementing[M_co]):
    """Implements a middleware by what runs first: give it an async function of the ctx.

    With a second parameter, `call: Call[ByTenant]`, it is given the call with its arguments.

    The function answers what the middleware provides, None if that is nothing, or a declared error
    that ends the call; an `Outcome` of both, or the value alone, and errors may be raised as well.
    """

    @overload
    def __call__(
        self: Before[Middleware[E, V, R, A]], handler: _First[QueryCtx[R, Any], V, E, A], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def __call__(
        self: Before[Middleware[E, V, R, A]], handler: _First[QueryCtx[N | R, Any], V, E, A], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def __call__(self, handler: Any, /) -> Any:
        """For queries and mutations; in a mutation it reads, as a part of the transaction."""
        return self._made(handler, "query", "mutation")

    @overload
    def for_queries(
        self: Before[Middleware[E, V, R, A]], handler: _First[QueryCtx[R, Any], V, E, A], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_queries(
        self: Before[Middleware[E, V, R, A]], handler: _First[QueryCtx[N | R, Any], V, E, A], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_queries(self, handler: Any, /) -> Any:
        """For queries only, where mutations have an implementation of their own."""
        return self._made(handler, "query")

    @overload
    def for_mutations(
        self: Before[Middleware[E, V, R, A]], handler: _First[MutationCtx[R, Any], V, E, A], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_mutations(
        self: Before[Middleware[E, V, R, A]], handler: _First[MutationCtx[N | R, Any], V, E, A], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_mutations(self, handler: Any, /) -> Any:
        """For mutations, where it may write; that is undone with what the mutation writes."""
        return self._made(handler, "mutation")

    @overload
    def for_actions(
        self: Before[Middleware[E, V, R, A]], handler: _First[ActionCtx[R], V, E, A], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_actions(
        self: Before[Middleware[E, V, R, A]], handler: _First[ActionCtx[N | R], V, E, A], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_actions(self, handler: Any, /) -> Any:
        """For actions."""
        return self._made(handler, "action")

    @overload
    def for_all(
        self: Before[Middleware[E, V, R, A]], handler: _First[Ctx[R], V, E, A], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_all(
        self: Before[Middleware[E, V, R, A]], handler: _First[Ctx[N | R], V, E, A], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_all(self, handler: Any, /) -> Any:
        """For every kind, with what each kind of ctx has."""
        return self._made(handler, *KINDS)


class Around(_Implementing[M_co]):
    """Implements a middleware by what runs around: give it a function of ctx, call and `proceed`.

    The function awaits `proceed` at most once, with what the middleware provides if that is
    anything, and answers what it gave; or a `Failure` of a declared error.
    """

    @overload
    def __call__(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[QueryCtx[R, Any], A, V, E], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def __call__(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[QueryCtx[N | R, Any], A, V, E], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def __call__(self, handler: Any, /) -> Any:
        """For queries and mutations; in a mutation it reads, as a part of the transaction."""
        return self._made(handler, "query", "mutation")

    @overload
    def for_queries(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[QueryCtx[R, Any], A, V, E], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_queries(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[QueryCtx[N | R, Any], A, V, E], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_queries(self, handler: Any, /) -> Any:
        """For queries only, where mutations have an implementation of their own."""
        return self._made(handler, "query")

    @overload
    def for_mutations(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[MutationCtx[R, Any], A, V, E], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_mutations(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[MutationCtx[N | R, Any], A, V, E], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_mutations(self, handler: Any, /) -> Any:
        """For mutations, where it may write; that is undone with what the mutation writes."""
        return self._made(handler, "mutation")

    @overload
    def for_actions(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[ActionCtx[R], A, V, E], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_actions(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[ActionCtx[N | R], A, V, E], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_actions(self, handler: Any, /) -> Any:
        """For actions."""
        return self._made(handler, "action")

    @overload
    def for_all(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[Ctx[R], A, V, E], /
    ) -> MiddlewareImpl[Never, M_co]: ...
    @overload
    def for_all(
        self: Around[Middleware[E, V, R, A]], handler: _Whole[Ctx[N | R], A, V, E], /
    ) -> MiddlewareImpl[N, M_co]: ...
    def for_all(self, handler: Any, /) -> Any:
        """For every kind, with what each kind of ctx has."""
        return self._made(handler, *KINDS)


def middleware(spec: type[M]) -> Before[M]:
    """Implement a middleware by what runs before the functions behind it.

    @middleware(SignedIn)
    async def signed_in(ctx: QueryCtx) -> Outcome[CurrentUser, NotSignedIn]: ...

    @middleware(SignedIn).for_actions
    async def signed_in_to_act(ctx: ActionCtx) -> Outcome[CurrentUser, NotSignedIn]: ...

    @middleware(InTenant)
    async def in_tenant(ctx: QueryCtx, call: Call[ByTenant]) -> Tenant: ...
    """
    return Before(spec, is_around=False, where=Where.of_caller())


def around(spec: type[M]) -> Around[M]:
    """Implement a middleware by what runs around the functions behind it.

    @around(Measured).for_all
    async def measured(ctx: Ctx, call: Call, proceed: Proceed) -> Answer:
        answer = await proceed()
        ...
        return answer
    """
    return Around(spec, is_around=True, where=Where.of_caller())
