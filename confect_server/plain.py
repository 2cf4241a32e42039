"""Plain functions: functions that are called as they are written, with no schemas beside them.

    @plain.query
    async def search(ctx: QueryCtx, text: str, *, limit: int = 20) -> list[str]: ...

A decorated function knows its kind and its visibility. It stands behind a plain spec, which borrows
its signature, or is given to an application without any (`GroupImpl.add_plain`), as libraries do
that take callbacks.

The decorators give back the function itself, with a note on it, and not an object of their own:
plain functions are imported by specs and import the refs that are made from these, and in such a
circle mypy knows the type of a function only if its decorator changes nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Concatenate, TypeAlias, get_type_hints

from typing_extensions import TypeVar

from confect_core import PaginationOptions, Signature
from confect_core.errors import SpecError, Where
from confect_core.spec import (
    ActionSpec,
    AnyFunction,
    Borrowed,
    Kind,
    MutationSpec,
    PaginatedQuerySpec,
    PublicActionSpec,
    PublicMutationSpec,
    PublicPaginatedQuerySpec,
    PublicQuerySpec,
    QuerySpec,
)
from confect_core.spec.names import name_mistakes, wire_name
from confect_server.ctx import ActionCtx, MutationCtx, QueryCtx
from confect_server.errors import BadPlainFunction, PlainMismatch

Query = TypeVar("Query", bound=Callable[Concatenate[QueryCtx[Any, Any], ...], Awaitable[object]])
PaginatedQuery = TypeVar(
    "PaginatedQuery",
    bound=Callable[Concatenate[QueryCtx[Any, Any], PaginationOptions, ...], Awaitable[object]],
)
Mutation = TypeVar(
    "Mutation", bound=Callable[Concatenate[MutationCtx[Any, Any], ...], Awaitable[object]]
)
Action = TypeVar("Action", bound=Callable[Concatenate[ActionCtx[Any], ...], Awaitable[object]])
F = TypeVar("F", bound=Callable[..., Awaitable[object]])

AnyPlain: TypeAlias = Callable[..., Awaitable[object]]

_NOTE = "__confect_plain__"
_OWN_PARAMETERS = frozenset({"self", "returns"})
"""What `Signature` takes itself."""


def query(function: Query) -> Query:
    """A plain query that clients may call and subscribe to."""
    return _noted(function, PublicQuerySpec)


def paginated_query(function: PaginatedQuery) -> PaginatedQuery:
    """A plain query that answers one page at a time; clients may call it and load more."""
    return _noted(function, PublicPaginatedQuerySpec)


def mutation(function: Mutation) -> Mutation:
    """A plain transaction that clients may run."""
    return _noted(function, PublicMutationSpec)


def action(function: Action) -> Action:
    """A plain function with side effects that clients may call."""
    return _noted(function, PublicActionSpec)


def internal_query(function: Query) -> Query:
    """A plain query, for other functions only."""
    return _noted(function, QuerySpec)


def internal_paginated_query(function: PaginatedQuery) -> PaginatedQuery:
    """A plain query that answers one page at a time, for other functions only."""
    return _noted(function, PaginatedQuerySpec)


def internal_mutation(function: Mutation) -> Mutation:
    """A plain transaction, for other functions only."""
    return _noted(function, MutationSpec)


def internal_action(function: Action) -> Action:
    """A plain function with side effects, for other functions only."""
    return _noted(function, ActionSpec)


def signature_of(function: AnyPlain) -> Signature:
    """How the calls of a decorated function travel, for a `ref` to one that no spec declares."""
    return PlainFunction.of(function).signature


@dataclass(frozen=True)
class PlainFunction:
    """A decorated function, with the spec that says what its decorator said."""

    function: AnyPlain
    spec: AnyFunction

    @classmethod
    def of(cls, function: AnyPlain) -> PlainFunction:
        """What is known of a decorated function."""
        known = cls.noted_on(function)
        if known is None:
            name, where = getattr(function, "__name__", repr(function)), place_of(function)
            raise BadPlainFunction(name, "it is not decorated", where)
        return known

    @classmethod
    def noted_on(cls, function: Callable[..., Any]) -> PlainFunction | None:
        """The same, or nothing if it is not decorated."""
        spec = getattr(function, _NOTE, None)
        return None if spec is None else cls(function, spec)

    @property
    def name(self) -> str:
        """The name under which it is called: its own, or `list` where it is written `list_`."""
        return wire_name(getattr(self.function, "__name__", ""))

    @property
    def signature(self) -> Signature:
        """How its calls travel; of a paginated query without the page that is asked for."""
        hints = get_type_hints(self.function, include_extras=True)
        names = [each.name for each in arguments_of(self.function, self.spec.kind)]
        return Signature(returns=hints["return"], **{name: hints[name] for name in names})

    def mismatch(self, path: str, declared: AnyFunction) -> SpecError | None:
        """What is wrong with it behind a spec that declares another kind or visibility."""
        is_a, wanted = described(self.spec), described(declared)
        return None if is_a == wanted else PlainMismatch(path, is_a, wanted, self.spec.where)

    def mistakes(self) -> list[SpecError]:
        """Everything in the function that no call could be made of."""
        where = self.spec.where
        problems = _problems(self.function, self.spec.kind)
        found: list[SpecError] = [BadPlainFunction(self.name, each, where) for each in problems]
        return [*name_mistakes("function", self.name, where), *found]


def described(spec: AnyFunction) -> str:
    """What a function is, in words: `an internal mutation`."""
    return f"a public {spec.kind}" if spec.is_public else f"an internal {spec.kind}"


def arguments_of(function: AnyPlain, kind: Kind) -> list[inspect.Parameter]:
    """The parameters that a call passes: all but the ctx, and the page that is asked for."""
    own = 2 if kind == "paginated query" else 1
    return list(inspect.signature(function).parameters.values())[own:]


def _noted(function: F, spec: Callable[[Borrowed, Where], AnyFunction]) -> F:
    setattr(function, _NOTE, spec(Borrowed(lambda: function), place_of(function)))
    return function


def place_of(function: Callable[..., object]) -> Where:
    """The line where a function is written; of what is only called like one, its module."""
    unwrapped = inspect.unwrap(function)
    code = getattr(unwrapped, "__code__", None)
    if code is None:
        return Where(unwrapped.__class__.__module__, 1)
    return Where(code.co_filename, code.co_firstlineno)


def _problems(function: AnyPlain, kind: Kind) -> Iterator[str]:
    if not inspect.iscoroutinefunction(function):
        yield "it is not an async function"
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        yield f"its annotations cannot be read: {error}"
        return
    if "return" not in hints:
        yield "it does not say what it answers"
    for each in arguments_of(function, kind):
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            yield f"{each.name} takes any number of arguments"
        elif each.name not in hints:
            yield f"{each.name} has no annotation"
        elif each.name in _OWN_PARAMETERS:
            yield f"{each.name} is a name that refs use themselves"
