"""Foundry, in this process on a database in memory, with a model that says what the test wants."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from foundry.services import Model, ModelFailed
from foundry.tables import Analysis, Usage

from confect_server.testing import Replacement, TestApp, replacing


class ScriptedModel(Model):
    """Answers with what it was told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.is_down = False

    async def analyse(self, title: str, content: str) -> Analysis:
        self.read.append(title)
        if self.is_down:
            raise ModelFailed("it is down")
        return Analysis(summary=title, requirements=[content], usage=Usage(read=1, written=1))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
def confect_replacements(model: ScriptedModel) -> Sequence[Replacement]:
    return (replacing(Model).by(model),)
