"""`TestApp`: an application in the process of its test."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Generic, Self

import httpx2
from typing_extensions import TypeVar

from confect_server.engine import PausePoint
from confect_server.impl import Impl
from confect_server.log import LogLine
from confect_server.runtime import ADMIN, Backend, blobs_beside
from confect_server.services import Layers
from confect_server.settings import Settings
from confect_server.storage import Blobs
from confect_server.store import MemoryStore, Store
from confect_server.testing.callers import AppUser
from confect_server.testing.clock import STARTS_AT, VirtualClock
from confect_server.testing.entry import Entry
from confect_server.testing.life import Lives
from confect_server.testing.mortality import DeadlyPauses, MortalBlobs, Mortality, MortalStore
from confect_server.testing.services import Replacement
from confect_server.transport import AdminKey, ConfectAsgi

N = TypeVar("N", default=Any)

ADMIN_KEY = "for tests"
"""The admin key of every tested application."""

ORIGIN = "http://test"
"""Where tested applications are, as far as they know."""


class TestApp(AppUser[N], Generic[N]):
    """An application in this process: the engine of a server, with a clock that the test moves.

    async with TestApp(app) as t:
        await t.mutation(refs.public.notes.insert, text="hi")
        await t.advance(timedelta(days=30))

    A mutation takes a millisecond of the test, a query no time. Chance comes from `seed`, and each
    query runs twice: it raises `NotDeterministic` if it depends on anything that it was not given.
    Scheduled functions and crons begin while the test lets time pass, and at no other moment: what
    is due waits for `advance` or `run_due`, and can be seen waiting.
    Settings are read from `environment`, not from that of the process of the test.
    What a server does again and again beside its functions, looking for the commits of others and
    forgetting the past, stands still.
    """

    __test__ = False  # pytest takes what is called Test... for tests

    def __init__(
        self,
        app: Impl[N],
        *replacements: Replacement,
        layers: Layers[N] | None = None,
        store: Store | None = None,
        blobs: Blobs | None = None,
        settings: Settings | None = None,
        environment: Mapping[str, str] | None = None,
        seed: int = 0,
        starts_at: datetime = STARTS_AT,
        redacts: bool = False,
    ) -> None:
        self._impl = replace(app, layers=_layers(layers or app.layers, replacements))
        self._settings = _for_tests(settings or Settings())
        self._environment = environment
        self._redacts = redacts
        self._randomness = Random(seed).randbytes
        self.clock = VirtualClock(starts_at)
        """The clock that everything goes by here."""
        self.logs: list[LogLine] = []
        """What functions have said until now: `[line.getMessage() for line in t.logs]`."""
        store = store or MemoryStore()
        self._blobs = blobs or blobs_beside(store, self._settings.storage, self.clock)
        self._lives = Lives(store, self.clock, self._opened)
        super().__init__(Entry(self._lives, ADMIN))

    async def __aenter__(self) -> Self:
        await self._lives.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._lives.end()

    @property
    def backend(self) -> Backend:
        """What runs at the moment; another one after a crash."""
        return self._lives.life.backend

    @property
    def now(self) -> datetime:
        """The time, in UTC, as functions are told."""
        return self.clock.now

    async def advance(self, by: timedelta) -> None:
        """Let so much time pass, from one moment at which something is due to the next.

        Everything that is due is run to where it waits for something before time moves on.
        """
        await self.clock.advance(by)

    async def run_due(self) -> None:
        """Run everything that is due now; no time passes."""
        await self.advance(timedelta(0))

    async def fetch(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """The answer to a request of the web: of a route, or of the HTTP API."""
        life = await self._lives.current()
        asgi: Any = ConfectAsgi(life.backend, AdminKey(ADMIN_KEY))
        transport = httpx2.ASGITransport(app=asgi)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            request = partial(
                client.request, method, path, content=content, headers=headers, params=params
            )
            asked = request() if json is None else request(json=json)
            return await life.answered(lambda _: asked)

    async def crash(self) -> None:
        """Let the process die, as kill -9 does, and start it again on what was durable.

        Whatever is going on raises `ProcessDied` in the test, and commits nothing any more. Layers
        are closed and opened again, for this process goes on.
        """
        self._lives.die()
        await self._lives.current()

    def crash_at(self, point: PausePoint) -> None:
        """Let the process die when it next reaches this point; it starts again by itself."""
        self._lives.die_at(point)

    @asynccontextmanager
    async def _opened(
        self, store: Store, mortality: Mortality, pauses: DeadlyPauses
    ) -> AsyncGenerator[Backend]:
        opening = Backend.open(
            self._impl,
            MortalStore(store, mortality),
            blobs=MortalBlobs(self._blobs, mortality),
            redacts=self._redacts,
            keeps_causes=True,
            in_development=True,
            clock=self.clock,
            randomness=self._randomness,
            settings=self._settings,
            pauses=pauses,
            process=self._environment,
        )
        async with opening as backend:
            backend.executor.runner.observers.listen(self.logs.append)
            yield backend


def _layers(layers: Layers[N], replacements: tuple[Replacement, ...]) -> Layers[N]:
    for replacement in replacements:
        layers = replacement.within(layers)
    return layers


def _for_tests(settings: Settings) -> Settings:
    """The settings with an address, and without what is done again and again.

    A month has millions of moments at which a server looks for the commits of others.
    """
    return replace(
        settings,
        retention=replace(settings.retention, sweep_s=math.inf),
        sharing=replace(settings.sharing, poll_s=None),
        storage=replace(settings.storage, origin=settings.storage.origin or ORIGIN),
    )
