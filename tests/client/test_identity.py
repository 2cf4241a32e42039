"""Tokens of a client: the next one comes in time, whatever fetching it does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from confect_client.identity import Identity
from tests.client.tokens import NOW_S, Provider, token


class Nap:
    """A sleep that ends when it is told to, and says for how long it should be."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []
        self._end = anyio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked_s.append(seconds)
        await self._end.wait()

    async def end(self) -> float:
        """End the sleep that is under way; for how long it was to be."""
        await anyio.wait_all_tasks_blocked()
        ended, self._end = self._end, anyio.Event()
        ended.set()
        await anyio.wait_all_tasks_blocked()
        return self.asked_s[-1]


class Signed:
    """An identity that is kept fresh, and what it has shown."""

    def __init__(self) -> None:
        self.shown: list[str | None] = []
        self.begun: list[str | None] = []  # with whom somebody else began to call
        self.nap = Nap()
        self.identity = Identity(
            self._begin, self.shown.append, sleep=self.nap, now_s=lambda: NOW_S
        )

    def _begin(self, token: str | None) -> None:
        self.begun.append(token)
        self.shown.append(token)


@asynccontextmanager
async def kept_fresh() -> AsyncGenerator[Signed]:
    it = Signed()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(it.identity.keep_fresh)
        await anyio.wait_all_tasks_blocked()
        yield it
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("first", "wait_s"),
    [
        (token("a", lasts_s=60), 50),
        (token("a", lasts_s=12), 6),
        (token("a", lasts_s=0.1), 1),
        (token("a", lasts_s=3600, iat=NOW_S - 7200), 3590),  # it was kept for a while
        (token("a", iat=NOW_S + 900, exp=NOW_S + 960), 50),  # the clock here is late
        (token("a", iat=NOW_S - 900, exp=NOW_S - 840), 50),  # or it is early
        (token("a", iat=None), 50),
    ],
)
async def test_the_next_token_is_fetched_before_one_lapses(first: str, wait_s: float) -> None:
    async with kept_fresh() as it:
        last = token("b", exp=None)
        await it.identity.sign_in(Provider(first, last))
        await anyio.wait_all_tasks_blocked()
        assert it.nap.asked_s == [pytest.approx(wait_s)]
        await it.nap.end()
        assert it.shown == [first, last]
        assert len(it.nap.asked_s) == 1  # which does not say when it lapses


@pytest.mark.parametrize("text", ["opaque", "a.b.c", "e30.W10.x", "e30.!.x"])
async def test_a_token_that_does_not_say_when_it_lapses_is_left_alone(text: str) -> None:
    async with kept_fresh() as it:
        await it.identity.sign_in(Provider(text))
        await anyio.wait_all_tasks_blocked()
        assert it.shown == [text]
        assert it.nap.asked_s == []


async def test_what_fails_to_be_fetched_is_tried_again_less_and_less_often() -> None:
    async with kept_fresh() as it:
        failures = [OSError(str(number)) for number in range(7)]
        await it.identity.sign_in(Provider(token("a"), *failures, token("b")))
        for _ in range(8):
            await it.nap.end()
        assert it.nap.asked_s == [50, 1, 2, 4, 8, 16, 30, 30, 50]
        assert it.shown == [token("a"), token("b")]


async def test_a_token_that_is_still_the_same_is_not_shown_again() -> None:
    async with kept_fresh() as it:
        await it.identity.sign_in(Provider(token("a"), token("a"), token("b")))
        await it.nap.end()
        assert it.shown == [token("a")]
        await it.nap.end()
        assert it.shown == [token("a"), token("b")]


@pytest.mark.parametrize(
    ("following", "is_another"),
    [
        (token("a", lasts_s=90), False),
        (token("b"), True),
        (token("a", iss="elsewhere"), True),
        (None, True),
        ("opaque", True),
    ],
)
async def test_the_tokens_that_follow_are_of_the_same_user_if_they_say_so(
    following: str | None, is_another: bool
) -> None:
    async with kept_fresh() as it:
        first = token("a")
        await it.identity.sign_in(Provider(first, following))
        await it.nap.end()
        assert it.shown == [first, following]
        assert it.begun == ([first, following] if is_another else [first])
        it.identity.sign_out()
        assert it.begun[-1] is None


async def test_a_token_that_was_refused_is_shown_again_if_there_is_no_other() -> None:
    async with kept_fresh() as it:
        await it.identity.sign_in(Provider(token("a"), token("a")))
        await it.identity.renew_refused()
        assert it.shown == [token("a")]
        it.identity.refused()
        await it.identity.renew_refused()
        assert it.shown == [token("a"), token("a")]


async def test_a_token_that_comes_after_signing_out_is_dropped() -> None:
    async with kept_fresh() as it:
        may_come = anyio.Event()
        tokens = [token("a"), token("late"), token("later")]

        async def fetch() -> str:
            if len(tokens) < 3:
                await may_come.wait()
            return tokens.pop(0)

        await it.identity.sign_in(fetch)
        it.identity.refused()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.identity.renew_refused)
            tasks.start_soon(it.identity.sign_in, fetch)
            await anyio.wait_all_tasks_blocked()
            it.identity.sign_out()
            may_come.set()
        assert it.shown == [token("a"), None]
        assert tokens == []


async def test_who_could_not_sign_in_stays_who_they_were() -> None:
    async with kept_fresh() as it:
        await it.identity.sign_in(Provider(token("a"), token("b")))
        with pytest.raises(OSError, match="down"):
            await it.identity.sign_in(Provider(OSError("down")))
        await it.nap.end()
        assert it.shown == [token("a"), token("b")]
