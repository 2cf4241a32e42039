"""What the implementation of a middleware is, what it is given, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Never, overload

from returns.result import Failure
from typing_extensions import TypeVar

from confect_core import Args, Middleware, TaggedError
from confect_core.errors import Where
from confect_core.spec import CoveredKind, Kind

N_co = TypeVar("N_co", covariant=True, default=Never)
M_co = TypeVar("M_co", covariant=True, default=Middleware[object, object, object, object])
A_co = TypeVar("A_co", covariant=True, default=Args)
V_contra = TypeVar("V_contra", contravariant=True, default=None)


@dataclass(frozen=True, eq=False)
class MiddlewareImpl(Generic[N_co, M_co]):
    """A middleware with its logic for functions of some kinds; `N` are the services it asks for."""

    spec: type[Middleware[object, object, object, object]]
    kinds: tuple[CoveredKind, ...]
    handler: Callable[..., Awaitable[object]]
    is_around: bool
    where: Where
    takes_call: bool = True
    """Does what runs before look at the call?"""

    def _needs(self) -> tuple[N_co, M_co]:
        # never called: it is how type checkers learn what it asks for and what it implements
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Call(Generic[A_co]):
    """The call that a middleware is in front of, or around."""

    path: str
    """The function by its path on the wire: `admin/users:list`."""
    kind: Kind
    is_public: bool
    args: A_co
    """The decoded arguments, of the function's model; `A` is what the middleware says it takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the function behind a middleware has answered; the middleware gives it on."""

    result: object
    """What the handler answered, a `Failure` if it failed with a declared error, however raised."""

    @property
    def failure(self) -> TaggedError | None:
        """The declared error that it failed with, or None."""
        match self.result:
            case Failure(TaggedError() as error):
                return error
            case _:
                return None


class Proceed(Generic[V_contra]):
    """Runs what is behind a middleware, once; `V` is what the middleware has to provide to it."""

    def __init__(self, run: Callable[[object], Awaitable[Answer]]) -> None:
        self._run = run

    @overload
    async def __call__(self: Proceed[None], /) -> Answer: ...
    @overload
    async def __call__(self, provided: V_contra, /) -> Answer: ...
    async def __call__(self: Proceed[Any], provided: object = None, /) -> Answer:
        """What the function answers; what it raises besides declared errors is raised here."""
        return await self._run(provided)
