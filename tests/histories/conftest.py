"""How many histories are made, and from which seeds."""

from __future__ import annotations

from random import Random

import pytest

AT_ONCE = 20
"""So many histories are made on one server, one after the other."""

CRASHING_SHARE = 20
"""One of so many is made on servers that are killed."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `seeds` runs as often as it takes for all the histories asked for."""
    asked = metafunc.config.option
    count: int = asked.histories
    first: int = Random().getrandbits(24) if asked.first_history is None else asked.first_history
    if "seeds" in metafunc.fixturenames:
        _parametrize(metafunc, "seeds", range(first, first + count))
    if "crash_seeds" in metafunc.fixturenames:
        count = max(1, count // CRASHING_SHARE)
        _parametrize(metafunc, "crash_seeds", range(first, first + count))


def _parametrize(metafunc: pytest.Metafunc, name: str, seeds: range) -> None:
    some = [seeds[at : at + AT_ONCE] for at in range(0, len(seeds), AT_ONCE)]
    metafunc.parametrize(name, some, ids=[f"from {each.start}" for each in some])
