"""The notes application, in this process on a database in memory; see the fixture `t`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.services import Clock, Mailer
from confect_server.testing import Replacement, replacing


class StoppedClock(Clock):
    """It is always the same moment."""

    def now(self) -> float:
        return 1_000.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def mailer() -> Mailer:
    return Mailer()


@pytest.fixture
def confect_replacements(mailer: Mailer) -> Sequence[Replacement]:
    return replacing(Mailer).by(mailer), replacing(Clock).by(StoppedClock())
