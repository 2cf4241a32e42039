"""What is different on every machine that the application runs on."""

from __future__ import annotations

from pydantic import SecretStr

from confect_server import Environment, OidcProvider


class Env(Environment):
    github_webhook_secret: SecretStr
    auth_domain: str | None = None
    """Who vouches for people, such as id.example.com; without it nobody can sign in."""
    auth_application: str = "foundry"
    """What the tokens have to be for."""


def identity_provider(env: Env) -> OidcProvider | None:
    """Whose tokens are taken."""
    if env.auth_domain is None:
        return None
    return OidcProvider(domain=env.auth_domain, application_id=env.auth_application)
