"""The chat, in this process on a database in memory; see the fixture `t`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def confect_environment(tmp_path: Path) -> Mapping[str, str]:
    return {"TEST_ISSUER": str(tmp_path)}
