"""What tests of the generator share."""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

_PROJECTS = ("app", "foundry", "gallery", "shop")


@pytest.fixture
def own_modules() -> Generator[None]:
    """The test may import projects and leaves none of their modules behind."""
    path, before = [*sys.path], {**sys.modules}
    for name in [*before]:
        if name.split(".")[0] in _PROJECTS:
            del sys.modules[name]
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - before.keys():
        if name.split(".")[0] in _PROJECTS:
            del sys.modules[name]
    sys.modules.update(before)
