"""Running functions: what they are given, what they answer, and what is told of failures."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import anyio
import pytest
from anyio.abc import TaskGroup

from confect_core import FunctionSpec, GroupSpec, NoArgs, ref
from confect_core.values import Json, Value, encode, encode_id, loads
from confect_server import ActionCtx, GroupImpl, Impl, MutationCtx, QueryCtx, impl, layers
from confect_server.engine import OutOfRetention
from confect_server.runtime import ADMIN, CLIENT, Backend, Caller
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.runtime.requests import SessionRequest
from confect_server.runtime.transactions import FREE_ATTEMPTS
from confect_server.settings import Settings, Sharing
from confect_server.store import MemoryStore
from tests.server.engine.faults import FaultyStore
from tests.server.runtime.bank import Journal, Meeting, bank


@dataclass
class Teller:
    """Calls the bank's functions as clients do."""

    backend: Backend
    journal: Journal

    async def query(self, name: str, /, **args: Value) -> Value:
        result = await self.backend.executor.run_query(f"accounts:{name}", wire(args), CLIENT)
        return value_of(result.outcome)

    async def mutation(self, name: str, /, **args: Value) -> Value:
        result = await self.backend.executor.run_mutation(f"accounts:{name}", wire(args), CLIENT)
        return value_of(result.outcome)

    async def failure(self, name: str, /, **args: Value) -> Failed:
        executor = self.backend.executor
        outcome = await executor.run_any(f"accounts:{name}", wire(args), CLIENT)
        assert isinstance(outcome, Failed), outcome
        return outcome


def wire(args: dict[str, Value]) -> dict[str, Json]:
    return cast("dict[str, Json]", encode(args))


def value_of(outcome: RunOutcome) -> Value:
    assert isinstance(outcome, Succeeded), outcome
    return loads(outcome.value)


def data_of(failed: Failed) -> Value:
    assert failed.error_data is not None
    return loads(failed.error_data)


def detail_of(failed: Failed) -> str:
    """What follows the line with the id of the request."""
    first, _, detail = failed.message.partition("\n")
    assert re.fullmatch(r"\[Request ID: [0-9a-f]{16}\] Server Error", first)
    return detail


@asynccontextmanager
async def teller(
    *,
    redacts: bool = False,
    store: MemoryStore | None = None,
    meeting: Meeting | None = None,
    settings: Settings | None = None,
) -> AsyncGenerator[Teller]:
    journal = Journal()
    application = bank(journal, meeting or Meeting())
    async with Backend.open(
        application, store or MemoryStore(), redacts=redacts, settings=settings
    ) as backend:
        yield Teller(backend, journal)


async def test_a_mutation_writes_and_a_query_reads() -> None:
    async with teller() as at:
        id = await at.mutation("open", name="Ada", balance=10.0)
        assert isinstance(id, str)
        assert await at.query("balance", name="Ada") == 10.0
        assert await at.query("find", account=id) == "Ada"
        assert await at.mutation("open", name="Bea") != id
        assert await at.query("total") == 10.0


async def test_a_result_says_when_it_was_and_what_it_depends_on() -> None:
    async with teller() as at:
        executor = at.backend.executor
        opened = await executor.run_mutation("accounts:open", {"name": "Ada"}, CLIENT)
        before = await executor.run_query("accounts:total", {}, CLIENT)
        await at.mutation("open", name="Bea", balance=5.0)
        assert opened.ts is not None
        assert before.ts == opened.ts
        again = await executor.run_query("accounts:total", {}, CLIENT, before.ts)
        assert (value_of(again.outcome), again.reads) == (0.0, before.reads)
        told: list[int] = []
        assert at.backend.database.subscribe(before.reads, before.ts, told.append) is None
        assert told == [at.backend.database.newest_ts]


