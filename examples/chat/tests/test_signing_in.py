"""Tokens: of the test issuer, and of nobody where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chat.environment import Env, identity_provider, local_issuer
from chat.test_issuer import TestIssuer
from confect_server import OidcProvider
from confect_server.testing import TestApp

HOUR = timedelta(hours=1)


async def called(t: TestApp, kind: str, path: str, token: str) -> Mapping[str, Any]:
    """What a client is answered that shows a token."""
    headers = {"authorization": f"Bearer {token}"}
    call: dict[str, Any] = {"path": path, "args": {}, "format": "json"}
    response = await t.fetch("POST", f"/api/{kind}", json=call, headers=headers)
    answer: Mapping[str, Any] = response.json()
    return answer


async def token_of(t: TestApp, name: str) -> str:
    response = await t.fetch("POST", "/test-issuer/token", json={"name": name})
    token: str = response.json()["token"]
    return token


async def test_whoever_says_a_name_is_known_by_it(t: TestApp) -> None:
    token = await token_of(t, "Ada")
    first = await called(t, "mutation", "account:sign_in", token)
    me = await called(t, "query", "account:me", token)
    assert (me["value"]["_id"], me["value"]["name"]) == (first["value"], "Ada")
    again = await called(t, "mutation", "account:sign_in", await token_of(t, "ada"))
    assert again["value"] == first["value"]


async def test_a_token_ends(t: TestApp) -> None:
    token = await token_of(t, "Ada")
    assert (await called(t, "mutation", "account:sign_in", token))["status"] == "success"
    await t.advance(timedelta(minutes=11))
    assert "expired" in str(await called(t, "query", "account:me", token))


async def test_a_token_of_another_machine_is_refused(t: TestApp, tmp_path: Path) -> None:
    other = TestIssuer.at(tmp_path / "other").token("Ada", t.now, HOUR)
    answer = await called(t, "mutation", "account:sign_in", other)
    assert answer.get("status") != "success"


async def test_a_name_is_something(t: TestApp) -> None:
    response = await t.fetch("POST", "/test-issuer/token", json={"name": ""})
    assert response.status_code == 422


def test_the_key_is_made_once_for_its_owner(tmp_path: Path) -> None:
    made, found = TestIssuer.at(tmp_path), TestIssuer.at(tmp_path)
    assert made.provider == found.provider
    (key,) = tmp_path.iterdir()
    assert key.stat().st_mode & 0o077 == 0


def test_a_real_provider_takes_the_place_of_the_test_issuer(tmp_path: Path) -> None:
    assert identity_provider(Env()) is None
    both = Env(auth_domain="id.example.com", test_issuer=tmp_path)
    assert identity_provider(both) == OidcProvider(domain="id.example.com", application_id="chat")
    assert local_issuer(both) is None


class TestWithoutTestIssuer:
    @pytest.fixture
    def confect_environment(self) -> Mapping[str, str]:
        return {}

    async def test_nobody_is_let_in(self, t: TestApp, tmp_path: Path) -> None:
        response = await t.fetch("POST", "/test-issuer/token", json={"name": "Ada"})
        assert response.status_code == 404
        token = TestIssuer.at(tmp_path).token("Ada", t.now, HOUR)
        answer = await called(t, "mutation", "account:sign_in", token)
        assert answer.get("status") != "success"
