"""Tokens and providers that mean harm: they are refused, and nothing breaks or waits for long."""

from __future__ import annotations

import base64
from collections.abc import Generator
from typing import Any

import anyio
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from confect_core.values import Json
from confect_server.auth import CustomJwtProvider, OidcProvider, TokenVerifier, keys
from confect_server.auth.errors import (
    BadSignature,
    KeysUnavailable,
    MissingClaim,
    TokenRefused,
)
from confect_server.auth.keys import Fetched, FetchFailed, fetch
from tests.server.auth.issuer import Clock, Issuer


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def issuer(clock: Clock) -> Generator[Issuer]:
    issuer = Issuer(clock)
    with issuer.serving():
        yield issuer


def of_data(issuer: Issuer, clock: Clock, *added: Json) -> TokenVerifier:
    """Takes tokens of the issuer, among whose keys are others."""
    document = orjson.dumps({"keys": [*added, *orjson.loads(issuer.keys)["keys"]]})
    address = f"data:application/json;base64,{base64.b64encode(document).decode()}"
    provider = CustomJwtProvider(issuer=issuer.url, jwks=address, algorithm="RS256")
    return TokenVerifier([provider], clock)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": _JSON | st.sampled_from(["RS256", "HS256", "none", "ES256", "EdDSA", "RS512"]),
        "kid": _JSON | st.just("known"),
        "crit": _JSON | st.just(["b64"]),
        "b64": _JSON,
        "typ": _JSON,
        "jwk": _JSON | st.just({"kty": "oct", "k": "AAAA"}),
        "x5c": _JSON,
        "jku": _JSON,
    },
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(header={"alg": "RS256", "kid": "known", "crit": [1]}, signature=b"")
@given(header=_HEADERS | _JSON, signature=st.binary(max_size=300) | st.just(b"x" * 256))
def test_whatever_stands_in_a_header_a_token_that_nobody_signed_is_refused(
    header: Json, signature: bytes, issuer: Issuer, clock: Clock
) -> None:
    verifier = of_data(issuer, clock)
    _, claims, _ = issuer.token().split(".")
    known = orjson.loads(issuer.keys)["keys"][0]["kid"]
    head = orjson.dumps(header).replace(b'"known"', orjson.dumps(known))

    async def verify() -> None:
        with pytest.raises(TokenRefused):
            await verifier.verify(f"{encoded(head)}.{claims}.{encoded(signature)}")

    anyio.run(verify)


async def test_a_token_that_is_signed_with_the_public_key_as_a_secret_is_refused(
    issuer: Issuer, clock: Clock
) -> None:
    secret: Json = {"kty": "oct", "k": encoded(b"a secret that was published" * 2), "kid": "oct"}
    verifier = of_data(issuer, clock, secret)
    head = encoded(orjson.dumps({"alg": "HS256", "kid": "oct"}))
    _, claims, _ = issuer.token().split(".")
    with pytest.raises(BadSignature):
        await verifier.verify(f"{head}.{claims}.{encoded(b'x' * 32)}")


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "AKP", "kid": "later", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": "oct", "k": "AAAA", "kid": "secret"},
        {"kty": "RSA", "kid": "broken"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "other"},
        {"kid": "typeless"},
        1,
    ],
)
async def test_a_key_that_cannot_be_used_does_not_keep_the_others_from_it(
    other: Json, issuer: Issuer, clock: Clock
) -> None:
    verifier = of_data(issuer, clock, other)
    assert (await verifier.verify(issuer.token())).identity.subject == "ada"


async def test_a_set_without_any_key_that_can_be_used_is_told_of(
    issuer: Issuer, clock: Clock
) -> None:
    address = 'data:application/json,{"keys":[{"kty":"oct","k":"AAAA"}]}'
    provider = CustomJwtProvider(issuer=issuer.url, jwks=address, algorithm="RS256")
    with pytest.raises(KeysUnavailable, match="none of them can be used"):
        await TokenVerifier([provider], clock).verify(issuer.token())


async def test_claims_far_out_of_range_break_nothing(issuer: Issuer, clock: Clock) -> None:
    verifier = TokenVerifier([OidcProvider(domain=issuer.url, application_id="app")], clock)
    for moment in (1e300, -(10**15)):
        verified = await verifier.verify(issuer.token(updated_at=moment))
        assert "updatedAt" not in verified.identity.claims
    assert (await verifier.verify(issuer.token_with("exp", 1e305))).lapses_at_ns > 10**300
    with pytest.raises(MissingClaim, match="sub"):
        await verifier.verify(issuer.token(sub=""))


