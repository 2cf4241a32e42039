"""Tokens against a real issuer: who is let in, who is not, and what they are told."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from confect_server.auth import CustomJwtProvider, OidcProvider, TokenVerifier
from confect_server.auth.errors import (
    BadSignature,
    KeysUnavailable,
    MalformedToken,
    MissingClaim,
    NoProvider,
    NotValidNow,
    TokenRefused,
)
from confect_server.auth.providers import Algorithm
from tests.server.auth.issuer import Algorithm as Signed
from tests.server.auth.issuer import Clock, Issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> Generator[Issuer]:
    issuer = Issuer(clock)
    with issuer.serving():
        yield issuer


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> TokenVerifier:
    return TokenVerifier([OidcProvider(domain=issuer.url, application_id="app")], clock)


def custom(
    issuer: Issuer, clock: Clock, algorithm: Algorithm, jwks: str | None = None
) -> TokenVerifier:
    provider = CustomJwtProvider(
        issuer=issuer.url, jwks=jwks or f"{issuer.url}/keys", algorithm=algorithm
    )
    return TokenVerifier([provider], clock)


async def refusal(verifier: TokenVerifier, token: str) -> TokenRefused:
    with pytest.raises(TokenRefused) as refused:
        await verifier.verify(token)
    return refused.value


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA", "Ed25519"])
async def test_a_token_of_the_provider_names_its_bearer(
    algorithm: Signed, issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    verified = await verifier.verify(issuer.token(algorithm, lasts_s=90))
    assert verified.identity.subject == "ada"
    assert verified.identity.token_identifier == f"{issuer.url}|ada"
    assert verified.expires_at_ns == clock.now_ns() + 90 * 10**9


async def test_standard_claims_get_the_names_of_convex(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    token = issuer.token(
        name="Ada L.",
        given_name="Ada",
        email="a@b.c",
        email_verified=True,
        address={"formatted": "1 Street", "country": "UK"},
        updated_at=0,
        jti="dropped",
        role={"is": "admin"},
    )
    identity = (await verifier.verify(token)).identity
    assert identity.as_json() == {
        "tokenIdentifier": f"{issuer.url}|ada",
        "issuer": issuer.url,
        "subject": "ada",
        "name": "Ada L.",
        "givenName": "Ada",
        "email": "a@b.c",
        "emailVerified": True,
        "address": "1 Street",
        "updatedAt": "1970-01-01T00:00:00+00:00",
        "role": {"is": "admin"},
    }
    assert identity.name == "Ada L."
    assert identity.email == "a@b.c"
    assert identity.is_email_verified


async def test_claims_of_a_custom_token_keep_their_names(issuer: Issuer, clock: Clock) -> None:
    token = issuer.token("ES256", given_name="Ada", role={"is": "admin", "at": {"org": 3}})
    identity = (await custom(issuer, clock, "ES256").verify(token)).identity
    assert identity.claims == {"given_name": "Ada", "role.is": "admin", "role.at.org": 3}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_keys_may_lie_in_the_address_itself(
    algorithm: Algorithm, issuer: Issuer, clock: Clock
) -> None:
    verifier = custom(issuer, clock, algorithm, issuer.keys_as_data)
    assert (await verifier.verify(issuer.token(algorithm))).identity.subject == "ada"
    assert issuer.requests == []


async def test_a_token_signed_in_a_way_that_its_provider_does_not_use_is_refused(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    assert isinstance(await refusal(verifier, issuer.token("ES256")), BadSignature)
    only_rsa = custom(issuer, clock, "RS256")
    assert isinstance(await refusal(only_rsa, issuer.token("EdDSA")), BadSignature)


async def test_a_token_that_was_changed_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    header, _, signature = issuer.token().split(".")
    _, forged, _ = issuer.token(sub="eve").split(".")
    assert isinstance(await refusal(verifier, ".".join([header, forged, signature])), BadSignature)


async def test_an_unsigned_token_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    _, claims, _ = issuer.token().split(".")
    unsigned = f"eyJhbGciOiJub25lIiwia2lkIjoieCJ9.{claims}."
    assert isinstance(await refusal(verifier, unsigned), BadSignature)


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "\u00e9.\u00e9.\u00e9", "W10.W10.W10"])
async def test_text_that_is_no_token_is_refused(text: str, verifier: TokenVerifier) -> None:
    refused = await refusal(verifier, text)
    assert isinstance(refused, MalformedToken)
    assert refused.code == "InvalidAuthHeader"


async def test_other_issuers_and_audiences_are_refused(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    for token in (
        issuer.token(iss="https://other.example"),
        issuer.token(aud="other"),
        issuer.token(aud=["x", "y"]),
    ):
        refused = await refusal(verifier, token)
        assert isinstance(refused, NoProvider)
        assert refused.code == "NoAuthProvider"
    assert issuer.requests == []  # nobody's keys are fetched for a stranger
    assert (await verifier.verify(issuer.token(aud=["x", "app"]))).identity.subject == "ada"


async def test_a_slash_at_the_end_of_the_issuer_makes_no_difference(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    identity = (await verifier.verify(issuer.token(iss=f"{issuer.url}/"))).identity
    assert identity.issuer == f"{issuer.url}/"


async def test_the_first_provider_that_matches_decides(issuer: Issuer, clock: Clock) -> None:
    oidc = OidcProvider(domain=issuer.url, application_id="app")
    wrong = CustomJwtProvider(issuer=issuer.url, jwks=issuer.keys_as_data, algorithm="ES256")
    token = issuer.token("RS256")
    assert (await TokenVerifier([oidc, wrong], clock).verify(token)).identity.subject == "ada"
    assert isinstance(await refusal(TokenVerifier([wrong, oidc], clock), token), BadSignature)


@pytest.mark.parametrize("claim", ["iss", "sub", "exp"])
async def test_a_token_without_what_has_to_be_in_it_is_refused(
    claim: str, issuer: Issuer, verifier: TokenVerifier
) -> None:
    refused = await refusal(verifier, issuer.token_with(claim, None))
    assert isinstance(refused, MissingClaim)
    assert claim in refused.message


async def test_a_token_without_the_id_of_its_key_is_refused(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    assert isinstance(await refusal(verifier, issuer.token(key_id=None)), MissingClaim)


async def test_times_are_taken_with_five_seconds_of_leeway(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    token = issuer.token(lasts_s=60)
    clock.now_s += 65
    await verifier.verify(token)
    clock.now_s += 1
    assert isinstance(await refusal(verifier, token), NotValidNow)
    for claim in ("nbf", "iat"):
        await verifier.verify(issuer.token_with(claim, int(clock.now_s) + 5))
        early = issuer.token_with(claim, int(clock.now_s) + 7)
        assert isinstance(await refusal(verifier, early), NotValidNow)


async def test_keys_are_fetched_once_and_again_when_they_are_rotated(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    for _ in range(3):
        await verifier.verify(issuer.token())
    assert issuer.requests.count("/keys") == 1
    issuer.rotate()
    rotated = issuer.token()
    assert isinstance(await refusal(verifier, rotated), BadSignature)
    assert issuer.requests.count("/keys") == 1  # unknown keys do not flood the provider
    clock.now_s += 11
    await verifier.verify(issuer.token())
    assert issuer.requests.count("/keys") == 2


async def test_keys_are_asked_for_again_after_an_hour(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    await verifier.verify(issuer.token())
    clock.now_s += 3601
    await verifier.verify(issuer.token())
    assert issuer.requests.count("/keys") == 2


async def test_a_provider_that_is_down_leaves_its_keys_in_use(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    await verifier.verify(issuer.token())
    issuer.is_down = True
    clock.now_s += 3601
    for _ in range(2):
        await verifier.verify(issuer.token())
    asked = len(issuer.requests)
    assert asked == 3
    clock.now_s += 11
    issuer.is_down = False
    await verifier.verify(issuer.token())
    assert len(issuer.requests) == asked + 2


async def test_a_provider_that_never_answered_is_told_of_and_not_asked_for_every_token(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    issuer.is_down = True
    for _ in range(3):
        refused = await refusal(verifier, issuer.token())
        assert isinstance(refused, KeysUnavailable)
        assert refused.code == "AuthProviderDiscoveryFailed"
        assert "503" in refused.message
    assert len(issuer.requests) == 1
    clock.now_s += 11
    issuer.is_down = False
    await verifier.verify(issuer.token())


async def test_keys_of_another_type_and_another_issuers_configuration_are_refused(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    issuer.content_type = "text/html"
    assert "text/html" in (await refusal(verifier, issuer.token())).message
    clock.now_s += 11
    issuer.content_type = "application/jwk-set+json; charset=utf-8"
    issuer.claimed_issuer = "https://other.example"
    assert "other.example" in (await refusal(verifier, issuer.token())).message
    clock.now_s += 11
    issuer.claimed_issuer = None
    await verifier.verify(issuer.token())


async def test_an_address_where_nobody_is_is_told_of(clock: Clock) -> None:
    issuer = Issuer(clock)
    with issuer.serving():
        verifier = TokenVerifier([OidcProvider(domain=issuer.url, application_id="app")], clock)
        token = issuer.token()
    assert isinstance(await refusal(verifier, token), KeysUnavailable)
