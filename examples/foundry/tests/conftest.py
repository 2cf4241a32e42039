"""Foundry, in this process on a database in memory; see the fixture `t`."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from confect_server.testing import Replacement, replacing
from foundry.services import Model
from foundry.testing.issuer import Issuer
from foundry.testing.model import ScriptedModel


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
def confect_replacements(model: ScriptedModel) -> Sequence[Replacement]:
    return (replacing(Model).by(model),)


@pytest.fixture(scope="session")
def issuer() -> Generator[Issuer]:
    """The identity provider that the application trusts."""
    issuer = Issuer()
    with issuer.serving():
        yield issuer


@pytest.fixture
def confect_environment(issuer: Issuer) -> Mapping[str, str]:
    return {"GITHUB_WEBHOOK_SECRET": "known to both", "AUTH_DOMAIN": issuer.url}
