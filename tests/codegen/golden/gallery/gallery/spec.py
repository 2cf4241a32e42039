"""What the gallery offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field

from confect_core import (
    Args,
    FunctionSpec,
    GroupSpec,
    Id,
    Middleware,
    Provided,
    Spec,
    TaggedError,
)
from gallery.tables import Artist, Film, Item, Painting, Piece
from gallery.values import Anything, Everything, Sent, Week, Weekday

if TYPE_CHECKING:
    from gallery.plain import search as _search

AnyPiece: TypeAlias = Annotated[Painting | Film, Field(discriminator="kind")]


class ByPiece(Args):
    piece: Id[Piece]
    """The one that is meant."""


class Named(Args):
    name: str


class OnDay(Args):
    weekday: Weekday
    other_weekdays_that_are_asked_for: list[Weekday]


class Ranked(Named):
    rank: float


class Listed(Args):
    up_to: float | None = None


class NoSuchPiece(TaggedError):
    """There is no such piece, or there is none any more."""

    piece: Id[Piece]


class Lent(TaggedError):
    to: str
    days: int = 7


class NotSignedIn(TaggedError):
    pass


class Visitor(Provided):
    def __init__(self, subject: str) -> None:
        self.subject = subject


class SignedIn(Middleware[NotSignedIn, Visitor]):
    """Only for those who say who they are."""


class Values(GroupSpec):
    """Values that come back as they were sent."""

    echo = FunctionSpec.public_query(args=Sent, returns=Everything)
    """Answers what it is given: */ and all."""
    anything = FunctionSpec.public_query(args=Anything, returns=Any)
    week = FunctionSpec.internal_query(returns=Week)
    first_day = FunctionSpec.internal_query(args=OnDay, returns=Weekday | None)
    days = FunctionSpec.internal_query(returns=list[Weekday])
    pairs = FunctionSpec.internal_query(returns=tuple[Weekday, Weekday])
    counts = FunctionSpec.internal_query(returns=dict[Weekday, list[Weekday]])


class Pieces(GroupSpec):
    get = FunctionSpec.public_query(args=ByPiece, returns=AnyPiece, error=NoSuchPiece | Lent)
    list_ = FunctionSpec.public_query(returns=list[AnyPiece])
    add_film = FunctionSpec.public_mutation(args=Named, returns=Id[Painting | Film])
    search = FunctionSpec.plain_public_query(lambda: _search)
    clear = FunctionSpec.internal_mutation(returns=None)

    class Admin(GroupSpec, behind=[SignedIn]):
        remove = FunctionSpec.public_mutation(args=ByPiece, returns=None, error=NoSuchPiece)
        default = FunctionSpec.public_query(returns=str)


class Items(GroupSpec):
    page = FunctionSpec.public_paginated_query(args=Listed, item=Item)
    list_ = FunctionSpec.public_query(args=Listed, returns=list[Item])
    add = FunctionSpec.public_mutation(args=Ranked, returns=Id[Item])
    remove = FunctionSpec.public_mutation(args=Named, returns=bool)
    shout = FunctionSpec.public_action(args=Named, returns=str)
    artist = FunctionSpec.public_mutation(args=Named, returns=Id[Artist])


class Account(GroupSpec):
    who = FunctionSpec.public_query(returns=str | None)
    """The subject of the token that the caller shows."""


spec = Spec.make().add(Values).add(Pieces).add(Items).add(Account)
