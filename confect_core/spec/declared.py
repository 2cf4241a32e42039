"""Declared functions: what a function is called with and what it answers, without its logic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, Literal, Self, TypeAlias

from typing_extensions import ParamSpec, TypeVar

from confect_core.errors import SpecError, TaggedError, Where, refuse
from confect_core.spec.args import Args
from confect_core.spec.declared_errors import DeclaredErrors
from confect_core.spec.errors import NotAnError, NotArgs
from confect_core.spec.middleware import AnyMiddleware, Chain, CoveredKind
from confect_core.values.codec import Codec, early

P = ParamSpec("P")
A_co = TypeVar("A_co", covariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Kind: TypeAlias = Literal["query", "paginated query", "mutation", "action"]

_COVERED: dict[Kind, CoveredKind] = {
    "query": "query",
    "paginated query": "query",
    "mutation": "mutation",
    "action": "action",
}


@dataclass(frozen=True)
class Schemas:
    """The models of a function's arguments, its result and its declared errors."""

    args: type[Args]
    returns: object
    error: object | None

    @property
    def errors(self) -> tuple[type[TaggedError], ...]:
        """The declared errors, one class each."""
        return self.declared_errors.classes

    @cached_property
    def declared_errors(self) -> DeclaredErrors:
        """The declared errors, with how each travels."""
        return DeclaredErrors.of(self.error)

    @cached_property
    def args_codec(self) -> Codec[Args]:
        """How the arguments travel."""
        return Codec(self.args, what="args")

    @cached_property
    def returns_codec(self) -> Codec[object]:
        """How the result travels."""
        annotation: Any = self.returns
        return Codec(annotation, what="returns")

    def mistakes(self, where: Where) -> list[SpecError]:
        """Everything that these schemas cannot be."""
        if not (isinstance(self.args, type) and issubclass(self.args, Args)):  # pyright: ignore[reportUnnecessaryIsInstance]  # users without a type checker
            return [NotArgs(self.args, where)]
        of_errors = self.declared_errors.mistakes(where)
        if any(isinstance(each, NotAnError) for each in of_errors):
            return of_errors
        return [
            *of_errors,
            *self.args_codec.mistakes(),
            *self.returns_codec.mistakes(),
            *self.declared_errors.uncarryable(),
        ]


@dataclass(frozen=True)
class Borrowed:
    """The signature of a plain function, named but not imported."""

    like: Callable[[], Callable[..., Awaitable[object]]]

    def mistakes(self, where: Where) -> list[SpecError]:
        """Nothing can be known here: the function lives where clients may not look."""
        return []


class DeclaredFunction(Generic[P, A_co, Out_co]):
    """A declared function: called with `P`, decoded as `A`, answering `Out`."""

    kind: ClassVar[Kind]
    is_public: ClassVar[bool] = False
    middleware: tuple[AnyMiddleware, ...] = ()
    """What the function itself is behind; that of its group comes before it."""

    def __init__(self, contract: Schemas | Borrowed, where: Where) -> None:
        self.contract = contract
        self.where = where

    @property
    def is_plain(self) -> bool:
        """Is this a plain function, whose values pass through without schemas of the spec?"""
        return isinstance(self.contract, Borrowed)

    def behind(self, *middleware: AnyMiddleware) -> Self:
        """The same function behind middleware, the first of them outermost.

        It fails with their errors, too, at every caller, and its handler may ask for what they
        provide.

            get = FunctionSpec.public_query(args=ByNote, returns=Note).behind(SignedIn)
        """
        guarded = copy(self)
        guarded.middleware = (*self.middleware, *middleware)
        refuse("the function", guarded.passes().mistakes("the function", self.where))
        return guarded

    def passes(self, group: tuple[AnyMiddleware, ...] = ()) -> Chain:
        """All that a call of it passes, in a group that is itself behind middleware."""
        own = self.contract.declared_errors if isinstance(self.contract, Schemas) else None
        return Chain((*group, *self.middleware), _COVERED[self.kind], own)

    def mistakes(self) -> list[SpecError]:
        """Everything in the declaration that cannot be, with the place that declares it."""
        found = self.contract.mistakes(self.where)
        for mistake in found:
            mistake.where = mistake.where or self.where
        return [*found, *(mistake for each in self.middleware for mistake in each.mistakes())]

    def early_mistakes(self) -> list[SpecError]:
        """The mistakes that are certain while modules are still being imported."""
        return early(self.mistakes())

    def _types(self) -> tuple[A_co, Out_co]:
        # never called: it is how type checkers learn the variance of A and Out
        raise NotImplementedError

    def __repr__(self) -> str:
        visibility = "public" if self.is_public else "internal"
        return f"<{visibility} {self.kind} declared at {self.where}>"


class QuerySpec(DeclaredFunction[P, A_co, Out_co]):
    """A read-only function that clients may subscribe to if it is public."""

    kind = "query"


class PaginatedQuerySpec(DeclaredFunction[P, A_co, Out_co]):
    """A query that answers one page at a time."""

    kind = "paginated query"


class MutationSpec(DeclaredFunction[P, A_co, Out_co]):
    """A transaction."""

    kind = "mutation"


class ActionSpec(DeclaredFunction[P, A_co, Out_co]):
    """A function with side effects, outside any transaction."""

    kind = "action"


class PublicQuerySpec(QuerySpec[P, A_co, Out_co]):
    """A query that clients may call."""

    is_public = True


class PublicPaginatedQuerySpec(PaginatedQuerySpec[P, A_co, Out_co]):
    """A paginated query that clients may call."""

    is_public = True


class PublicMutationSpec(MutationSpec[P, A_co, Out_co]):
    """A mutation that clients may call."""

    is_public = True


class PublicActionSpec(ActionSpec[P, A_co, Out_co]):
    """An action that clients may call."""

    is_public = True
