"""`AsyncClient` against a server in this process: typed calls, also when wires break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from returns.result import Failure, Success

from confect_client import (
    AsyncClient,
    BadUrl,
    ClientClosed,
    ClientNotOpen,
    ConnectionLost,
    FunctionFailed,
)
from confect_core import PaginationOptions, ref
from confect_core.protocol import BadFunctionPath
from confect_core.values.codec import Mismatch
from tests.client.bank_server import a_bank
from tests.server.runtime.bank import (
    Accounts,
    NoAccount,
    Overdrawn,
    Refs,
)
from tests.wire import wire_to

OPEN = ref("accounts:open", Accounts.open_)
DEPOSIT = ref("accounts:deposit", Accounts.deposit)
FIND = ref("accounts:find", Accounts.find)


async def test_calls_are_answered_by_their_refs() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        id = await client.mutation(OPEN, name="Ada", balance=10)
        assert await client.query(FIND, account=id) == "Ada"
        assert await client.query(Refs.total) == 10
        assert await client.query(Refs.search, "A") == ["Ada"]
        assert await client.query(Refs.search, "A", order="desc") == ["Ada"]
        page = await client.query_page(Refs.page, PaginationOptions(num_items=2), name="Ada")
        assert page.page == ["Ada", "Ada"]
        assert page.continue_cursor == "after None"
        settled = await client.action(Refs.settle, source="Ada", target="Ada", amount=3)
        assert settled == "10 <Success: 7> <Success: 13>"


async def test_a_declared_error_comes_back_as_itself() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        await client.mutation(OPEN, name="Ada", balance=10)
        assert await client.query(Refs.balance, name="Bea") == Failure(NoAccount(name="Bea"))
        assert await client.query(Refs.balance, name="Ada") == Success(10)
        assert await client.query_or_raise(Refs.balance, name="Ada") == 10
        with pytest.raises(NoAccount) as raised:
            await client.query_or_raise(Refs.balance, name="Bea")
        assert raised.value == NoAccount(name="Bea")
        for transfer in (Refs.transfer, Refs.raising):
            moved = await client.mutation(transfer, source="Ada", target="Ada", amount=15)
            assert moved == Failure(Overdrawn(by=5))


async def test_any_other_failure_says_which_request_to_look_for() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        broken = ref("accounts:broken", Accounts.broken)
        with pytest.raises(FunctionFailed, match="RuntimeError: of the bank") as failed:
            await client.query(broken)
        assert failed.value.path == "accounts:broken"
        assert failed.value.request_id is not None
        assert f"look for request {failed.value.request_id}" in failed.value.hint
        with pytest.raises(FunctionFailed) as failed:
            await client.mutation(ref("accounts:secretive", Accounts.secretive), name="Ada")
        assert failed.value.request_id is not None
        with pytest.raises(FunctionFailed, match="Could not find public function"):
            await client.query(ref("accounts:nothing", Accounts.total))


async def test_arguments_that_do_not_fit_never_leave() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        wrong: Any = client
        for arguments in ({}, {"name": 3}, {"name": "Ada", "size": 3}):
            with pytest.raises(Mismatch):
                await wrong.mutation(OPEN, **arguments)
        with pytest.raises(Mismatch):
            await wrong.query(Refs.search, 3)
        assert at.journal.lines == []


async def test_a_subscription_shows_every_change() -> None:
    async with (
        a_bank() as at,
        AsyncClient(at.url) as client,
        aclosing(client.subscribe(Refs.total)) as totals,
    ):
        assert await anext(totals) == 0
        await client.mutation(OPEN, name="Ada", balance=10)
        assert await anext(totals) == 10
        async with AsyncClient(at.url) as other:
            await other.mutation(OPEN, name="Bea", balance=5)
        assert await anext(totals) == 15


async def test_equal_subscriptions_share_what_is_known() -> None:
    async with (
        a_bank() as at,
        AsyncClient(at.url) as client,
        aclosing(client.subscribe(Refs.balance, name="Ada")) as one,
        aclosing(client.subscribe(Refs.balance, name="Ada")) as other,
    ):
        assert await anext(one) == await anext(other) == Failure(NoAccount(name="Ada"))
        await client.mutation(OPEN, name="Ada", balance=10)
        assert await anext(one) == await anext(other) == Success(10)
        assert await client.query(Refs.balance, name="Ada") == Success(10)


async def test_a_slow_reader_gets_the_newest_only() -> None:
    async with (
        a_bank() as at,
        AsyncClient(at.url) as client,
        aclosing(client.subscribe(Refs.total)) as totals,
    ):
        assert await anext(totals) == 0
        for name in ("Ada", "Bea", "Cleo"):
            await client.mutation(OPEN, name=name, balance=1)
        assert await anext(totals) == 3


async def test_a_mutation_is_answered_when_its_subscriptions_show_it() -> None:
    async with (
        a_bank() as at,
        AsyncClient(at.url) as client,
        aclosing(client.subscribe(Refs.total)) as totals,
    ):
        assert await anext(totals) == 0
        for expected in (1, 2, 3):
            await client.mutation(OPEN, name=f"{expected}", balance=1)
            # the subscription is there, so this is what it knows by now
            assert await client.query(Refs.total) == expected


async def test_a_subscription_that_fails_raises() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        with pytest.raises(FunctionFailed):
            await anext(client.subscribe(ref("accounts:broken", Accounts.broken)))
        assert await client.query(Refs.total) == 0


async def test_many_calls_share_the_connection() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(call(client.mutation, OPEN, name=f"{number}", balance=1))
                tasks.start_soon(call(client.query, Refs.total))
        assert await client.query(Refs.total) == 50


def call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
    async def called() -> None:
        await method(*args, **kwargs)

    return called


async def test_a_subscription_goes_on_when_the_server_comes_back() -> None:
    async with (
        a_bank() as at,
        AsyncClient(at.url) as client,
        aclosing(client.subscribe(Refs.total)) as totals,
    ):
        assert await anext(totals) == 0
        await at.stop()
        await at.start()
        async with AsyncClient(at.url) as other:
            await other.mutation(OPEN, name="Ada", balance=10)
        assert await anext(totals) == 10
        await client.mutation(OPEN, name="Bea", balance=5)
        assert await anext(totals) == 15


async def test_a_client_may_be_there_before_its_server() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        await at.stop()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call(client.mutation, OPEN, name="Ada", balance=10))
            await anyio.wait_all_tasks_blocked()
            await at.start()
        assert await client.query(Refs.total) == 10


async def test_a_mutation_that_a_restart_interrupts_runs_once_in_the_end() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        await client.mutation(OPEN, name="Ada", balance=10)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call(client.mutation, DEPOSIT, name="Ada", balance=5))
            await at.meeting.wait_first()
            await at.stop()
            await at.start()
        assert at.journal.lines == ["open Ada", "deposit 5", "deposit 5"]
        assert await client.query(Refs.total) == 15


async def test_a_mutation_whose_answer_is_lost_has_run_once() -> None:
    async with (
        a_bank() as at,
        wire_to(at.port) as wire,
        AsyncClient(wire.url) as client,
        AsyncClient(at.url) as witness,
        aclosing(witness.subscribe(Refs.total)) as totals,
    ):
        assert await client.query(Refs.total) == await anext(totals) == 0
        async with anyio.create_task_group() as tasks:
            wire.lose_answers()
            tasks.start_soon(call(client.mutation, OPEN, name="Ada", balance=10))
            assert await anext(totals) == 10
            wire.cut()
        assert wire.connections == 2
        assert await client.query(Refs.total) == 10
        assert at.journal.lines == ["open Ada"]


async def test_an_action_whose_connection_breaks_is_not_repeated() -> None:
    async with (
        a_bank() as at,
        wire_to(at.port) as wire,
        AsyncClient(wire.url) as client,
        AsyncClient(at.url) as witness,
        aclosing(witness.subscribe(Refs.balance, name="Ada")) as balances,
    ):
        await client.mutation(OPEN, name="Ada", balance=10)
        await client.mutation(OPEN, name="Bea")
        assert await anext(balances) == Success(10)
        errors: list[Exception] = []

        async def settle() -> None:
            try:
                await client.action(Refs.settle, source="Ada", target="Bea", amount=3)
            except ConnectionLost as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            wire.lose_answers()
            tasks.start_soon(settle)
            assert await anext(balances) == Success(7)
            wire.cut()
        assert len(errors) == 1
        assert await client.query(Refs.balance, name="Ada") == Success(7)


async def test_a_path_that_is_none_never_leaves() -> None:
    async with a_bank() as at, AsyncClient(at.url) as client:
        with pytest.raises(BadFunctionPath):
            await client.query(ref("no:such:path", Accounts.total))
        assert await client.query(Refs.total) == 0


async def test_a_client_is_used_inside_its_context() -> None:
    client = AsyncClient("http://127.0.0.1:9")
    with pytest.raises(ClientNotOpen):
        await client.query(Refs.total)
    async with client:
        pass
    for calling in (client.query, client.mutation, client.action):
        wrong: Any = calling
        with pytest.raises(ClientClosed):
            await wrong(Refs.total)
    with pytest.raises(ClientClosed):
        await anext(client.subscribe(Refs.total))


async def test_closing_ends_what_waits() -> None:
    errors: list[Exception] = []

    async def waiting(client: AsyncClient, name: str) -> None:
        try:
            if name == "subscription":
                await anext(client.subscribe(Refs.total))
            elif name == "query":
                await client.query(Refs.total)
            else:
                await client.mutation(Refs.transfer, source="a", target="b", amount=1)
        except ClientClosed as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks, AsyncClient("http://127.0.0.1:9") as client:
        for name in ("subscription", "query", "mutation"):
            tasks.start_soon(waiting, client, name)
        await anyio.wait_all_tasks_blocked()
    assert len(errors) == 3


async def test_what_fails_inside_the_context_is_raised_as_itself() -> None:
    async with a_bank() as at:
        with pytest.raises(NoAccount):
            async with AsyncClient(at.url) as client:
                await client.query_or_raise(Refs.balance, name="Ada")
        with anyio.move_on_after(0) as scope:
            async with AsyncClient(at.url):
                await anyio.sleep_forever()
        assert scope.cancelled_caught


@pytest.mark.parametrize(
    "url",
    [
        "",
        "notes",
        "127.0.0.1:3210",
        "ftp://example.com",
        "http://",
        "http://:3210",
        "http://h:99999",
        "http://h:port",
        "http://a b",
        "http://[::1",
        " http://h",
    ],
)
def test_an_address_that_no_server_has_is_refused_at_once(url: str) -> None:
    with pytest.raises(BadUrl, match="is not the URL of a server"):
        AsyncClient(url)


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    async with a_bank() as at, AsyncClient(at.url) as client:
        async for _ in client.subscribe(Refs.total):
            break
        await client.mutation(OPEN, name="Ada")
    assert asyncio.all_tasks() == before
