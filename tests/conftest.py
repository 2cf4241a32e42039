"""What every test shares: async tests run on asyncio, and many of them talk to one real server."""

from __future__ import annotations

import pytest

from tests.serving import mortal_server as mortal_server
from tests.serving import server as server
from tests.serving import shared_server as shared_server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
