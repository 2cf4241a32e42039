"""Answers of queries that are shared: each is computed once, and none of them is ever stale."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core.protocol import JsonObject
from confect_core.values import Value, loads
from confect_server.engine import write_log
from confect_server.runtime import (
    ADMIN,
    CLIENT,
    Backend,
    Caller,
    Executor,
    QueryCache,
    QueryResult,
    query_cache,
)
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.store import MemoryStore, Store
from tests.server.runtime.board import Runs, board
from tests.server.stores import SuspendingStore

LIST = "posts:list"


@dataclass
class Board:
    """The board, called as sockets do."""

    backend: Backend
    runs: Runs

    @property
    def cache(self) -> QueryCache:
        return self.backend.queries

    async def result(self, room: str, ts: int | None = None) -> QueryResult:
        return await self.cache.run(LIST, {"room": room}, CLIENT, ts)

    async def texts(self, room: str, ts: int | None = None) -> Value:
        return value_of(await self.result(room, ts))

    async def post(self, room: str, text: str) -> None:
        args: JsonObject = {"room": room, "text": text}
        result = await self.backend.executor.run_mutation("posts:post", args, CLIENT)
        assert isinstance(result.outcome, Succeeded)


def value_of(result: QueryResult) -> Value:
    assert isinstance(result.outcome, Succeeded), result.outcome
    return loads(result.outcome.value)


def new_cache(at: Board, *, max_bytes: int) -> QueryCache:
    """A cache of its own on the same backend."""
    backend = at.backend
    return QueryCache(backend.database, backend.executor, backend.clock, max_bytes=max_bytes)


@asynccontextmanager
async def opened(store: Store | None = None) -> AsyncGenerator[Board]:
    runs = Runs()
    async with Backend.open(board(runs), store or MemoryStore()) as backend:
        yield Board(backend, runs)


async def in_passing(at: Board, room: str) -> Value:
    return value_of(await at.cache.run(LIST, {"room": room}, CLIENT, is_kept_at_once=False))


async def test_an_answer_that_is_asked_for_in_passing_is_kept_from_the_second_time_on() -> None:
    async with opened() as at:
        held: list[int] = []
        for _ in range(4):
            assert await in_passing(at, "a") == []
            held.append(at.cache.held_bytes)
        assert at.runs.count["a"] == 1
        assert [each > 0 for each in held] == [False, True, True, True]


async def test_an_answer_that_was_laid_aside_is_never_stale() -> None:
    async with opened() as at:
        assert await in_passing(at, "a") == []
        await at.post("a", "one")
        assert await in_passing(at, "a") == ["one"]
        assert at.cache.held_bytes > 0  # it was asked for twice
        await at.post("a", "two")
        assert await in_passing(at, "a") == ["one", "two"]
        assert at.runs.count["a"] == 3


async def test_what_was_laid_aside_goes_with_the_application_that_answered_it() -> None:
    async with opened() as at:
        await in_passing(at, "a")
        at.cache.clear()
        await in_passing(at, "a")
        assert at.runs.count["a"] == 2


async def test_who_asks_in_passing_is_given_what_is_kept() -> None:
    async with opened() as at:
        await at.texts("a")
        assert (await in_passing(at, "a"), at.runs.count["a"]) == ([], 1)


async def test_which_questions_were_asked_is_forgotten_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(query_cache, "_QUESTIONS_REMEMBERED", 10)
    monkeypatch.setattr(query_cache, "_LAID_ASIDE", 3)
    async with opened() as at:
        for number in [*range(30), 0]:
            await in_passing(at, f"{number}")
        assert at.cache.held_bytes == 0
        await in_passing(at, "23")  # it was asked for, and its answer is not there any more
        assert at.cache.held_bytes > 0
        assert (at.runs.count["0"], at.runs.count["23"]) == (2, 2)


async def test_an_answer_is_computed_once_until_it_is_written_to() -> None:
    async with opened() as at:
        await at.post("a", "one")
        first = await at.result("a")
        again = await at.result("a")
        assert again.outcome is first.outcome
        await at.post("b", "elsewhere")
        assert await at.texts("a") == ["one"]
        assert at.runs.count["a"] == 1
        await at.post("a", "two")
        assert await at.texts("a") == ["one", "two"]
        assert at.runs.count["a"] == 2


async def test_arguments_are_the_same_in_whatever_order_they_are_written() -> None:
    async with opened() as at:
        one: JsonObject = {"room": "a", "more": {"x": 1, "y": 2}}
        other: JsonObject = {"more": {"y": 2, "x": 1}, "room": "a"}
        await at.texts("a")
        held = at.cache.held_bytes
        for args in (one, other):  # not what the function takes, so not kept
            assert isinstance((await at.cache.run(LIST, args, CLIENT)).outcome, Failed)
        assert at.cache.held_bytes == held


async def test_an_older_snapshot_shares_what_has_not_changed_since() -> None:
    async with opened() as at:
        await at.post("a", "one")
        old = at.backend.database.newest_ts
        await at.post("b", "elsewhere")
        assert await at.texts("a") == ["one"]
        assert await at.texts("a", old) == ["one"]
        assert at.runs.count["a"] == 1
        await at.post("a", "two")
        assert await at.texts("a") == ["one", "two"]
        assert await at.texts("a", old) == ["one"]
        assert await at.texts("a") == ["one", "two"]


async def test_an_answer_from_long_ago_can_be_subscribed_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_log, "MAX_ENTRIES", 0)
    monkeypatch.setattr(write_log, "_FORGOTTEN_AT_ONCE", 1)
    async with opened() as at:
        first = await at.result("a")
        for number in range(5):
            await at.post("b", str(number))
        told: list[int] = []
        same_reads = replace(first.reads)
        assert at.backend.database.subscribe(same_reads, first.ts, told.append) is None
        told.clear()
        again = await at.result("a")
        assert at.runs.count["a"] == 1
        assert at.backend.database.subscribe(again.reads, again.ts, told.append)
        assert told == []


async def test_who_may_not_call_a_function_gets_no_answer_of_it() -> None:
    async with opened() as at:

        async def hidden(caller: Caller) -> object:
            return (await at.cache.run("posts:hidden", {"room": "a"}, caller)).outcome

        assert isinstance(await hidden(ADMIN), Succeeded)
        assert isinstance(await hidden(CLIENT), Failed)


async def test_whoever_asks_while_it_is_computed_waits_for_it() -> None:
    async with opened() as at:
        answers: list[QueryResult] = []

        async def ask() -> None:
            answers.append(await at.result("a"))

        at.runs.shut()
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert at.runs.count["a"] == 1
            at.runs.gate.set()
        assert len({id(answer.outcome) for answer in answers}) == 1
        assert (len(answers), at.runs.count["a"]) == (50, 1)


async def test_when_the_one_who_computes_gives_up_another_one_computes() -> None:
    async with opened() as at:
        answers: list[Value] = []

        async def ask() -> None:
            answers.append(await at.texts("a"))

        at.runs.shut()
        first = anyio.CancelScope()

        async def ask_first() -> None:
            with first:
                await ask()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_first)
            await anyio.wait_all_tasks_blocked()
            for _ in range(3):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            first.cancel()
            await anyio.wait_all_tasks_blocked()
            assert at.runs.count["a"] == 2
            at.runs.gate.set()
        assert answers == [[], [], []]
        assert at.runs.count["a"] == 2


async def test_who_waited_in_vain_while_the_schema_changed_is_answered_at_a_newer_snapshot() -> (
    None
):
    async with opened() as at:
        at.runs.shut()
        first, answers = anyio.CancelScope(), list[Value]()

        async def ask_first() -> None:
            with first:
                await at.texts("a")

        async def ask() -> None:
            answers.append(await at.texts("a"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_first)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            transaction = at.backend.database.begin()
            await transaction.table_to_fill("another")
            await at.backend.database.commit(transaction)
            first.cancel()
            at.runs.gate.set()
        assert answers == [[]]


async def test_what_a_commit_overtakes_while_it_is_computed_is_not_kept() -> None:
    async with opened() as at:
        old = at.backend.database.newest_ts
        answers: list[Value] = []

        async def ask() -> None:
            answers.append(await at.texts("a"))

        at.runs.shut()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            await at.post("a", "one")
            at.runs.gate.set()
        assert answers == [[]], "right at the snapshot that was asked for"
        assert at.cache.held_bytes == 0
        assert await at.texts("a") == ["one"]
        assert await at.texts("a", old) == []


async def test_who_asks_after_a_commit_does_not_wait_for_an_answer_from_before() -> None:
    async with opened() as at:
        answers: list[Value] = []

        async def ask() -> None:
            answers.append(await at.texts("a"))

        at.runs.shut()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            await at.post("a", "one")
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            at.runs.gate.set()
        assert answers == [[], ["one"]]


async def test_failures_are_not_kept_but_those_who_wait_share_them() -> None:
    async with opened() as at:
        answers: list[object] = []

        async def ask() -> None:
            answers.append((await at.result("nowhere")).outcome)

        at.runs.shut()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            at.runs.gate.set()
        assert all(isinstance(answer, Failed) for answer in answers)
        assert (at.runs.count["nowhere"], at.cache.held_bytes) == (1, 0)
        await ask()
        assert at.runs.count["nowhere"] == 2


async def test_arguments_that_are_nested_too_deep_are_refused_as_without_a_cache() -> None:
    async with opened() as at:
        deep: JsonObject = {}
        for _ in range(400):
            deep = {"a": deep}
        outcome = (await at.cache.run(LIST, deep, CLIENT)).outcome
        direct = (await at.backend.executor.run_query(LIST, deep, CLIENT)).outcome
        assert isinstance(outcome, Failed)
        assert isinstance(direct, Failed)
        assert outcome.message.partition("]")[2] == direct.message.partition("]")[2]


async def test_the_answers_asked_for_longest_ago_make_room() -> None:
    async with opened() as at:
        await at.texts("a")
        room_for_three = 3 * at.cache.held_bytes
        cache = new_cache(at, max_bytes=room_for_three)
        for room in "bcdbe":  # c is the one that was asked for longest ago when e comes
            await cache.run(LIST, {"room": room}, CLIENT)
            assert cache.held_bytes <= room_for_three
        for room in "bde":
            await cache.run(LIST, {"room": room}, CLIENT)
            assert at.runs.count[room] == 1
        await cache.run(LIST, {"room": "c"}, CLIENT)
        assert at.runs.count["c"] == 2


async def test_an_answer_that_is_larger_than_all_room_is_not_kept() -> None:
    async with opened() as at:
        await at.texts("a")
        room_for_two = 2 * at.cache.held_bytes
        cache = new_cache(at, max_bytes=room_for_two)
        await at.post("b", "x" * room_for_two)
        await cache.run(LIST, {"room": "a"}, CLIENT)
        held = cache.held_bytes
        assert value_of(await cache.run(LIST, {"room": "b"}, CLIENT)) == ["x" * room_for_two]
        assert cache.held_bytes == held > 0


async def test_an_answer_takes_no_more_memory_than_is_counted() -> None:
    async with opened() as at:
        await at.texts("warm")
        gc.collect()
        counted = at.cache.held_bytes
        tracemalloc.start()
        try:
            for number in range(500):
                await at.texts(str(number))
            gc.collect()
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        counted = at.cache.held_bytes - counted
        assert counted / 2 < taken < counted


async def test_what_another_process_writes_is_computed_anew() -> None:
    store = MemoryStore()
    async with opened(store) as at, opened(store) as other:
        assert await at.texts("a") == await at.texts("b") == []
        await other.post("a", "one")
        await at.backend.database.refresh()
        assert await at.texts("a") == ["one"]
        assert await at.texts("b") == []
        assert at.runs.count == {"a": 2, "b": 1}


async def test_room_is_given_back_by_whatever_is_written_to() -> None:
    async with opened() as at:
        await at.texts("a")
        held = at.cache.held_bytes
        await at.texts("b")
        await at.post("b", "one")
        assert at.cache.held_bytes == held > 0
        await at.post("a", "one")
        assert at.cache.held_bytes == 0


@dataclass(frozen=True, slots=True)
class Person(Caller):
    """Somebody with a name."""

    name: str = ""


class Nosy(Executor):
    """Looks at who called, in room a; where it does, the answers of two callers may differ."""

    async def query_at(
        self, path: str, args: JsonObject, caller: Caller, ts: int | None, journal: str | None
    ) -> QueryResult:
        result = await super().query_at(path, args, caller, ts, journal)
        result.looked_at.caller = args["room"] == "a"
        return result


def nosy(at: Board) -> QueryCache:
    executor = at.backend.executor
    executor.__class__ = Nosy
    return new_cache(at, max_bytes=1_000_000)


async def test_an_answer_that_depends_on_who_called_is_for_that_caller_alone() -> None:
    async with opened() as at:
        cache = nosy(at)
        ada, bob = Person(name="ada"), Person(name="bob")
        for caller in (ada, bob, ada, Person(name="bob")):
            await cache.run(LIST, {"room": "a"}, caller)
        assert at.runs.count["a"] == 2
        for caller in (ada, bob):
            await cache.run(LIST, {"room": "b"}, caller)
        assert at.runs.count["b"] == 1, "the same function did not look this time"


async def test_whoever_waits_for_an_answer_that_is_for_another_caller_runs_it_too() -> None:
    async with opened() as at:
        cache = nosy(at)
        at.runs.shut()
        answers: dict[str, list[QueryResult]] = {"ada": [], "bob": [], "eve": []}

        async def ask(name: str) -> None:
            answers[name].append(await cache.run(LIST, {"room": "a"}, Person(name=name)))

        async with anyio.create_task_group() as tasks:
            for name in (*answers, *answers):
                tasks.start_soon(ask, name)
            await anyio.wait_all_tasks_blocked()
            assert at.runs.count["a"] == 1, "nobody knows yet that it looks"
            at.runs.gate.set()
        assert at.runs.count["a"] == 3
        outcomes = [{id(each.outcome) for each in several} for several in answers.values()]
        assert [len(each) for each in outcomes] == [1, 1, 1]
        assert len(set[int]().union(*outcomes)) == 3


async def test_another_version_of_the_application_answers_anew() -> None:
    async with opened() as at:
        assert await at.texts("a") == []
        answers: list[Value] = []

        async def ask() -> None:
            answers.append(await at.texts("b"))

        at.runs.shut()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            await at.backend.replace(board(at.runs, greeting="hello"))
            assert at.cache.held_bytes == 0
            at.runs.gate.set()
        assert answers == [[]]
        assert at.cache.held_bytes == 0, "the old version's answer came too late"
        assert await at.texts("a") == await at.texts("b") == ["hello"]


ROOMS = "abc"


@dataclass
class History:
    """Readers and writers at once, over a store that lets others in at every call."""

    at: Board
    small: QueryCache
    snapshots: list[int] = field(default_factory=list[int])
    checked: int = 0

    async def take_part(self, steps: list[tuple[str, str]]) -> None:
        for action, room in steps:
            if action == "post":
                await self.at.post(room, str(len(self.snapshots)))
                self.snapshots.append(self.at.backend.database.newest_ts)
            elif action == "pause":
                await checkpoint()
            else:
                await self._read(action, room)

    async def _read(self, action: str, room: str) -> None:
        cache = self.small if action == "read small" else self.at.cache
        args: JsonObject = {"room": room}
        ts = self.at.backend.database.newest_ts
        if action == "read old" and self.snapshots:
            ts = self.snapshots[len(self.snapshots) // 2]
        asked = None if action == "read newest" else ts
        answer = await cache.run(LIST, args, CLIENT, asked)
        direct = await self.at.backend.executor.run_query(LIST, args, CLIENT, ts)
        assert value_of(answer) == value_of(direct)
        there = await self.at.backend.executor.run_query(LIST, args, CLIENT, answer.ts)
        assert value_of(answer) == value_of(there), "what it says of when it was is true too"
        assert answer.reads == there.reads
        self.checked += 1


ACTIONS = st.sampled_from(["post", "read", "read", "read newest", "read old", "read small"])
STEPS = st.lists(st.tuples(ACTIONS | st.just("pause"), st.sampled_from(ROOMS)), max_size=12)


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, min_size=2, max_size=5))
def test_no_answer_is_ever_stale(histories: list[list[tuple[str, str]]]) -> None:
    async def run() -> None:
        async with opened(SuspendingStore(MemoryStore())) as at:
            small = new_cache(at, max_bytes=6_000)
            history = History(at, small)
            async with anyio.create_task_group() as tasks:
                for steps in histories:
                    tasks.start_soon(history.take_part, steps)
            reads = sum(action.startswith("read") for steps in histories for action, _ in steps)
            assert history.checked == reads

    anyio.run(run)
