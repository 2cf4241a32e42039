"""Identity providers that settings name."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from confect_server import Environment, Impl, OidcProvider
from confect_server.auth.errors import BadProvider, NoProvider, SettingsNotDeclared
from confect_server.runtime import Backend
from confect_server.store import MemoryStore, SqliteStore, Store
from tests.server.auth.guestbook import ServerClock, guestbook
from tests.server.auth.issuer import Issuer


class Env(Environment):
    auth_domain: str | None = None


def identity_provider(env: Env) -> OidcProvider | None:
    if env.auth_domain is None:
        return None
    return OidcProvider(domain=env.auth_domain, application_id="app")


def book() -> Impl[Any]:
    application = guestbook(Counter())
    return application.environment(Env).authenticate_by(Env, identity_provider)


@asynccontextmanager
async def opened(
    process: Mapping[str, str] | None = None, store: Store | None = None
) -> AsyncGenerator[Backend]:
    async with Backend.open(
        book(), store or MemoryStore(), clock=ServerClock(), process=process
    ) as backend:
        yield backend


async def who(backend: Backend, token: str) -> str:
    verified = await backend.executor.runner.application.tokens.verify(token)
    return verified.identity.token_identifier


async def test_a_provider_is_named_by_the_environment() -> None:
    issuer = Issuer(ServerClock())
    with issuer.serving():
        async with opened({"AUTH_DOMAIN": issuer.url}) as backend:
            assert await who(backend, issuer.token()) == f"{issuer.url}|ada"


async def test_settings_may_name_none() -> None:
    issuer = Issuer(ServerClock())
    with issuer.serving():
        async with opened() as backend:
            with pytest.raises(NoProvider):
                await who(backend, issuer.token())


async def test_another_provider_counts_for_the_next_token() -> None:
    first, second = Issuer(ServerClock()), Issuer(ServerClock())
    with first.serving(), second.serving():
        async with opened({"AUTH_DOMAIN": first.url}) as backend:
            assert await who(backend, first.token()) == f"{first.url}|ada"
            await backend.environment.change({"AUTH_DOMAIN": second.url})
            assert await who(backend, second.token()) == f"{second.url}|ada"
            with pytest.raises(NoProvider):
                await who(backend, first.token())
            await backend.environment.change({"AUTH_DOMAIN": None})
            assert await who(backend, first.token()) == f"{first.url}|ada"


async def test_another_process_may_change_the_provider(tmp_path: Path) -> None:
    issuer, file = Issuer(ServerClock()), tmp_path / "data.db"
    with issuer.serving():
        async with (
            opened(store=SqliteStore(file)) as backend,
            opened(store=SqliteStore(file)) as other,
        ):
            with pytest.raises(NoProvider):
                await who(backend, issuer.token())
            await other.environment.change({"AUTH_DOMAIN": issuer.url})
            await backend.database.refresh()
            assert await who(backend, issuer.token()) == f"{issuer.url}|ada"


async def test_keys_are_kept_while_the_provider_stays_the_same() -> None:
    issuer = Issuer(ServerClock())
    with issuer.serving():
        async with opened({"AUTH_DOMAIN": issuer.url}) as backend:
            for _ in range(2):
                await backend.environment.change({"OTHER": "x"})
                await who(backend, issuer.token())
    assert issuer.requests == ["/.well-known/openid-configuration", "/keys"]


async def test_an_address_that_cannot_be_keeps_the_server_from_starting() -> None:
    with pytest.raises(BadProvider):
        async with opened({"AUTH_DOMAIN": "https://"}):
            pass


def test_the_application_has_to_have_the_settings() -> None:
    mistakes = replace(book(), environments=()).mistakes()
    assert [type(each) for each in mistakes] == [SettingsNotDeclared]
    assert mistakes[0].where is not None
    assert mistakes[0].where.file == __file__
