"""The constructors of function specs, one per kind and visibility."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, overload

from typing_extensions import ParamSpec, TypeForm, TypeVar

from confect_core.errors import TaggedError, Where
from confect_core.outcome import Outcome
from confect_core.pagination import PaginationOptions, PaginationResult
from confect_core.spec.actions import ActionConstructors
from confect_core.spec.args import Args, NoArgs
from confect_core.spec.declared import (
    ActionSpec,
    Borrowed,
    MutationSpec,
    PaginatedQuerySpec,
    PublicActionSpec,
    PublicMutationSpec,
    PublicPaginatedQuerySpec,
    PublicQuerySpec,
    QuerySpec,
    Schemas,
    Unmodelled,
)

P = ParamSpec("P")
R = TypeVar("R")
Item = TypeVar("Item")
Ctx = TypeVar("Ctx")
A = TypeVar("A", bound=Args)
E = TypeVar("E", bound=TaggedError)


class FunctionSpec(ActionConstructors):
    """Constructors of function specs.

    `args` is an `Args` model whose fields become the keyword arguments of a call, `returns` is any
    type that can cross the wire, `error` a `TaggedError` or several joined with `|`; with an error
    the function answers an `Outcome`. The plain constructors borrow the signature of a function
    that is passed through as it is; they take a lambda, so that clients need not import it.

        class Notes(GroupSpec):
            get = FunctionSpec.public_query(args=ByNote, returns=Note, error=NoteNotFound)
            search = FunctionSpec.plain_public_query(lambda: _search)
    """

    @overload
    @staticmethod
    def public_query(*, returns: TypeForm[R]) -> PublicQuerySpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def public_query(
        *, returns: TypeForm[R], error: TypeForm[E]
    ) -> PublicQuerySpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def public_query(*, args: Callable[P, A], returns: TypeForm[R]) -> PublicQuerySpec[P, A, R]: ...
    @overload
    @staticmethod
    def public_query(
        *, args: Callable[P, A], returns: TypeForm[R], error: TypeForm[E]
    ) -> PublicQuerySpec[P, A, Outcome[R, E]]: ...
    @staticmethod
    def public_query(*, args: Any = NoArgs, returns: Any, error: Any = None) -> Any:
        """A read-only function that clients may call and subscribe to."""
        return PublicQuerySpec[..., Any, Any](Schemas(args, returns, error), Where.of_caller())

    @overload
    @staticmethod
    def public_paginated_query(
        *, item: TypeForm[Item]
    ) -> PublicPaginatedQuerySpec[[], NoArgs, PaginationResult[Item]]: ...
    @overload
    @staticmethod
    def public_paginated_query(
        *, item: TypeForm[Item], error: TypeForm[E]
    ) -> PublicPaginatedQuerySpec[[], NoArgs, Outcome[PaginationResult[Item], E]]: ...
    @overload
    @staticmethod
    def public_paginated_query(
        *, args: Callable[P, A], item: TypeForm[Item]
    ) -> PublicPaginatedQuerySpec[P, A, PaginationResult[Item]]: ...
    @overload
    @staticmethod
    def public_paginated_query(
        *, args: Callable[P, A], item: TypeForm[Item], error: TypeForm[E]
    ) -> PublicPaginatedQuerySpec[P, A, Outcome[PaginationResult[Item], E]]: ...
    @staticmethod
    def public_paginated_query(*, args: Any = NoArgs, item: Any, error: Any = None) -> Any:
        """A query that answers one page at a time; clients may call it and load more."""
        return PublicPaginatedQuerySpec[..., Any, Any](
            Schemas(args, PaginationResult[item], error), Where.of_caller()
        )

    @overload
    @staticmethod
    def public_mutation(*, returns: TypeForm[R]) -> PublicMutationSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def public_mutation(
        *, returns: TypeForm[R], error: TypeForm[E]
    ) -> PublicMutationSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def public_mutation(
        *, args: Callable[P, A], returns: TypeForm[R]
    ) -> PublicMutationSpec[P, A, R]: ...
    @overload
    @staticmethod
    def public_mutation(
        *, args: Callable[P, A], returns: TypeForm[R], error: TypeForm[E]
    ) -> PublicMutationSpec[P, A, Outcome[R, E]]: ...
    @staticmethod
    def public_mutation(*, args: Any = NoArgs, returns: Any, error: Any = None) -> Any:
        """A transaction that clients may run."""
        return PublicMutationSpec[..., Any, Any](Schemas(args, returns, error), Where.of_caller())

    @overload
    @staticmethod
    def internal_query(*, returns: TypeForm[R]) -> QuerySpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def internal_query(
        *, returns: TypeForm[R], error: TypeForm[E]
    ) -> QuerySpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def internal_query(*, args: Callable[P, A], returns: TypeForm[R]) -> QuerySpec[P, A, R]: ...
    @overload
    @staticmethod
    def internal_query(
        *, args: Callable[P, A], returns: TypeForm[R], error: TypeForm[E]
    ) -> QuerySpec[P, A, Outcome[R, E]]: ...
    @staticmethod
    def internal_query(*, args: Any = NoArgs, returns: Any, error: Any = None) -> Any:
        """A read-only function that only other functions may call."""
        return QuerySpec[..., Any, Any](Schemas(args, returns, error), Where.of_caller())

    @overload
    @staticmethod
    def internal_paginated_query(
        *, item: TypeForm[Item]
    ) -> PaginatedQuerySpec[[], NoArgs, PaginationResult[Item]]: ...
    @overload
    @staticmethod
    def internal_paginated_query(
        *, item: TypeForm[Item], error: TypeForm[E]
    ) -> PaginatedQuerySpec[[], NoArgs, Outcome[PaginationResult[Item], E]]: ...
    @overload
    @staticmethod
    def internal_paginated_query(
        *, args: Callable[P, A], item: TypeForm[Item]
    ) -> PaginatedQuerySpec[P, A, PaginationResult[Item]]: ...
    @overload
    @staticmethod
    def internal_paginated_query(
        *, args: Callable[P, A], item: TypeForm[Item], error: TypeForm[E]
    ) -> PaginatedQuerySpec[P, A, Outcome[PaginationResult[Item], E]]: ...
    @staticmethod
    def internal_paginated_query(*, args: Any = NoArgs, item: Any, error: Any = None) -> Any:
        """A query that answers one page at a time, for other functions only."""
        return PaginatedQuerySpec[..., Any, Any](
            Schemas(args, PaginationResult[item], error), Where.of_caller()
        )

    @overload
    @staticmethod
    def internal_mutation(*, returns: TypeForm[R]) -> MutationSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def internal_mutation(
        *, returns: TypeForm[R], error: TypeForm[E]
    ) -> MutationSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def internal_mutation(
        *, args: Callable[P, A], returns: TypeForm[R]
    ) -> MutationSpec[P, A, R]: ...
    @overload
    @staticmethod
    def internal_mutation(
        *, args: Callable[P, A], returns: TypeForm[R], error: TypeForm[E]
    ) -> MutationSpec[P, A, Outcome[R, E]]: ...
    @staticmethod
    def internal_mutation(*, args: Any = NoArgs, returns: Any, error: Any = None) -> Any:
        """A transaction that only other functions may run."""
        return MutationSpec[..., Any, Any](Schemas(args, returns, error), Where.of_caller())

    @staticmethod
    def plain_public_query(
        like: Callable[[], Callable[Concatenate[Ctx, P], Awaitable[R]]],
    ) -> PublicQuerySpec[P, Unmodelled, R]:
        """A plain query that clients may call."""
        return PublicQuerySpec(Borrowed(like), Where.of_caller())

    @staticmethod
    def plain_public_paginated_query(
        like: Callable[[], Callable[Concatenate[Ctx, PaginationOptions, P], Awaitable[R]]],
    ) -> PublicPaginatedQuerySpec[P, Unmodelled, R]:
        """A plain paginated query that clients may call."""
        return PublicPaginatedQuerySpec(Borrowed(like), Where.of_caller())

    @staticmethod
    def plain_public_mutation(
        like: Callable[[], Callable[Concatenate[Ctx, P], Awaitable[R]]],
    ) -> PublicMutationSpec[P, Unmodelled, R]:
        """A plain mutation that clients may call."""
        return PublicMutationSpec(Borrowed(like), Where.of_caller())

    @staticmethod
    def plain_public_action(
        like: Callable[[], Callable[Concatenate[Ctx, P], Awaitable[R]]],
    ) -> PublicActionSpec[P, Unmodelled, R]:
        """A plain action that clients may call."""
        return PublicActionSpec(Borrowed(like), Where.of_caller())

    @staticmethod
    def plain_internal_query(
        like: Callable[[], Callable[Concatenate[Ctx, P], Awaitable[R]]],
    ) -> QuerySpec[P, Unmodelled, R]:
        """A plain query, for other functions only."""
        return QuerySpec(Borrowed(like), Where.of_caller())

    @staticmethod
    def plain_internal_paginated_query(
        like: Callable[[], Callable[Concatenate[Ctx, PaginationOptions, P], Awaitable[R]]],
    ) -> PaginatedQuerySpec[P, Unmodelled, R]:
        """A plain paginated query, for other functions only."""
        return PaginatedQuerySpec(Borrowed(like), Where.of_caller())

    @staticmethod
    def plain_internal_mutation(
        like: Callable[[], Callable[Concatenate[Ctx, P], Awaitable[R]]],
    ) -> MutationSpec[P, Unmodelled, R]:
        """A plain mutation, for other functions only."""
        return MutationSpec(Borrowed(like), Where.of_caller())

    @staticmethod
    def plain_internal_action(
        like: Callable[[], Callable[Concatenate[Ctx, P], Awaitable[R]]],
    ) -> ActionSpec[P, Unmodelled, R]:
        """A plain action, for other functions only."""
        return ActionSpec(Borrowed(like), Where.of_caller())