@pytest.mark.parametrize("function", ["transfer", "raising"])
async def test_a_declared_error_travels_alike_whether_returned_or_raised(
    function: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with teller() as at:
        await at.mutation("open", name="Ada", balance=10.0)
        await at.mutation("open", name="Bea")
        nobody = await at.failure(function, source="Cleo", target="Ada", amount=1.0)
        assert data_of(nobody) == {"_tag": "NoAccount", "name": "Cleo"}
        assert detail_of(nobody) == "Uncaught NoAccount(name='Cleo')"
        overdrawn = await at.failure(function, source="Ada", target="Bea", amount=15.0)
        assert data_of(overdrawn) == {"_tag": "Overdrawn", "by": 5.0}
        answer = await at.mutation(function, source="Ada", target="Bea", amount=4.0)
        assert answer == 6.0
    assert caplog.records == []


@pytest.mark.parametrize("function", ["transfer", "raising"])
async def test_a_declared_error_rolls_back(function: str) -> None:
    async with teller() as at:
        await at.mutation("open", name="Ada", balance=10.0)
        await at.mutation("open", name="Bea")
        before = at.backend.database.newest_ts
        await at.failure(function, source="Ada", target="Bea", amount=15.0)
        await at.failure(function, source="Ada", target="Cleo", amount=1.0)
        assert at.journal.lines[-2:] == ["move 15", "move 1"]
        assert at.backend.database.newest_ts == before
        assert await at.query("balance", name="Ada") == 10.0
        assert await at.query("balance", name="Bea") == 0.0


async def test_an_error_that_is_not_declared_is_a_defect(caplog: pytest.LogCaptureFixture) -> None:
    async with teller(redacts=True) as at:
        failed = await at.failure("secretive", name="Ada")
        assert failed.error_data is None
        assert detail_of(failed) == ""
        assert "secret" not in failed.message
        assert await at.query("total") == 0.0
        assert await at.query("search", prefix="") == []
    (record,) = caplog.records
    request_id = failed.message[len("[Request ID: ") :][:16]
    assert record.name == "confect"
    assert record.levelno == logging.ERROR
    assert f"accounts:secretive failed [Request ID: {request_id}]" in record.getMessage()
    assert record.exc_info is not None
    assert "Undeclared(secret='of the bank')" in str(record.exc_info[1])


async def test_a_defect_is_told_whole_in_development_and_not_at_all_in_production(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with teller() as at:
        detail = detail_of(await at.failure("broken"))
        assert detail.startswith("Uncaught RuntimeError: of the bank\n    at ")
        assert re.search(r"\n    at broken \(.*bank\.py:\d+\)", detail)
        detail = detail_of(await at.failure("secretive", name="Ada"))
        assert "UndeclaredError: accounts:secretive failed with Undeclared(" in detail
        assert "add the error to `error=`" in detail
        detail = detail_of(await at.failure("needy"))
        assert "MissingService: no layer provides Unprovided" in detail
    async with teller(redacts=True) as at:
        assert detail_of(await at.failure("broken")) == ""
        await at.mutation("open", name="Ada")
        declared = await at.failure("transfer", source="Ada", target="Bea", amount=1.0)
        assert detail_of(declared) == ""
        assert data_of(declared) == {"_tag": "NoAccount", "name": "Bea"}
    assert all(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("function", ["wrong", "lying"])
async def test_results_are_checked(function: str) -> None:
    async with teller() as at:
        detail = detail_of(await at.failure(function))
        assert detail.startswith("ReturnsValidationError: Value does not match validator.")
        assert "'three'" in detail


@pytest.mark.parametrize(
    ("function", "args", "problem"),
    [
        ("open", {}, "Object is missing the required field `name`."),
        ("open", {"name": 3.0}, "Path: .name\nValue: 3.0\n"),
        ("open", {"name": "Ada", "balance": 1.5}, "Path: .balance"),
        ("open", {"name": "Ada", "size": 1.0}, "Object contains extra field `size` that is not"),
        ("find", {"account": "no id"}, "is no document id"),
        ("find", {"account": encode_id(20_000, bytes(16))}, "Expected an id of table accounts"),
        ("page", {"name": "Ada"}, "Object is missing the required field `paginationOpts`."),
        ("page", {"paginationOpts": {"numItems": 1.0}}, "missing the required field `name`."),
        ("page", {"name": "Ada", "paginationOpts": {"numItems": -1.0}}, "Path: .numItems"),
        ("search", {}, "Object is missing the required field `prefix`."),
        ("search", {"prefix": "", "at_most": "two"}, "Path: .at_most"),
        ("search", {"prefix": "", "size": 1.0}, "Object contains extra field `size`"),
    ],
)
async def test_arguments_are_checked(function: str, args: dict[str, Value], problem: str) -> None:
    async with teller() as at:
        detail = detail_of(await at.failure(function, **args))
        assert detail.startswith("ArgumentValidationError: ")
        assert problem in detail
        assert at.journal.lines == []


async def test_an_id_of_another_table_is_no_argument() -> None:
    async with teller() as at:
        tables = at.backend.executor.application.tables
        branch = encode_id(tables.by_name["branches"].number, bytes(16))
        detail = detail_of(await at.failure("find", account=branch))
        assert "Expected an id of table accounts, found one of table branches" in detail


async def test_a_function_is_called_as_what_it_is_by_whoever_may() -> None:
    async with teller() as at:
        executor = at.backend.executor

        async def told(kind: str, path: str, caller: Caller = CLIENT) -> str:
            if kind == "query":
                outcome = (await executor.run_query(path, {}, caller)).outcome
            elif kind == "mutation":
                outcome = (await executor.run_mutation(path, {}, caller)).outcome
            else:
                outcome = await executor.run_action(path, {}, caller)
            return outcome.message if isinstance(outcome, Failed) else "fine"

        as_query = "Trying to execute accounts:open as Query, but it is defined as Mutation."
        assert as_query in await told("query", "accounts:open")
        assert "as Mutation, but it is defined as Query." in await told("mutation", "accounts:page")
        assert "as Query, but it is defined as Action." in await told("query", "accounts:settle")
        assert "as Action, but it is defined as Query." in await told("action", "accounts:total")
        not_found = "Could not find public function for 'accounts:reset'."
        assert not_found in await told("mutation", "accounts:reset")
        assert await told("mutation", "accounts:reset", ADMIN) == "fine"
        for kind in ("query", "mutation", "action"):
            assert "Could not find public function for 'a:b'." in await told(kind, "a:b", ADMIN)
        assert (await at.failure("reset")).message.endswith(not_found)


async def test_anything_can_be_run_as_what_it_is() -> None:
    async with teller() as at:
        run = at.backend.executor.run_any
        assert isinstance(await run("accounts:open", {"name": "Ada"}, CLIENT), Succeeded)
        assert value_of(await run("accounts:total", {}, CLIENT)) == 0.0
        args: dict[str, Json] = {"source": "Ada", "target": "Ada", "amount": 0.0}
        assert isinstance(await run("accounts:settle", args, CLIENT), Succeeded)


async def test_a_nested_query_sees_the_writes_of_its_mutation() -> None:
    async with teller() as at:
        assert await at.mutation("open_and_count", name="Ada", balance=3.0) == 3.0
        assert await at.mutation("open_and_count", name="Bea", balance=4.0) == 7.0


async def test_a_query_calls_queries_of_every_sort() -> None:
    async with teller() as at:
        await at.mutation("open", name="Ada", balance=3.0)
        assert await at.query("report", name="Ada") == "3 ['Ada'] ['Ada', 'Ada'] of 3"
        assert await at.query("report", name="Bea") == "no account Bea"


async def test_an_action_calls_the_others_each_for_itself() -> None:
    async with teller() as at:
        await at.mutation("open", name="Ada", balance=10.0)
        await at.mutation("open", name="Bea")
        args: dict[str, Json] = {"source": "Ada", "target": "Bea", "amount": 6.0}
        settled = await at.backend.executor.run_action("accounts:settle_twice", args, CLIENT)
        assert value_of(settled) == [
            "10 <Success: 4> <Success: 6>",
            "10 <Failure: Overdrawn(by=2)> <Success: 6>",
        ]
        assert await at.query("balance", name="Ada") == 4.0


async def test_a_query_cannot_write() -> None:
    async with teller() as at:
        detail = detail_of(await at.failure("writing", name="Ada"))
        assert "Uncaught AttributeError" in detail
        assert await at.query("total") == 0.0


async def test_a_plain_function_takes_its_arguments_by_name_with_its_defaults() -> None:
    async with teller() as at:
        for name in ("Ada", "Abe", "Abby", "Bea"):
            await at.mutation("open", name=name)
        assert await at.query("search", prefix="A") == ["Abby", "Abe"]
        assert await at.query("search", prefix="A", at_most=1.0) == ["Abby"]
        assert await at.query("search", prefix="A", order="desc", at_most=9.0) == [
            "Ada",
            "Abe",
            "Abby",
        ]


async def test_a_paginated_query_is_given_the_page_that_is_asked_for() -> None:
    async with teller() as at:
        options: Value = {"numItems": 2.0, "cursor": "c", "id": 5.0}
        assert await at.query("page", name="Ada", paginationOpts=options) == {
            "page": ["Ada", "Ada"],
            "isDone": False,
            "continueCursor": "after c",
            "splitCursor": None,
            "pageStatus": None,
        }
        assert await at.query("plain_page", prefix="A", paginationOpts=options) == ["A", "2", "c"]


async def test_the_mutation_that_loses_runs_again() -> None:
    async with teller() as at:
        await at.mutation("open", name="Ada", balance=10.0)
        answers: list[Value] = []

        async def deposit(amount: float) -> None:
            answers.append(await at.mutation("deposit", name="Ada", balance=amount))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deposit, 1.0)
            tasks.start_soon(deposit, 2.0)
        assert await at.query("balance", name="Ada") == 13.0
        assert len(at.journal.lines) == 4  # one to open, two that met, one that ran again
        assert sorted(cast("list[float]", answers))[-1] == 13.0


class Rivalry(Meeting):
    """Whoever comes here finds that another process writes the account of Ada just now."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.elsewhere: Teller | None = None
        self.times = times

    async def meet(self) -> None:
        if self.times:
            self.times -= 1
            await self.transfer()

    async def transfer(self) -> None:
        assert self.elsewhere is not None
        await self.elsewhere.mutation("transfer", source="Ada", target="Bea", amount=1.0)


class Onslaught(Rivalry):
    """Another process writes the account each time, and is waited for as long as it can."""

    def __init__(self, times: int, tasks: TaskGroup) -> None:
        super().__init__(times)
        self._tasks = tasks

    async def meet(self) -> None:
        self.times -= 1
        if self.times:
            await self.transfer()
        else:
            self._tasks.start_soon(self.transfer)
            await anyio.wait_all_tasks_blocked()


class Standstill(Rivalry):
    """Another process writes the account until nobody but this one can, and that one hangs."""

    async def meet(self) -> None:
        if self.times:
            await super().meet()
        else:
            await anyio.sleep_forever()


@asynccontextmanager
async def two_processes(rivalry: Rivalry, turn_s: float = 60) -> AsyncGenerator[Teller]:
    store, settings = MemoryStore(), Settings(sharing=Sharing(turn_s=turn_s))
    async with (
        teller(store=store) as elsewhere,
        teller(store=store, meeting=rivalry, settings=settings) as at,
    ):
        rivalry.elsewhere = elsewhere
        await at.mutation("open", name="Ada", balance=100.0)
        await at.mutation("open", name="Bea")
        await elsewhere.backend.database.refresh()
        yield at


async def test_a_mutation_that_keeps_losing_to_another_process_makes_it_wait() -> None:
    async with (
        anyio.create_task_group() as tasks,
        two_processes(Onslaught(FREE_ATTEMPTS + 1, tasks)) as at,
    ):
        await at.mutation("deposit", name="Ada", balance=10.0)
        assert at.journal.lines.count("deposit 10") == FREE_ATTEMPTS + 1
        assert await at.query("balance", name="Ada") == 110.0 - FREE_ATTEMPTS
        await anyio.wait_all_tasks_blocked()
        await at.backend.database.refresh()
        assert await at.query("balance", name="Ada") == 109.0 - FREE_ATTEMPTS
        assert await at.query("total") == 110.0


async def test_a_mutation_that_runs_alone_for_too_long_is_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    standstill = Standstill(FREE_ATTEMPTS)
    async with two_processes(standstill, turn_s=0.01) as at:
        detail = detail_of(await at.failure("deposit", name="Ada", balance=1.0))
        assert "TurnTooLong: a mutation that ran alone was stopped after 0.01 s" in detail
        await standstill.transfer()
        await at.backend.database.refresh()
        assert await at.query("balance", name="Ada") == 99.0 - FREE_ATTEMPTS
    assert len(caplog.records) == 1


async def test_a_request_that_is_sent_again_is_answered_as_before() -> None:
    async with teller() as at:
        executor = at.backend.executor
        request = SessionRequest("session", 7)
        args: dict[str, Json] = {"name": "Ada"}
        first = await executor.run_mutation("accounts:open", args, CLIENT, request)
        await at.mutation("open", name="Bea")
        again = await executor.run_mutation("accounts:open", args, CLIENT, request)
        assert again == first
        assert at.journal.lines == ["open Ada", "open Bea"]
        others = [SessionRequest("session", 8), SessionRequest("other", 7)]
        for other in others:
            assert await executor.run_mutation("accounts:open", args, CLIENT, other) != first


async def test_a_request_that_failed_runs_again() -> None:
    async with teller() as at:
        executor = at.backend.executor
        request = SessionRequest("session", 7)
        args: dict[str, Json] = {"source": "Ada", "target": "Ada", "amount": 1.0}
        failed = await executor.run_mutation("accounts:transfer", args, CLIENT, request)
        assert isinstance(failed.outcome, Failed)
        assert failed.ts is None
        await at.mutation("open", name="Ada", balance=5.0)
        succeeded = await executor.run_mutation("accounts:transfer", args, CLIENT, request)
        assert isinstance(succeeded.outcome, Succeeded)


async def test_the_id_of_a_request_is_the_same_when_it_is_sent_again() -> None:
    async with teller() as at:
        executor = at.backend.executor
        request = SessionRequest("session", 7)
        messages = {
            cast(
                "Failed", (await executor.run_mutation("accounts:a", {}, CLIENT, request)).outcome
            ).message
            for _ in range(2)
        }
        assert len(messages) == 1
        as_action = await executor.run_action("accounts:a", {}, CLIENT, request)
        assert {cast("Failed", as_action).message} == messages


@pytest.mark.parametrize("happens", [True, False], ids=["after it happened", "before it could"])
async def test_a_request_whose_commit_nobody_knows_of_is_answered_once(happens: bool) -> None:
    store = FaultyStore(MemoryStore())
    async with Backend.open(bank(Journal(), Meeting()), store) as backend:
        store.fails_to_say = True
        store.fails_after_commit, store.fails_before_commit = happens, not happens
        request = SessionRequest("session", 1)
        args = wire({"name": "ada"})
        run = backend.executor.run_mutation("accounts:open", args, CLIENT, request)
        opened = value_of((await run).outcome)
        store.fails_after_commit, store.fails_before_commit = happens, not happens
        unnamed = await backend.executor.run_mutation("accounts:open", args, CLIENT)
        assert isinstance(unnamed.outcome, Failed)
        assert "OutcomeUnknown" in unnamed.outcome.message
        store.fails_to_say = False
        again = await backend.executor.run_mutation("accounts:open", args, CLIENT, request)
        assert value_of(again.outcome) == opened
        await backend.database.refresh()
        accounts = backend.database.catalog.table("accounts").number
        count = await backend.database.begin(is_read_only=True).count(accounts)
        assert count == (2 if happens else 1)  # one for the request, whatever came of the other


class Lines(GroupSpec):
    write = FunctionSpec.public_mutation(returns=int)
    read = FunctionSpec.public_query(returns=int)
    ask = FunctionSpec.public_action(returns=int)


def in_task_groups(runs: list[str]) -> Impl[Any]:
    """Functions whose first run reads, in a task group, what cannot be read any more."""

    async def look(name: str) -> int:
        runs.append(name)
        if runs.count(name) == 1:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(out_of_retention)
        return runs.count(name)

    async def out_of_retention() -> None:
        raise OutOfRetention(1, 2)

    @impl(Lines.write)
    async def write(ctx: MutationCtx, args: NoArgs) -> int:
        return await look("write")

    @impl(Lines.read)
    async def read(ctx: QueryCtx, args: NoArgs) -> int:
        return await look("read")

    @impl(Lines.ask)
    async def ask(ctx: ActionCtx, args: NoArgs) -> int:
        return await ctx.run_query(ref("lines:read", Lines.read))

    functions = {"write": write, "read": read, "ask": ask}
    return Impl(layers()).provide(GroupImpl("lines", Lines, functions))


@pytest.mark.parametrize("path", ["lines:write", "lines:read", "lines:ask"])
async def test_what_is_lost_in_a_task_group_runs_again(path: str) -> None:
    runs: list[str] = []
    async with Backend.open(in_task_groups(runs), MemoryStore()) as backend:
        outcome = await backend.executor.run_any(path, {}, CLIENT)
        assert value_of(outcome) == 2.0
        assert len(runs) == 2
