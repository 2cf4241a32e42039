"""`replacing`: another service in the place of one of the application's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from confect_server.services import Layers, Service, ServiceClass, class_of

M = TypeVar("M", bound=Service)


@dataclass(frozen=True)
class Replacement:
    """A service that stands in for one of the application's."""

    service: type[Service]
    stands_in: Service

    def within(self, layers: Layers[Any]) -> Layers[Any]:
        """The layers with this one in them; there has to be one that it replaces."""

        async def opened() -> AsyncIterator[Service]:
            yield self.stands_in

        return layers.replace(self.service, opened)


@dataclass(frozen=True)
class replacing(Generic[M]):  # noqa: N801  # it is read as a part of a sentence
    """Gives handlers another object where they take a service; it outlives crashes.

    mailer = FakeMailer()
    async with TestApp(app, replacing(Mailer).by(mailer)) as t:
        ...

    Two steps, because type checkers take any two services for two of `Service`.
    """

    service: ServiceClass[M]

    def by(self, stands_in: M) -> Replacement:
        """The replacement by this object."""
        return Replacement(class_of(self.service), stands_in)
