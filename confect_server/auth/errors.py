"""Why a token is not accepted; `code` is what clients of Convex are told."""

from __future__ import annotations

from typing import ClassVar

from confect_core.errors import CallError, SpecError, Where


class TokenRefused(CallError):
    """A token that proves nothing."""

    code: ClassVar[str] = "Unauthenticated"


class MalformedToken(TokenRefused):
    """Text that is no signed token."""

    code = "InvalidAuthHeader"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"Could not parse the token: {problem}",
            hint="send the id token as the provider issued it, three parts joined by dots",
        )


class NoProvider(TokenRefused):
    """A token of an issuer or for an audience that no provider stands for."""

    code = "NoAuthProvider"

    def __init__(self, issuer: str, audience: list[str], configured: list[str]) -> None:
        told = ", ".join(audience) or "nobody"
        super().__init__(
            f"No auth provider matches a token of {issuer} for {told}",
            hint=f"configured are {', '.join(configured) or 'none'}: compare issuer and audience",
        )


class KeysUnavailable(TokenRefused):
    """The keys of a provider could not be fetched."""

    code = "AuthProviderDiscoveryFailed"

    def __init__(self, issuer: str, problem: str) -> None:
        super().__init__(
            f"Auth provider discovery of {issuer} failed: {problem}",
            hint="check that the server reaches the provider and that the address is right",
        )
        self.problem = problem


class BadSignature(TokenRefused):
    """A token that its issuer did not sign, or not in a way that its provider allows."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The token was not signed as its provider signs: {problem}",
            hint="get a new token; keys may have been rotated",
        )


class MissingClaim(TokenRefused):
    """A token without something that has to be in it."""

    def __init__(self, claim: str) -> None:
        super().__init__(
            f"The token lacks {claim!r}",
            hint="let the provider put it in: sub, iss and exp, and kid in the header",
        )


class NotValidNow(TokenRefused):
    """A token that has expired or is not valid yet."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, hint="get a new token, and compare the clocks")


class BadHeader(TokenRefused):
    """An Authorization header that shows neither a token nor the admin key."""

    code = "InvalidAuthHeader"

    def __init__(self) -> None:
        super().__init__(
            "Could not read the Authorization header",
            hint="send `Bearer <token>`, or `Convex <admin key>` if you run the server",
        )


class BadIdentity(TokenRefused):
    """A description of a user to act as that describes nobody."""

    code = "InvalidAuthHeader"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"Nobody can be acted for: {problem}",
            hint='give both issuer and subject, or a tokenIdentifier of the form "issuer|subject"',
        )


class BadProvider(SpecError):
    """A provider of identities that no token can come from, or whose keys cannot be found."""

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(
            f"{address!r} is no provider of identities: {problem}",
            hint="write issuer and keys as https addresses, as the provider's documentation has "
            "them",
        )


class SettingsNotDeclared(SpecError):
    """A provider of identities that settings name which the application does not have."""

    def __init__(self, settings: str, where: Where) -> None:
        super().__init__(
            f"an identity provider is named by {settings}, which the application does not declare",
            hint=f"write Impl(...).environment({settings})",
            where=where,
        )
