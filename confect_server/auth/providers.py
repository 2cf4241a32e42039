"""Identity providers: whose tokens are accepted, for whom, and where their keys are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from confect_server.auth.errors import BadProvider

Algorithm: TypeAlias = Literal["RS256", "ES256", "EdDSA"]


@dataclass(frozen=True, kw_only=True)
class OidcProvider:
    """A provider that speaks OpenID Connect: its keys are found by discovery.

    `domain` is the issuer of its tokens; without a scheme it is an https address.
    """

    domain: str
    application_id: str

    @property
    def issuer(self) -> str:
        """The issuer that tokens name, without a slash at its end."""
        return bare(self.domain)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """How tokens may be signed; EdDSA has two names."""
        return ("RS256", "EdDSA", "Ed25519")

    def accepts(self, issuer: str, audience: list[str]) -> bool:
        """Is this a token of the provider, for this application?"""
        return bare(issuer) == self.issuer and self.application_id in audience


@dataclass(frozen=True, kw_only=True)
class CustomJwtProvider:
    """Any issuer of signed tokens, whose keys are at an address or in a `data:` address."""

    issuer: str
    jwks: str
    algorithm: Algorithm
    application_id: str | None = None

    @property
    def algorithms(self) -> tuple[str, ...]:
        """How tokens may be signed; EdDSA has two names."""
        return ("EdDSA", "Ed25519") if self.algorithm == "EdDSA" else (self.algorithm,)

    def accepts(self, issuer: str, audience: list[str]) -> bool:
        """Is this a token of the issuer, for this application if there is one?"""
        return bare(issuer) == bare(self.issuer) and (
            self.application_id is None or self.application_id in audience
        )


Provider: TypeAlias = OidcProvider | CustomJwtProvider


def bare(address: str) -> str:
    """An issuer in the one form in which issuers are compared."""
    full = address if "://" in address else f"https://{address}"
    return full.rstrip("/")


def mistakes_of(provider: Provider) -> list[BadProvider]:
    """What is wrong with a provider, before any token has come."""
    found: list[BadProvider] = []
    if isinstance(provider, OidcProvider):
        if not is_web_address(provider.issuer):
            found.append(BadProvider(provider.domain, "its domain is no address"))
        if not provider.application_id:
            found.append(BadProvider(provider.domain, "application_id is empty"))
        return found
    if not provider.issuer:
        found.append(BadProvider(provider.issuer, "its issuer is empty"))
    if not provider.jwks.startswith("data:") and not is_web_address(provider.jwks):
        found.append(BadProvider(provider.issuer, f"its keys cannot be at {provider.jwks!r}"))
    return found


def is_web_address(address: str) -> bool:
    """Can a document be fetched from there?"""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an address or a port that cannot be
        return False