async def test_no_claim_passes_for_what_a_provider_says_under_another_name(
    issuer: Issuer, clock: Clock
) -> None:
    claims: dict[str, Any] = {
        "tokenIdentifier": "https://other.example|root",
        "issuer": "https://other.example",
        "subject": "root",
        "email_verified": False,
        "emailVerified": True,
        "updatedAt": "tomorrow",
    }
    provider = OidcProvider(domain=issuer.url, application_id="app")
    token = issuer.token(**claims)
    identity = (await TokenVerifier([provider], clock).verify(token)).identity
    assert identity.as_json() == {
        "tokenIdentifier": f"{issuer.url}|ada",
        "issuer": issuer.url,
        "subject": "ada",
        "emailVerified": False,
    }
    assert not identity.is_email_verified
    custom = (await of_data(issuer, clock).verify(token)).identity
    assert custom.as_json()["tokenIdentifier"] == f"{issuer.url}|ada"
    assert {"issuer", "subject", "tokenIdentifier"}.isdisjoint(custom.claims)


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "https://[", "http://h:99999/", "http://\x00/", "https://a\u2028b/", ""],
)
async def test_an_address_at_which_no_document_can_be_is_told_of(address: str) -> None:
    with pytest.raises(FetchFailed):
        await fetch(address)


async def test_keys_of_a_provider_on_https_are_never_fetched_without_it(clock: Clock) -> None:
    asked: list[str] = []

    async def fetch(url: str, /) -> Fetched:
        asked.append(url)
        configuration = {"issuer": "https://id.example", "jwks_uri": "http://169.254.169.254/keys"}
        return Fetched("application/json", orjson.dumps(configuration))

    provider = OidcProvider(domain="id.example", application_id="app")
    token = Issuer(clock).token(iss="https://id.example")
    with pytest.raises(KeysUnavailable, match="no https address"):
        await TokenVerifier([provider], clock, fetch).verify(token)
    assert asked == ["https://id.example/.well-known/openid-configuration"]


class Redirecting(Issuer):
    """Sends whoever asks for its keys to somebody else."""

    def answer(self, path: str) -> tuple[int, bytes]:
        return (302, b"") if path == "/keys" else super().answer(path)


class Flooding(Issuer):
    """Answers with more keys than anybody has."""

    def answer(self, path: str) -> tuple[int, bytes]:
        status, body = super().answer(path)
        return status, body + b" " * 2**21


@pytest.mark.parametrize(
    ("kind", "told"), [(Redirecting, "answers 302"), (Flooding, "more than 1048576 bytes")]
)
async def test_a_provider_that_answers_something_else_is_given_up(
    kind: type[Issuer], told: str, clock: Clock
) -> None:
    issuer = kind(clock)
    with issuer.serving():
        provider = OidcProvider(domain=issuer.url, application_id="app")
        with pytest.raises(KeysUnavailable, match=told):
            await TokenVerifier([provider], clock).verify(issuer.token())


async def test_a_provider_that_never_ends_its_answer_is_given_up(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_TIMEOUT_S", 0.05)

    async def fetch(_: str, /) -> Fetched:
        await anyio.sleep_forever()
        raise AssertionError

    provider = OidcProvider(domain="id.example", application_id="app")
    token = Issuer(clock).token(iss="https://id.example")
    with pytest.raises(KeysUnavailable, match="longer than"):
        await TokenVerifier([provider], clock, fetch).verify(token)


async def test_whoever_shows_a_known_key_does_not_wait_for_the_next_ones(
    issuer: Issuer, clock: Clock
) -> None:
    clock = Clock()
    may_answer, was_asked = anyio.Event(), anyio.Event()
    may_answer.set()

    async def fetch(_: str, /) -> Fetched:
        was_asked.set()
        await may_answer.wait()
        return Fetched("application/json", issuer.keys)

    provider = CustomJwtProvider(
        issuer=issuer.url, jwks="https://id.example/keys", algorithm="RS256"
    )
    verifier = TokenVerifier([provider], clock, fetch)
    await verifier.verify(issuer.token())
    clock.now_s += 3601
    token = issuer.token(lasts_s=7200)
    may_answer, was_asked = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(verifier.verify, token)
        await was_asked.wait()
        assert (await verifier.verify(token)).identity.subject == "ada"
        may_answer.set()
