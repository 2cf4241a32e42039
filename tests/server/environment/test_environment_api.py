"""The environment variables over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest

from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.environment.shop import shop

LIST = "/api/v1/list_environment_variables"
UPDATE = "/api/v1/update_environment_variables"


@asynccontextmanager
async def client(authorization: str = "Convex secret") -> AsyncGenerator[httpx2.AsyncClient]:
    opening = Backend.open(shop(Counter()), MemoryStore(), process={"STRIPE_KEY": "sk"})
    headers = {"Authorization": authorization}
    async with (
        opening as backend,
        serving(ConfectAsgi(backend, AdminKey("secret")), "127.0.0.1", 0) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
    ):
        yield client


async def test_what_is_changed_is_listed() -> None:
    async with client() as at:
        changes = [{"name": "PAGE_SIZE", "value": "3"}, {"name": "MORE", "value": "x"}]
        assert (await at.post(UPDATE, json={"changes": changes})).status_code == 200
        assert (await at.get(LIST)).json() == {
            "environmentVariables": {"PAGE_SIZE": "3", "MORE": "x"},
            "secrets": ["MORE"],
        }
        assert (await at.post(UPDATE, json={"changes": [{"name": "MORE"}]})).status_code == 200
        assert (await at.get(LIST)).json()["environmentVariables"] == {"PAGE_SIZE": "3"}


@pytest.mark.parametrize("authorization", ["Convex wrong", "Bearer secret", "x"])
async def test_nobody_sees_or_changes_them_without_the_key(authorization: str) -> None:
    async with client(authorization) as at:
        change = {"changes": [{"name": "PAGE_SIZE", "value": "3"}]}
        for answer in (await at.get(LIST), await at.post(UPDATE, json=change)):
            assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("no JSON", "BadJsonBody"),
        ('{"changes": {"A": "1"}}', "BadJsonBody"),
        ('{"changes": [{"name": "9", "value": "1"}]}', "EnvVarNameInvalid"),
        ('{"changes": [{"name": "PAGE_SIZE", "value": "x"}]}', "BadEnvironment"),
    ],
)
async def test_what_cannot_be_is_refused(body: str, code: str) -> None:
    async with client() as at:
        answer = await at.post(UPDATE, content=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert (await at.get(LIST)).json()["environmentVariables"] == {}
