"""What is taken from a ctx by its class: values that middleware provides for one call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Never, Self

from typing_extensions import TypeVar

T = TypeVar("T")
N_contra = TypeVar("N_contra", contravariant=True, default=Never)


class Offers(ABC, Generic[N_contra]):
    """Something that offers `N`; the union is what may be taken from it."""

    @abstractmethod
    def provided(self, what: type[T]) -> T:
        """The value that a middleware has provided for this call, by its class."""

    def _has(self, _: N_contra, /) -> None:
        # never called: it is how type checkers learn that offering more is offering enough
        raise NotImplementedError


class Provided:
    """A value that a middleware provides to the functions behind it: subclass it, take it.

    @dataclass(frozen=True)
    class CurrentUser(Provided):
        name: str

    async def get(ctx: QueryCtx[CurrentUser], args: ByNote) -> Note:
        name = CurrentUser.of(ctx).name
    """

    @classmethod
    def of(cls, ctx: Offers[Self]) -> Self:
        """The value of this call; type checkers refuse a ctx that did not ask for it."""
        return ctx.provided(cls)
