"""Who may call: what every function is behind, and what it provides."""

from __future__ import annotations

from dataclasses import dataclass

from chat.tables import User
from confect_core import Middleware, Provided, TaggedError


class NotSignedIn(TaggedError, http_status=401):
    """There is no token, or nobody has ever signed in with it."""


@dataclass(frozen=True)
class CurrentUser(Provided):
    """Who calls."""

    user: User


class SignedIn(Middleware[NotSignedIn, CurrentUser]):
    """For whoever has signed in."""
