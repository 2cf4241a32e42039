"""What a run is given besides the data: the time, chance, and how far answers are then shared."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import anyio

from confect_core.values import Value, loads
from confect_server.engine import Conflict, Transaction
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import RunOutcome, Succeeded
from confect_server.runtime.query_cache import TIME_KEPT_NS
from confect_server.store import MemoryStore
from tests.server.runtime.almanac import almanac
from tests.server.stores import NOW_NS, SettableClock

NOW_MS = NOW_NS / 1e6


@dataclass
class Reader:
    """Asks the almanac, through the cache for queries as sockets do."""

    backend: Backend
    runs: Counter[str]
    clock: SettableClock

    async def ask(self, name: str, word: str = "x") -> Value:
        result = await self.backend.queries.run(f"almanac:{name}", {"word": word}, CLIENT)
        return value_of(result.outcome)

    async def note(self, word: str = "x") -> Value:
        run = self.backend.executor.run_mutation("almanac:note", {"word": word}, CLIENT)
        return value_of((await run).outcome)


def value_of(outcome: RunOutcome) -> Value:
    assert isinstance(outcome, Succeeded), outcome
    return loads(outcome.value)


@asynccontextmanager
async def opened(*, seed: int = 0) -> AsyncGenerator[Reader]:
    clock = SettableClock()
    runs: Counter[str] = Counter()
    randomness = random.Random(seed).randbytes
    opening = Backend.open(almanac(runs, clock), MemoryStore(), clock=clock, randomness=randomness)
    async with opening as backend:
        yield Reader(backend, runs, clock)


async def test_the_time_stands_still_in_a_query_and_in_what_it_calls() -> None:
    async with opened() as at:
        assert await at.ask("now_inside") == [NOW_MS, NOW_MS, NOW_MS]


async def test_what_a_mutation_inserts_was_created_when_it_began() -> None:
    async with opened() as at:
        await at.note()


async def test_the_time_goes_on_in_an_action() -> None:
    async with opened() as at:
        outcome = await at.backend.executor.run_action("almanac:moments", {}, CLIENT)
        assert value_of(outcome) == [NOW_MS, NOW_MS + 1]


async def test_an_answer_that_depends_on_the_time_is_kept_for_a_second() -> None:
    for name in ("now", "now_inside"):
        async with opened() as at:
            first = await at.ask(name, "inside")
            at.clock.at_ns += TIME_KEPT_NS
            assert await at.ask(name, "inside") == first
            assert at.runs[name] == 1
            at.clock.at_ns += 1
            assert await at.ask(name, "inside") != first
            assert at.runs[name] == 2


async def test_an_answer_from_before_the_clock_was_set_back_is_not_given() -> None:
    async with opened() as at:
        await at.ask("now")
        at.clock.at_ns -= 3_600_000_000_000
        assert await at.ask("now") == (at.clock.at_ns - 1_000_000) / 1e6


async def test_an_answer_by_chance_is_given_to_nobody_else() -> None:
    for name in ("draw", "draw_inside"):
        async with opened() as at:
            answers: list[Value] = []

            async def ask(at: Reader = at, name: str = name) -> None:
                answers.append(await at.ask(name))  # noqa: B023  # the list of this round

            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(ask)
            await ask()
            assert len({repr(answer) for answer in answers}) == 6
            assert at.runs[name] == 6
            assert at.backend.queries.held_bytes == 0


async def test_the_numbers_follow_from_the_seed_and_differ_in_what_is_called_inside() -> None:
    drawn: list[Value] = []
    for _ in range(2):
        async with opened(seed=7) as at:
            drawn.append(await at.ask("draw_inside", "both"))
    assert drawn[0] == drawn[1]
    several = cast("list[dict[str, Value]]", drawn[0])
    assert len({repr(each["number"]) for each in several}) == 3
    assert len({repr(each["id"]) for each in several}) == 3


async def test_numbers_inside_do_not_depend_on_how_many_the_caller_drew() -> None:
    async with opened(seed=7) as at:
        both = await at.ask("draw_inside", "both")
    async with opened(seed=7) as at:
        alone = await at.ask("draw_inside", "alone")
    assert cast("list[Value]", both)[1:] == alone


async def test_a_mutation_that_runs_again_draws_again_and_begins_later() -> None:
    async with opened() as at:
        database = at.backend.database
        commit = database.commit
        lost: list[Transaction] = []

        async def losing_once(transaction: Transaction, turn: object = None) -> int:
            if not lost:
                lost.append(transaction)
                at.clock.at_ns += 1
                raise Conflict(0, 0)
            assert transaction.began_at_ns == lost[0].began_at_ns + 1
            return await commit(transaction)

        database.commit = losing_once  # type: ignore[method-assign]  # the loser loses for sure
        drawn = await at.note()
    async with opened() as at:
        assert await at.note() != drawn
