"""Tokens of calls over HTTP: fetched by the call that needs the next one, and by no other."""

from __future__ import annotations

import anyio
import pytest

from confect_client.http.held_token import HeldToken
from tests.client.tokens import NOW_S, Provider, token


class Held:
    """A token whose clock a test moves."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.passed_s = 0.0
        self.fetch = Provider(*answers)
        self.token = HeldToken(
            now_s=lambda: NOW_S + self.passed_s, clock_s=lambda: 1000 + self.passed_s
        )


def fresh(name: str, at_s: float = 0) -> str:
    """A token that is issued then, for a minute."""
    return token(name, iat=NOW_S + at_s, exp=NOW_S + at_s + 60)


async def test_a_token_is_shown_until_shortly_before_it_lapses() -> None:
    ada, bea = fresh("ada"), fresh("bea", 50)
    it = Held(ada, bea)
    assert await it.token.current() is None
    await it.token.sign_in(it.fetch)
    it.passed_s = 49
    assert await it.token.current() == ada
    it.passed_s = 51
    assert await it.token.current() == bea
    assert await it.token.current() == bea


async def test_a_token_that_says_nothing_is_shown_until_it_is_refused() -> None:
    it = Held("opaque", "another")
    await it.token.sign_in(it.fetch)
    it.passed_s = 1e9
    assert await it.token.current() == "opaque"
    assert await it.token.replace("opaque")
    assert await it.token.current() == "another"
    assert await it.token.replace("opaque")  # somebody else has replaced it
    assert it.fetch.answers == []


async def test_one_of_many_calls_fetches() -> None:
    it = Held("first", "second")
    may_answer = anyio.Event()
    may_answer.set()

    async def slow() -> str | None:
        await may_answer.wait()
        return await it.fetch()

    await it.token.sign_in(slow)
    may_answer = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(it.token.replace, "first")
        await anyio.wait_all_tasks_blocked()
        may_answer.set()
    assert await it.token.current() == "second"
    assert it.fetch.answers == []


async def test_what_cannot_be_fetched_is_raised_only_once_the_last_token_has_lapsed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ada, bea = fresh("ada"), fresh("bea", 61)
    it = Held(ada, OSError("down"), OSError("still down"), bea)
    await it.token.sign_in(it.fetch)
    it.passed_s = 55
    assert await it.token.current() == ada
    assert await it.token.current() == ada  # and nobody is asked again at once
    assert "the next token cannot be fetched: down" in caplog.text
    it.passed_s = 61
    with pytest.raises(OSError, match="still down"):
        await it.token.current()
    assert await it.token.current() == bea


async def test_what_is_fetched_for_somebody_who_signed_out_is_dropped() -> None:
    it = Held("first", "second")
    await it.token.sign_in(it.fetch)
    may_answer = anyio.Event()

    async def slow() -> str:
        await may_answer.wait()
        return "third"

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(it.token.sign_in, slow)
        await anyio.wait_all_tasks_blocked()
        it.token.sign_out()
        may_answer.set()
    assert await it.token.current() is None
    assert not await it.token.replace("first")
    assert it.fetch.answers == ["second"]


async def test_what_the_first_fetch_raises_changes_nobody() -> None:
    it = Held("first", PermissionError("no"))
    await it.token.sign_in(it.fetch)
    with pytest.raises(PermissionError):
        await it.token.sign_in(it.fetch)
    assert await it.token.current() == "first"
