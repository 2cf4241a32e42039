"""Somebody whose tokens soon lapse, in bad weather: nobody else is ever taken for her."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from time import monotonic

import anyio

from confect_client import AsyncClient
from tests.clients.official_client import npm_client
from tests.server.auth.issuer import Clock, Issuer
from tests.storm.errands import SIGN, WHO
from tests.storm.mortal import PATIENCE_S, storm

OURS_LASTS_S = 3
NPM_LASTS_S = 12
"""A token that lasts less than ten seconds longer than it takes to fetch it is too short for it."""


class Desk(Issuer):
    """An issuer that hands out a token to whoever asks, for so many seconds."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.handed_out = 0

    def hand_out(self, name: str, lasts_s: float) -> str:
        self.handed_out += 1
        self._clock.now_s = time.time()
        return self.token(lasts_s=lasts_s, sub=name)

    def answer(self, path: str) -> tuple[int, bytes]:
        if path == "/token":
            return 200, self.hand_out("npm", NPM_LASTS_S).encode()
        return super().answer(path)


class Member:
    """Signs in with our client, and finds that everything is done in her name."""

    def __init__(self, client: AsyncClient, desk: Desk, chooser: Random) -> None:
        self.signed = 0
        self.seen: set[str] = set()
        self._client = client
        self._desk = desk
        self._chooser = chooser

    async def sign_in(self) -> None:
        await self._client.set_auth(self._fetch)
        self._client.on_update(WHO, self.seen.add)

    async def sign_until(self, end_s: float) -> None:
        while monotonic() < end_s:
            assert await self._client.mutation(SIGN) == "ours"
            self.signed += 1
            await anyio.sleep(self._chooser.uniform(0, 0.05))

    async def _fetch(self) -> str:
        if self.signed and self._chooser.random() < 0.2:
            raise OSError("the desk is closed")
        return self._desk.hand_out("ours", OURS_LASTS_S)


async def test_whoever_is_signed_in_remains_so(tmp_path: Path, seed: int, storm_s: float) -> None:
    desk = Desk()
    with desk.serving():
        async with (
            storm(tmp_path, seed, desk.url) as (server, around),
            AsyncClient(around.url) as client,
            npm_client("socket", around.url) as npm,
        ):
            npm.patience_s = PATIENCE_S
            member = Member(client, desk, Random(seed))
            await member.sign_in()
            await npm.set_auth_from(f"{desk.url}/token")
            signed, end_s = 0, monotonic() + storm_s
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(member.sign_until, end_s)
                tasks.start_soon(server.die_until, end_s)
                tasks.start_soon(around.calm_at, end_s)
                while monotonic() < end_s:
                    assert (await npm.call_among("mutation", "errands:sign")).value == "npm"
                    signed += 1
            assert member.seen == {"ours"}
            assert len(await server.call("query", "errands:done", by="ours")) == member.signed
            assert len(await server.call("query", "errands:done", by="npm")) == signed
            assert await server.call("query", "errands:done", by="nobody") == []
            assert desk.handed_out > 2, "no token has lapsed"
