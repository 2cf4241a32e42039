"""What users import: every name is documented, and none is missing."""

from __future__ import annotations

import dataclasses
import inspect
from types import ModuleType

import pytest
from returns import result

import confect_client
import confect_core
import confect_server
from confect_server.settings import Settings

PACKAGES = (confect_core, confect_server, confect_client)
NAMES = [
    (package, name)
    for package in PACKAGES
    for name, value in sorted(vars(package).items())
    if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
]


@pytest.mark.parametrize(
    ("package", "name"), NAMES, ids=[f"{package.__name__}.{name}" for package, name in NAMES]
)
def test_a_public_name_says_what_it_gives(package: ModuleType, name: str) -> None:
    documentation: str | None = getattr(package, name).__doc__
    assert documentation
    assert not documentation.startswith(f"{name}("), "dataclasses document themselves so"


def test_every_section_of_the_settings_is_public() -> None:
    for section in dataclasses.fields(Settings):
        default = getattr(Settings(), section.name)
        assert getattr(confect_server, type(default).__name__, None) is type(default)


def test_outcomes_are_those_of_returns() -> None:
    assert confect_core.Success is result.Success
    assert confect_core.Failure is result.Failure
