"""Pages in bad weather while rows change their places: no gap, nothing twice, whole in the end."""

from __future__ import annotations

from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, cast

import anyio

from confect_client import AsyncClient, PagedSubscription
from tests.clients.official_client import OfficialClient, npm_client
from tests.storm.cards import PAGE, PUT, ROW, Card
from tests.storm.mortal import PATIENCE_S, storm

CARDS = 60
PLACES = 10**9
INITIAL = 4
"""So few that pages grow beyond what they are split at."""


def place(chooser: Random) -> int:
    """Where to put a card: often before all others, so that the first page grows."""
    return chooser.randrange(PLACES if chooser.random() < 0.7 else PLACES // 50)


async def deal(client: AsyncClient, chooser: Random) -> None:
    for number in range(CARDS):
        await client.mutation(PUT, number=number, place=place(chooser))


async def move_until(client: AsyncClient, chooser: Random, end_s: float) -> None:
    """Move one card after the other."""
    while monotonic() < end_s:
        number = chooser.randrange(CARDS)
        await client.mutation(PUT, number=number, place=place(chooser))
        await anyio.sleep(chooser.uniform(0, 0.02))


def judge(client: AsyncClient, pages: PagedSubscription[Card]) -> None:
    """What pages show is how the row of all cards begins, at every moment."""
    row = client.known(ROW)
    assert row is not None
    shown = [card.number for card in pages.results]
    assert shown == row[: len(shown)]
    if pages.status == "exhausted":
        assert shown == row


class Reader:
    """Reads pages with our client, now these and now others."""

    def __init__(self, client: AsyncClient, chooser: Random) -> None:
        self.states = 0
        self._client = client
        self._chooser = chooser

    async def read_until(self, end_s: float) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read_row)
            while monotonic() < end_s or self.states < 2:
                async with self._client.subscribe_pages(PAGE, INITIAL) as pages:
                    with anyio.move_on_after(self._chooser.uniform(0.5, 5)):
                        await self._read(pages)
            tasks.cancel_scope.cancel()

    async def read_all(self, row: list[int]) -> None:
        """Return once all pages are there, with these cards."""
        async with self._client.subscribe_pages(PAGE, INITIAL) as pages:
            async for state in pages:
                pages.load_more(INITIAL)
                is_all = state.status == "exhausted"
                if is_all and [card.number for card in state.results] == row:
                    return

    async def _read(self, pages: PagedSubscription[Card]) -> None:
        async for state in pages:
            if state.status != "loading first page":
                judge(self._client, pages)
                self.states += 1
            if self._chooser.random() < 0.2:
                pages.load_more(self._chooser.randint(1, 4 * INITIAL))

    async def _read_row(self) -> None:
        async for _ in self._client.subscribe(ROW):
            """Only so that it is known."""


async def test_pages_of_our_client_begin_as_all_rows_do(
    tmp_path: Path, seed: int, storm_s: float
) -> None:
    chooser = Random(seed)
    async with (
        storm(tmp_path, seed) as (server, around),
        AsyncClient(f"http://127.0.0.1:{server.port}") as mover,
        AsyncClient(around.url) as client,
    ):
        await deal(mover, chooser)
        reader = Reader(client, Random(seed))
        end_s = monotonic() + storm_s / 2
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(move_until, mover, chooser, end_s)
            tasks.start_soon(reader.read_until, end_s)
            tasks.start_soon(server.die_until, end_s)
            tasks.start_soon(around.calm_at, end_s)
        with anyio.fail_after(PATIENCE_S):
            await reader.read_all(await server.call("query", "cards:row"))


class NpmReader:
    """Reads pages with npm's client, and more of them until there are no more."""

    def __init__(self, client: OfficialClient) -> None:
        self.shown: list[int] = []
        self.is_exhausted = False
        client.patience_s = PATIENCE_S
        self._client = client

    async def begin(self) -> None:
        await self._client.subscribe_pages("cards", "cards:page", INITIAL)

    async def read(self) -> None:
        """Read the next state of the pages."""
        event = await self._client.next()
        assert event.event == "pages", event
        cards = cast("list[dict[str, Any]]", event.document["results"])
        places = [card["place"] for card in cards]
        self.shown = [int(card["number"]) for card in cards]
        self.is_exhausted = event.document["status"] == "Exhausted"
        assert places == sorted(places)
        assert len(self.shown) == len(set(self.shown)), "a card lies in two places"
        if self.is_exhausted:
            assert len(self.shown) == CARDS, "a card lies nowhere"
        if event.document["status"] == "CanLoadMore":
            await self._client.load_more("cards", INITIAL)


async def test_pages_of_npms_client_hold_each_row_once(
    tmp_path: Path, seed: int, storm_s: float
) -> None:
    chooser = Random(seed)
    async with (
        storm(tmp_path, seed) as (server, around),
        AsyncClient(f"http://127.0.0.1:{server.port}") as mover,
        npm_client("socket", around.url) as client,
    ):
        await deal(mover, chooser)
        reader = NpmReader(client)
        await reader.begin()
        end_s = monotonic() + storm_s / 2

        async def read_on() -> None:
            while True:
                await reader.read()

        async with anyio.create_task_group() as readers:
            readers.start_soon(read_on)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(move_until, mover, chooser, end_s)
                tasks.start_soon(server.die_until, end_s)
                tasks.start_soon(around.calm_at, end_s)
            readers.cancel_scope.cancel()
        row = await server.call("query", "cards:row")
        while (reader.shown, reader.is_exhausted) != (row, True):
            await reader.read()
