"""What all storms share: their seed, how long they last, and that a long one may take its time."""

from __future__ import annotations

import sys
from pathlib import Path
from random import randrange
from typing import cast

import pytest

_ALLOWED_BESIDES_S = 180
"""For what comes before and after a storm, such as clients that wait long before they return."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each storm last as long as it was asked to."""
    allowed_s = cast("float", config.getoption("--storm-s")) + _ALLOWED_BESIDES_S
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(allowed_s))


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """What makes the weather; a failure shows it."""
    given = cast("int | None", pytestconfig.getoption("--storm-seed"))
    seed = randrange(10**6) if given is None else given
    sys.stdout.write(f"--storm-seed {seed}\n")
    return seed


@pytest.fixture
def storm_s(pytestconfig: pytest.Config) -> float:
    """How long clients are in bad weather."""
    return cast("float", pytestconfig.getoption("--storm-s"))
