"""`UserIdentity`: what a token says of its bearer, under the names that Convex gives to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confect_core.values import Json
from confect_server.auth.errors import BadIdentity

_DROPPED = frozenset(["iss", "sub", "aud", "exp", "iat", "jti", "nbf", "fva", "azp", "nonce"])

_NAMING = frozenset(["tokenIdentifier", "issuer", "subject"])

_STANDARD = {
    "name": "name",
    "given_name": "givenName",
    "family_name": "familyName",
    "nickname": "nickname",
    "preferred_username": "preferredUsername",
    "profile": "profileUrl",
    "picture": "pictureUrl",
    "website": "websiteUrl",
    "email": "email",
    "email_verified": "emailVerified",
    "gender": "gender",
    "birthdate": "birthday",
    "zoneinfo": "timezone",
    "locale": "language",
    "phone_number": "phoneNumber",
    "phone_number_verified": "phoneNumberVerified",
}
"""The standard claims of OpenID Connect, and what Convex calls them."""

_NAMES_OF_CONVEX = _NAMING | {*_STANDARD.values(), "updatedAt"}
"""What only the standard claims may say: others may be up to the users of a provider."""


@dataclass(frozen=True)
class UserIdentity:
    """Who a token was issued to.

    `claims` holds the rest under the names that Convex clients know: `email`, `givenName`, and
    whatever else the provider puts in.
    """

    issuer: str
    subject: str
    claims: Mapping[str, Json] = field(default_factory=dict[str, Json], hash=False)

    @property
    def token_identifier(self) -> str:
        """The same for the same person in every token, and different for everybody else."""
        return f"{self.issuer}|{self.subject}"

    @property
    def name(self) -> str | None:
        """The full name, if the token has it."""
        return self._text("name")

    @property
    def email(self) -> str | None:
        """The address, if the token has it; see `is_email_verified` before relying on it."""
        return self._text("email")

    @property
    def is_email_verified(self) -> bool:
        """Does the provider vouch for the address?"""
        return self.claims.get("emailVerified") is True

    def as_json(self) -> dict[str, Json]:
        """The identity as Convex writes it; fields that the token lacks are left out."""
        return {
            "tokenIdentifier": self.token_identifier,
            "issuer": self.issuer,
            "subject": self.subject,
            **self.claims,
        }

    def _text(self, claim: str) -> str | None:
        value = self.claims.get(claim)
        return value if isinstance(value, str) else None


def identity_of_oidc(claims: Mapping[str, Json]) -> UserIdentity:
    """The identity in the claims of OpenID Connect."""
    named: dict[str, Json] = {}
    for claim, value in claims.items():
        if claim in _STANDARD:
            named[_STANDARD[claim]] = value
        elif claim == "updated_at" and isinstance(value, int | float):
            named["updatedAt"] = _moment(value)
        elif claim == "address" and isinstance(value, dict):
            named["address"] = value.get("formatted")
        elif claim not in _DROPPED and claim not in _NAMES_OF_CONVEX:
            named[claim] = value
    return UserIdentity(str(claims["iss"]), str(claims["sub"]), _present(named))


def identity_of_custom(claims: Mapping[str, Json]) -> UserIdentity:
    """The identity in the claims of a custom token: they keep their names, nested ones dotted."""
    flat: dict[str, Json] = {}
    for claim, value in claims.items():
        if claim not in _DROPPED and claim not in _NAMING:
            _flatten(claim, value, flat)
    return UserIdentity(str(claims["iss"]), str(claims["sub"]), _present(flat))


def identity_of_attributes(attributes: Mapping[str, Json]) -> UserIdentity:
    """The identity that `as_json` wrote, or that somebody describes who may act for everybody.

    Raises `BadIdentity` unless it says who that is.
    """
    issuer, subject = attributes.get("issuer"), attributes.get("subject")
    if issuer is None and subject is None:
        issuer, subject = _named(attributes.get("tokenIdentifier"))
    if not isinstance(issuer, str) or not isinstance(subject, str):
        raise BadIdentity("issuer and subject must both be texts")
    claims = {name: value for name, value in attributes.items() if name not in _NAMING}
    return UserIdentity(issuer, subject, _present(claims))


def _named(token_identifier: Json) -> tuple[str, str]:
    if not isinstance(token_identifier, str) or "|" not in token_identifier:
        raise BadIdentity("there is neither issuer and subject nor a tokenIdentifier with both")
    issuer, _, subject = token_identifier.partition("|")
    return issuer, subject


def _moment(at_s: float) -> str | None:
    try:
        return datetime.fromtimestamp(at_s, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # in no year that there is
        return None


def _flatten(name: str, value: Json, into: dict[str, Json]) -> None:
    if isinstance(value, dict):
        for inner, each in value.items():
            _flatten(f"{name}.{inner}", each, into)
    else:
        into[name] = value


def _present(claims: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in claims.items() if value is not None}
