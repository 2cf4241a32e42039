"""`ConfiguredProvider`: an identity provider that the settings of an application name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from confect_core.errors import Where
from confect_server.auth import Provider
from confect_server.environment import Environment

E = TypeVar("E", bound=Environment)


@dataclass(frozen=True, eq=False)
class ConfiguredProvider(Generic[E]):
    """What makes a provider of settings, or none; `Impl.authenticate_by` takes it."""

    settings: type[E]
    make: Callable[[E], Provider | None]
    where: Where
