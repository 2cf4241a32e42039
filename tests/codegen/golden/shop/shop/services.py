"""What handlers depend on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from confect_server import Service, layers


class Mailer(Service):
    async def send(self, text: str) -> None: ...


class Till(Service):
    def total(self) -> float:
        return 0.0


async def open_mailer() -> AsyncIterator[Mailer]:
    yield Mailer()


async def open_till() -> AsyncIterator[Till]:
    yield Till()


live = layers().add(Mailer, open_mailer).add(Till, open_till)
