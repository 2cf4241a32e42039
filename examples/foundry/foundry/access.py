"""Who may call: what every function of an organisation is behind, and what it provides."""

from __future__ import annotations

from dataclasses import dataclass

from confect_core import Args, Id, Middleware, Provided, TaggedError
from foundry.tables import Organisation, Role, User


class InOrganisation(Args):
    """What every function of an organisation is called with."""

    organisation: Id[Organisation]


class NotSignedIn(TaggedError, http_status=401):
    """There is no token, or nobody has ever signed in with it."""


class NoAccess(TaggedError, http_status=403):
    """The caller does not belong to the organisation, if there is one."""

    organisation: Id[Organisation]


class NotAllowed(TaggedError, http_status=403):
    """The caller's role does not suffice."""

    role: Role


class NotInOrganisation(TaggedError, http_status=404):
    """A document is of another organisation, or there is none: which of both is nobody's business.

    Ids of other organisations may be guessed or leak, so each handler looks whether what it was
    given belongs where its caller does.
    """

    document: str


@dataclass(frozen=True)
class CurrentUser(Provided):
    """Who calls."""

    user: User


@dataclass(frozen=True)
class Member(Provided):
    """What the caller is in the organisation that the call is about."""

    organisation: Id[Organisation]
    role: Role


class SignedIn(Middleware[NotSignedIn, CurrentUser]):
    """For whoever has signed in."""


class MemberAccess(Middleware[NoAccess, Member, CurrentUser, InOrganisation]):
    """For members of the organisation that the arguments name."""
