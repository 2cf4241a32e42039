"""`TokenVerifier`: whether a token proves who bears it, and who that is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import orjson
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from confect_core.values import Json
from confect_server.auth.errors import (
    BadSignature,
    MalformedToken,
    MissingClaim,
    NoProvider,
    NotValidNow,
)
from confect_server.auth.identity import UserIdentity, identity_of_custom, identity_of_oidc
from confect_server.auth.keys import Fetch, ProviderKeys, fetch
from confect_server.auth.providers import OidcProvider, Provider
from confect_server.engine import Timepiece

_LEEWAY_S = 5
_NS_PER_S = 10**9


@dataclass(frozen=True)
class VerifiedToken:
    """An identity, and until when its token vouches for it."""

    identity: UserIdentity
    expires_at_ns: int

    @property
    def lapses_at_ns(self) -> int:
        """When it is refused: later than it expires by what clocks may differ."""
        return self.expires_at_ns + _LEEWAY_S * _NS_PER_S


@dataclass(frozen=True)
class _Configured:
    provider: Provider
    keys: ProviderKeys


class TokenVerifier:
    """Checks tokens against the providers of an application; the first that matches decides."""

    def __init__(
        self, providers: Sequence[Provider], clock: Timepiece, fetch: Fetch = fetch
    ) -> None:
        self._clock = clock
        self._configured = [
            _Configured(each, ProviderKeys(each, clock, fetch)) for each in providers
        ]

    async def verify(self, token: str) -> VerifiedToken:
        """Who the token was issued to; raises `TokenRefused`, and which of it says why not."""
        header, claims = _parts(token)
        issuer = claims.get("iss")
        if not isinstance(issuer, str):
            raise MissingClaim("iss")
        configured = self._matching(issuer, _audience(claims))
        await self._check_signature(token, header, configured)
        expires_at_ns = self._check_times(claims)
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise MissingClaim("sub")
        is_oidc = isinstance(configured.provider, OidcProvider)
        identity = identity_of_oidc(claims) if is_oidc else identity_of_custom(claims)
        return VerifiedToken(identity, expires_at_ns)

    def _matching(self, issuer: str, audience: list[str]) -> _Configured:
        for each in self._configured:
            if each.provider.accepts(issuer, audience):
                return each
        raise NoProvider(issuer, audience, [each.provider.issuer for each in self._configured])

    async def _check_signature(
        self, token: str, header: Mapping[str, Json], configured: _Configured
    ) -> None:
        key_id = header.get("kid")
        if not isinstance(key_id, str):
            raise MissingClaim("kid")
        keys = await configured.keys.containing(key_id)
        try:
            with warnings.catch_warnings():
                # EdDSA has got the new name Ed25519; providers go on signing under the old one
                warnings.simplefilter("ignore", SecurityWarning)
                jws.deserialize_compact(token, keys, configured.provider.algorithms)
        except (JoseError, ValueError, TypeError) as error:
            # headers of types that cannot be are a TypeError to joserfc
            raise BadSignature(str(error)) from None

    def _check_times(self, claims: Mapping[str, Json]) -> int:
        now_s = self._clock.now_ns() / _NS_PER_S
        expires_at_s = claims.get("exp")
        if not isinstance(expires_at_s, int | float):
            raise MissingClaim("exp")
        if now_s > expires_at_s + _LEEWAY_S:
            raise NotValidNow("The token has expired")
        for claim in ("nbf", "iat"):
            since_s = claims.get(claim)
            if isinstance(since_s, int | float) and now_s < since_s - _LEEWAY_S:
                raise NotValidNow(f"The token is not valid yet, by its {claim!r}")
        return int(expires_at_s) * _NS_PER_S


def _parts(token: str) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    """The header and the claims of a token that nobody has checked yet."""
    try:
        unchecked = jws.extract_compact(token.encode())
        claims: object = orjson.loads(unchecked.payload)
    except (JoseError, ValueError) as error:
        raise MalformedToken(str(error)) from None
    if not isinstance(claims, dict):
        raise MalformedToken("its claims are no object")
    return unchecked.headers(), cast("dict[str, Json]", claims)


def _audience(claims: Mapping[str, Json]) -> list[str]:
    audience = claims.get("aud")
    told = audience if isinstance(audience, list) else [audience]
    return [each for each in told if isinstance(each, str)]
