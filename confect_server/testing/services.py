"""`replacing`: another service in the place of one of the application's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

from confect_server.services import Layers, Service

M = TypeVar("M", bound=Service)


@dataclass(frozen=True)
class Replacement:
    """A service that stands in for one of the application's; `replacing` makes it."""

    service: type[Service]
    stands_in: Service

    def within(self, layers: Layers[Any]) -> Layers[Any]:
        """The layers with this one in them."""

        async def opened() -> AsyncIterator[Service]:
            yield self.stands_in

        return layers.add(self.service, opened)


def replacing(service: type[M], stands_in: M) -> Replacement:
    """Give handlers this object where they take that service; it outlives crashes.

    mailer = FakeMailer()
    async with TestApp(app, replacing(Mailer, mailer)) as t:
        ...
    """
    return Replacement(service, stands_in)
