"""What calls pass before they reach the desk."""

from __future__ import annotations

from dataclasses import dataclass

from confect_core import Id, Middleware, Provided, TaggedError
from shop.tables.customers import Customer


class NotSignedIn(TaggedError):
    pass


class Banned(TaggedError):
    until: float


class NotOnDuty(TaggedError):
    clerk: str


@dataclass(frozen=True)
class Clerk(Provided):
    name: str


@dataclass(frozen=True)
class Serving(Provided):
    customer: Id[Customer]


class SignedIn(Middleware[NotSignedIn | Banned, Clerk]):
    """Only for clerks."""


class OnDuty(Middleware[NotOnDuty, Serving, Clerk], kinds=["query", "mutation"]):
    """Only while they serve somebody."""


class Measured(Middleware):
    """Fails with nothing and provides nothing."""
