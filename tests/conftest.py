"""What every test shares: async tests run on asyncio, the loop that servers run on."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
