"""What is different on every machine that the application runs on: who vouches for people."""

from __future__ import annotations

from pathlib import Path

from chat.test_issuer import TestIssuer
from confect_server import CustomJwtProvider, Environment, OidcProvider


class Env(Environment):
    auth_domain: str | None = None
    """Who vouches for people, such as id.example.com."""
    auth_application: str = "chat"
    """What the tokens have to be for."""
    test_issuer: Path | None = None
    """The folder with the key of the test issuer, which lets everybody in by any name: nothing for
    a server that others can reach."""
    test_token_s: float = 600
    """How long its tokens last; so short that one sees clients fetch new ones."""


def local_issuer(env: Env) -> TestIssuer | None:
    """The test issuer, if nobody else vouches for people."""
    if env.auth_domain is not None or env.test_issuer is None:
        return None
    return TestIssuer.at(env.test_issuer)


def identity_provider(env: Env) -> OidcProvider | CustomJwtProvider | None:
    """Whose tokens are taken; nobody can sign in if there is no such setting."""
    if env.auth_domain is not None:
        return OidcProvider(domain=env.auth_domain, application_id=env.auth_application)
    issuer = local_issuer(env)
    return None if issuer is None else issuer.provider
