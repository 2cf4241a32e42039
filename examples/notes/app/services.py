"""The services of this app and two sets of layers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from confect_server import Service, layers


class Mailer(Service):
    """Sends mail; this one keeps what it sent, for the example needs no mail server."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, text: str) -> None:
        self.sent.append(text)


class Clock(Service):
    """Tells the time in milliseconds."""

    def now(self) -> float:
        return datetime.now(UTC).timestamp() * 1000


async def open_mailer() -> AsyncIterator[Mailer]:
    yield Mailer()


async def open_clock() -> AsyncIterator[Clock]:
    yield Clock()


dev = layers().add(Mailer, open_mailer)
live = dev.add(Clock, open_clock)
