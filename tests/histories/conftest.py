"""How many histories are made, and from which seeds."""

from __future__ import annotations

from random import Random

import pytest

AT_ONCE = 20
"""So many histories are made on one server, one after the other."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `seeds` runs as often as it takes for all the histories asked for."""
    if "seeds" not in metafunc.fixturenames:
        return
    asked = metafunc.config.option
    count: int = asked.histories
    first: int = Random().getrandbits(24) if asked.first_history is None else asked.first_history
    last = first + count
    ranges = [range(at, min(at + AT_ONCE, last)) for at in range(first, last, AT_ONCE)]
    metafunc.parametrize("seeds", ranges, ids=[f"from {each.start}" for each in ranges])
