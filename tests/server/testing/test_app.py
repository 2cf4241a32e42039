"""`TestApp`: what a test of an application may do with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from returns.result import Failure, Success

from confect_core import Id, MutationRef, PaginationOptions, PublicQueryRef, ref
from confect_server import MutationCtx, QueryCtx, Service, layers
from confect_server.auth import UserIdentity
from confect_server.engine import PausePoint
from confect_server.errors import FunctionNotFound, NothingToReplace, UndeclaredError
from confect_server.store import Admission, MemoryStore, SqliteStore
from confect_server.testing import CallFailed, NotRunning, ProcessDied, TestApp, replacing
from tests.server.environment.shop import Shop, shop
from tests.server.runtime.bank import Account, Accounts, Journal, Meeting, NoAccount, Refs, bank
from tests.server.stores import (
    STORE_KINDS,
    StoreKind,
    SuspendingAdmission,
    SuspendingStore,
    new_store,
)
from tests.server.testing.alarms import Alarm, Bell, Calls, alarms

OPEN = ref("accounts:open", Accounts.open_)
DEPOSIT = ref("accounts:deposit", Accounts.deposit)
BROKEN = ref("accounts:broken", Accounts.broken)
SECRETIVE = ref("accounts:secretive", Accounts.secretive)


def opened_bank() -> TestApp:
    return TestApp(bank(Journal(), Meeting()))


async def test_functions_are_called_by_their_refs() -> None:
    async with opened_bank() as t:
        await t.mutation(OPEN, name="ann", balance=3)
        await t.mutation(OPEN, name="bob")
        assert await t.query(Refs.total) == 3
        assert await t.query(Refs.search, "a") == ["ann"]
        page = await t.page(Refs.page, PaginationOptions(num_items=2), name="ann")
        assert page.page == ["ann", "ann"]
        settled = await t.action(Refs.settle, source="ann", target="bob", amount=1)
        assert settled == "3 <Success: 2> <Success: 1>"


async def test_a_declared_error_is_an_outcome_and_rolls_back() -> None:
    async with opened_bank() as t:
        await t.mutation(OPEN, name="ann", balance=3)
        assert await t.query(Refs.balance, name="ann") == Success(3)
        assert await t.query(Refs.balance, name="bob") == Failure(NoAccount(name="bob"))
        moved = await t.mutation(Refs.raising, source="ann", target="bob", amount=1)
        assert moved == Failure(NoAccount(name="bob"))
        assert await t.query(Refs.total) == 3


async def test_what_a_handler_raises_is_raised_as_it_was() -> None:
    async with opened_bank() as t:
        with pytest.raises(RuntimeError, match="of the bank") as raised:
            await t.query(BROKEN)
        assert "broken" in [frame.name for frame in raised.traceback]
        with pytest.raises(UndeclaredError, match="of the bank"):
            await t.mutation(SECRETIVE, name="ann")


async def test_internal_functions_are_called_by_tests_and_not_by_clients() -> None:
    async with opened_bank() as t:
        await t.mutation(OPEN, name="ann", balance=3)
        hidden: PublicQueryRef[[], int] = PublicQueryRef(
            Refs.reset.path, Accounts.total, Refs.total.call
        )
        with pytest.raises(CallFailed) as refused:
            await t.as_client().query(hidden)
        assert isinstance(refused.value.__cause__, FunctionNotFound)
        await t.mutation(Refs.reset)
        assert await t.as_client().query(Refs.total) == 0


async def test_a_client_is_told_of_a_failure_what_clients_are_told() -> None:
    async with TestApp(bank(Journal(), Meeting()), redacts=True) as t:
        with pytest.raises(CallFailed) as failed:
            await t.as_client().query(BROKEN)
        assert "of the bank" not in str(failed.value)
        assert isinstance(failed.value.__cause__, RuntimeError)
        missing = await t.as_client().query(Refs.balance, name="bob")
        assert missing == Failure(NoAccount(name="bob"))


async def test_code_of_a_test_runs_as_a_mutation_and_as_a_query() -> None:
    async def seed(ctx: MutationCtx) -> Id[Account]:
        return await ctx.db.table(Account).insert(name="ann", balance=7)

    async with opened_bank() as t:
        id = await t.run(seed)

        async def stored(ctx: QueryCtx) -> Account | None:
            return await ctx.db.get(id)

        account = await t.read(stored)
        assert account is not None
        assert account.balance == 7


async def test_code_of_a_test_that_fails_writes_nothing() -> None:
    async def fail(ctx: MutationCtx) -> None:
        await ctx.db.table(Account).insert(name="ann", balance=7)
        raise KeyError("ann")

    async with opened_bank() as t:
        with pytest.raises(KeyError):
            await t.run(fail)
        assert await t.query(Refs.total) == 0


async def test_code_of_a_test_reads_once() -> None:
    runs: list[int] = []

    async def count(ctx: QueryCtx) -> None:
        runs.append(1)

    async with opened_bank() as t:
        await t.read(count)
    assert runs == [1]


async def test_a_service_is_replaced() -> None:
    bell = Bell()
    async with TestApp(alarms(), replacing(Bell).by(bell)) as t:
        await t.action(Calls.ring, note="tea")
    assert bell.rung == ["tea"]


class Stranger(Service):
    pass


async def test_a_service_that_the_application_has_not_is_not_replaced() -> None:
    with pytest.raises(NothingToReplace, match="no layer provides Stranger"):
        await opened(TestApp(alarms(), replacing(Stranger).by(Stranger())))


async def opened(app: TestApp) -> None:
    async with app:
        pass


async def test_calls_are_made_on_behalf_of_a_user() -> None:
    async def who(ctx: QueryCtx) -> UserIdentity | None:
        return ctx.auth.identity()

    async with TestApp(alarms()) as t:
        ann = t.as_user(subject="ann", email="ann@test.example")
        caller = await ann.read(who)
        assert caller is not None
        assert (caller.subject, caller.email) == ("ann", "ann@test.example")
        assert await t.as_user(UserIdentity("issuer", "bob")).read(who) == UserIdentity(
            "issuer", "bob"
        )
        assert await t.read(who) is None


async def test_variables_of_the_environment_are_those_that_the_test_gives() -> None:
    application, size = shop(Counter()), ref("shop:page_size", Shop.page_size)
    key = {"STRIPE_KEY": "sk_test"}
    async with TestApp(application, environment={**key, "PAGE_SIZE": "3"}) as t:
        assert await t.query(size) == 3
    async with TestApp(application, environment=key) as t:
        assert await t.query(size) == 20


async def test_an_answer_follows_each_commit_that_changes_it() -> None:
    async with TestApp(alarms()) as t, t.subscribe(Calls.notes) as answers:
        assert await anext(answers) == []
        await t.mutation(Calls.set_, note="tea")
        assert await anext(answers) == ["tea"]
        await t.mutation(Calls.set_, note="cake")
        await t.mutation(Calls.set_, note="bed")
        assert await anext(answers) == ["tea", "cake", "bed"]


async def test_a_subscription_outlives_a_crash() -> None:
    async with TestApp(alarms()) as t, t.as_client().subscribe(Calls.notes) as answers:
        assert await anext(answers) == []
        await t.crash()
        await t.mutation(Calls.set_, note="tea")
        assert await anext(answers) == ["tea"]


async def test_requests_of_the_web_are_answered() -> None:
    async with TestApp(alarms()) as t:
        body = {"path": "alarms:set", "args": {"note": "tea"}}
        answer = await t.fetch("POST", "/api/mutation", json=body)
        assert answer.json()["status"] == "success"
        assert (await t.fetch("GET", "/nowhere")).status_code == 404
        assert await t.query(Calls.notes) == ["tea"]


async def test_chance_is_the_same_in_each_run_of_a_test() -> None:
    drawn: list[float] = []
    for seed in (1, 1, 2):
        async with TestApp(alarms(), seed=seed) as t:
            drawn.append(await t.query(Calls.drawn))
    assert drawn[0] == drawn[1] != drawn[2]


async def test_an_error_of_the_test_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with TestApp(alarms()):
            raise KeyError("mine")


async def test_an_application_that_does_not_run_says_so() -> None:
    t = TestApp(alarms())
    with pytest.raises(NotRunning):
        await t.query(Calls.notes)
    async with t:
        assert await t.query(Calls.notes) == []
    with pytest.raises(NotRunning):
        await t.query(Calls.notes)


@pytest.mark.parametrize("kind", STORE_KINDS)
async def test_what_was_answered_survives_a_crash(kind: StoreKind, tmp_path: Path) -> None:
    async with TestApp(alarms(), store=new_store(kind, tmp_path)) as t:
        await t.mutation(Calls.set_, note="tea")
        before = t.backend
        await t.crash()
        assert t.backend is not before
        assert await t.query(Calls.notes) == ["tea"]
        await t.mutation(Calls.set_, note="cake")
        assert await t.query(Calls.notes) == ["tea", "cake"]


@pytest.mark.parametrize("kind", STORE_KINDS)
@pytest.mark.parametrize(
    ("point", "is_durable"),
    [
        (PausePoint.COMMIT_ADMITTED, False),
        (PausePoint.COMMIT_APPENDED, False),
        (PausePoint.COMMIT_DURABLE, True),
        (PausePoint.COMMIT_PUBLISHED, True),
    ],
)
async def test_a_crash_at_a_point_leaves_what_was_durable_there(
    kind: StoreKind, point: PausePoint, is_durable: bool, tmp_path: Path
) -> None:
    async with TestApp(alarms(), store=new_store(kind, tmp_path)) as t:
        t.crash_at(point)
        with pytest.raises(ProcessDied):
            await t.mutation(Calls.set_, note="tea")
        assert await t.query(Calls.notes) == (["tea"] if is_durable else [])
        await t.mutation(Calls.set_, note="cake")


async def test_nothing_that_goes_on_in_a_crash_commits_any_more() -> None:
    bell = Bell()
    bell.held = anyio.Event()
    died: list[str] = []

    async with TestApp(alarms(), replacing(Bell).by(bell)) as t, anyio.create_task_group() as tasks:

        async def ring() -> None:
            with pytest.raises(ProcessDied):
                await t.action(Calls.ring, note="tea")
            died.append("ring")

        tasks.start_soon(ring)
        await t.run_due()
        assert await t.query(Calls.notes) == ["tea"]
        await t.crash()
        await t.run_due()
        assert died == ["ring"]
        bell.held.set()
        await t.run_due()
        assert await t.query(Calls.notes) == ["tea"]


class OneStepCommits(SuspendingStore):
    """Suspends at every call but for a commit, which is under way at no time."""

    async def admit(self) -> Admission:
        return OneStepCommit(await self._store.admit())


class OneStepCommit(SuspendingAdmission):
    async def commit(self) -> None:
        await self._admission.commit()


@pytest.mark.parametrize("turns", range(40))
async def test_nothing_is_committed_after_a_crash_wherever_it_comes(turns: int) -> None:
    store = MemoryStore()

    async def call(t: TestApp) -> None:
        with suppress(ProcessDied):
            await t.mutation(Calls.set_, note="tea")
            answered.append("tea")

    answered: list[str] = []
    async with (
        TestApp(alarms(), store=OneStepCommits(store)) as t,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(call, t)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        durable = await store.head()
        await t.crash()
        assert await store.head() == durable
        assert await t.query(Calls.notes) in (answered, ["tea"])
        await t.mutation(Calls.set_, note="cake")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_files_survive_a_crash(kind: StoreKind, tmp_path: Path) -> None:
    async with TestApp(alarms(), store=new_store(kind, tmp_path)) as t:
        file = await t.action(Calls.record, note="ding")
        await t.crash()
        url = await t.query(Calls.url, file=file)
        assert url is not None
        assert (await t.fetch("GET", url)).content == b"ding"


async def test_two_applications_share_a_file(tmp_path: Path) -> None:
    file = tmp_path / "data.db"
    async with TestApp(alarms(), store=SqliteStore(file)) as t:
        await t.mutation(Calls.set_, note="tea")
    async with TestApp(alarms(), store=SqliteStore(file)) as t:
        assert await t.query(Calls.notes) == ["tea"]

        async def count(ctx: QueryCtx) -> int:
            return await ctx.db.table(Alarm).count()

        assert await t.read(count) == 1


def test_any_mutation_ref_is_taken() -> None:
    clear: MutationRef[[], None] = Calls.clear
    assert type(clear) is MutationRef


async def test_it_may_be_left_in_another_task_than_it_was_entered_in() -> None:
    t = TestApp(alarms())
    await asyncio.create_task(t.__aenter__())
    assert await t.query(Calls.notes) == []
    await asyncio.create_task(t.__aexit__(None, None, None))


async def test_what_stands_against_a_start_is_raised() -> None:
    async def fail() -> AsyncIterator[Bell]:
        raise KeyError("no bell")
        yield Bell()

    with pytest.raises(KeyError, match="no bell"):
        async with TestApp(alarms(), layers=layers().add(Bell, fail)):
            pass


async def test_what_stands_against_a_start_after_a_crash_is_raised() -> None:
    starts: list[int] = []

    async def open_once() -> AsyncIterator[Bell]:
        starts.append(1)
        if len(starts) == 2:
            raise KeyError("no bell")
        yield Bell()

    t = TestApp(alarms(), layers=layers().add(Bell, open_once))
    await t.__aenter__()
    with pytest.raises(NotRunning):
        await t.crash()
    with pytest.raises(KeyError, match="no bell"):
        await t.__aexit__(None, None, None)


async def test_a_test_may_end_while_the_application_starts_again() -> None:
    async with TestApp(alarms()) as t:
        t.crash_at(PausePoint.COMMIT_ADMITTED)
        with pytest.raises(ProcessDied):
            await t.mutation(Calls.set_, note="tea")


async def test_mutations_that_conflict_are_run_again_while_time_stands() -> None:
    async with opened_bank() as t:
        await t.mutation(OPEN, name="ann")
        async with anyio.create_task_group() as tasks:

            async def deposit() -> None:
                await t.mutation(DEPOSIT, name="ann", balance=3)

            tasks.start_soon(deposit)  # they wait for each other, so that one of them loses
            tasks.start_soon(deposit)
        assert await t.query(Refs.balance, name="ann") == Success(6)
