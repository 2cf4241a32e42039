"""Declared functions: what a function is called with and what it answers, without its logic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeAlias

from typing_extensions import ParamSpec, TypeVar

from confect_core.errors import SpecError, TaggedError, Where, refuse
from confect_core.spec.args import Args
from confect_core.spec.declared_errors import DeclaredErrors
from confect_core.spec.errors import BadTimeout, NotAnError, NotArgs
from confect_core.spec.middleware import AnyMiddleware, Chain, CoveredKind
from confect_core.values.codec import Codec, early

if TYPE_CHECKING:
    from confect_core import refs

P = ParamSpec("P")
A_co = TypeVar("A_co", covariant=True)
Out = TypeVar("Out")

Kind: TypeAlias = Literal["query", "paginated query", "mutation", "action"]
Place: TypeAlias = Literal["loop", "thread", "process"]
"""Where the handler of an action runs."""

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


class Unmodelled:
    """What a plain function's arguments are decoded as: no model, its parameters are its own."""


class DeclaredFunction(Generic[P, A_co, Out]):
    """A declared function: called with `P`, decoded as `A`, answering `Out`.

    `Out` is invariant, so that what is implemented is held to it: a covariant one, given along with
    a handler in one call, would be widened to whatever that answers.
    """

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
        every, kind = (*group, *self.middleware), _COVERED[self.kind]
        if isinstance(self.contract, Borrowed):
            return Chain(every, kind, None)
        return Chain(every, kind, self.contract.declared_errors, self.contract.args)

    def mistakes(self) -> list[SpecError]:
        """Everything in the declaration that cannot be, with the place that declares it."""
        found = self.contract.mistakes(self.where)
        for mistake in found:
            mistake.where = mistake.where or self.where
        return [*found, *(mistake for each in self.middleware for mistake in each.mistakes())]

    def early_mistakes(self) -> list[SpecError]:
        """The mistakes that are certain while modules are still being imported."""
        return early(self.mistakes())

    def _types(self) -> tuple[A_co, Out]:
        # never called: it is how type checkers learn the variance of A and Out
        raise NotImplementedError

    def _named(self) -> refs.Ref[P, Out]:
        # never called: it is how type checkers learn which class of refs names it
        raise NotImplementedError

    def __repr__(self) -> str:
        visibility = "public" if self.is_public else "internal"
        return f"<{visibility} {self.kind} declared at {self.where}>"


class QuerySpec(DeclaredFunction[P, A_co, Out]):
    """A read-only function that clients may subscribe to if it is public."""

    kind = "query"

    def _named(self) -> refs.QueryRef[P, Out]:
        raise NotImplementedError


class PaginatedQuerySpec(DeclaredFunction[P, A_co, Out]):
    """A query that answers one page at a time."""

    kind = "paginated query"

    def _named(self) -> refs.PaginatedQueryRef[P, Out]:
        raise NotImplementedError


class MutationSpec(DeclaredFunction[P, A_co, Out]):
    """A transaction."""

    kind = "mutation"

    def _named(self) -> refs.MutationRef[P, Out]:
        raise NotImplementedError


class DeclaredAction(DeclaredFunction[P, A_co, Out]):
    """A function with side effects, outside any transaction, wherever its handler runs."""

    kind = "action"
    runs_in: ClassVar[Place]

    def __init__(
        self, contract: Schemas | Borrowed, where: Where, timeout_s: float | None = None
    ) -> None:
        super().__init__(contract, where)
        self.timeout_s = timeout_s
        """How long it may take, if that is not what the settings say."""

    def mistakes(self) -> list[SpecError]:
        found = super().mistakes()
        if self.timeout_s is not None and not 0 < self.timeout_s < inf:
            found.append(BadTimeout(self.timeout_s, self.where))
        return found

    def _named(self) -> refs.ActionRef[P, Out]:
        raise NotImplementedError


class ActionSpec(DeclaredAction[P, A_co, Out]):
    """An action whose handler awaits what it waits for, on the loop of the server."""

    runs_in = "loop"


class BlockingActionSpec(DeclaredAction[P, A_co, Out]):
    """An action whose handler blocks, and so runs in a worker thread."""

    runs_in = "thread"


class ProcessActionSpec(DeclaredAction[P, A_co, Out]):
    """An action whose handler computes, and so runs in a worker process."""

    runs_in = "process"


class PublicQuerySpec(QuerySpec[P, A_co, Out]):
    """A query that clients may call."""

    is_public = True

    def _named(self) -> refs.PublicQueryRef[P, Out]:
        raise NotImplementedError


class PublicPaginatedQuerySpec(PaginatedQuerySpec[P, A_co, Out]):
    """A paginated query that clients may call."""

    is_public = True

    def _named(self) -> refs.PublicPaginatedQueryRef[P, Out]:
        raise NotImplementedError


class PublicMutationSpec(MutationSpec[P, A_co, Out]):
    """A mutation that clients may call."""

    is_public = True

    def _named(self) -> refs.PublicMutationRef[P, Out]:
        raise NotImplementedError


class PublicActionSpec(ActionSpec[P, A_co, Out]):
    """An action that clients may call."""

    is_public = True

    def _named(self) -> refs.PublicActionRef[P, Out]:
        raise NotImplementedError


class PublicBlockingActionSpec(BlockingActionSpec[P, A_co, Out]):
    """A blocking action that clients may call."""

    is_public = True

    def _named(self) -> refs.PublicActionRef[P, Out]:
        raise NotImplementedError


class PublicProcessActionSpec(ProcessActionSpec[P, A_co, Out]):
    """An action in a worker process that clients may call."""

    is_public = True

    def _named(self) -> refs.PublicActionRef[P, Out]:
        raise NotImplementedError
