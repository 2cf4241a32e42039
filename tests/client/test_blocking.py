"""The blocking clients against a server in another thread, called from many threads."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest
from returns.result import Failure, Success

from confect_client import (
    BadUrl,
    CallTimedOut,
    Client,
    ClientClosed,
    FunctionFailed,
    HttpClient,
)
from confect_core import PaginationOptions, ref
from tests.client.bank_thread import BankInThread, bank_in_thread
from tests.server.runtime.bank import Accounts, NoAccount, Overdrawn, Refs

OPEN = ref("accounts:open", Accounts.open_)
DEPOSIT = ref("accounts:deposit", Accounts.deposit)
BROKEN = ref("accounts:broken", Accounts.broken)
WAIT_S = 30

AnyClient = Client | HttpClient
both = pytest.mark.parametrize("face", [Client, HttpClient])


@pytest.fixture(scope="module")
def bank() -> Generator[BankInThread]:
    with bank_in_thread() as bank:
        yield bank


@pytest.fixture(autouse=True)
def no_thread_is_left(bank: BankInThread) -> Generator[None]:
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


@pytest.fixture
def me(request: pytest.FixtureRequest) -> str:
    """The name of an account that no other test has."""
    return str(request.node.name)


@both
def test_calls_are_answered_by_their_refs(
    face: type[AnyClient], bank: BankInThread, me: str
) -> None:
    with face(bank.url) as client:
        client.mutation(OPEN, name=me, balance=10)
        assert client.query(Refs.balance, name=me) == Success(10)
        assert client.query_or_raise(Refs.balance, name=me) == 10
        assert me in client.query(Refs.search, me)
        page = client.query_page(Refs.page, PaginationOptions(num_items=2), name=me)
        assert page.page == [me, me]
        settled = client.action(Refs.settle, source=me, target=me, amount=3)
        assert settled.endswith("<Success: 7> <Success: 13>")


@both
def test_errors_are_those_of_the_asynchronous_clients(
    face: type[AnyClient], bank: BankInThread, me: str
) -> None:
    with face(bank.url) as client:
        client.mutation(OPEN, name=me)
        moved = client.mutation(Refs.transfer, source=me, target=me, amount=5)
        assert moved == Failure(Overdrawn(by=5))
        with pytest.raises(NoAccount):
            client.query_or_raise(Refs.balance, name="nobody")
        with pytest.raises(FunctionFailed) as failed:
            client.query(BROKEN)
        assert failed.value.request_id is not None


@both
def test_an_address_that_no_server_has_is_refused_at_once(face: type[AnyClient]) -> None:
    with pytest.raises(BadUrl):
        face("ftp://host")


@both
def test_without_a_context_the_first_call_opens_it_and_close_closes_it(
    face: type[AnyClient], bank: BankInThread
) -> None:
    before = threading.active_count()
    client = face(bank.url)
    assert threading.active_count() == before
    client.query(Refs.total)
    assert threading.active_count() == before + 1
    client.close()
    client.close()
    assert threading.active_count() == before
    with pytest.raises(ClientClosed):
        client.query(Refs.total)
    with pytest.raises(ClientClosed), client:
        pass


@both
def test_a_client_that_never_called_is_closed_without_a_thread(
    face: type[AnyClient], bank: BankInThread
) -> None:
    client = face(bank.url)
    client.close()
    with pytest.raises(ClientClosed):
        client.query(Refs.total)


@both
def test_many_threads_share_a_client(face: type[AnyClient], bank: BankInThread, me: str) -> None:
    with face(bank.url) as client, ThreadPoolExecutor(16) as threads:

        def open_(number: int) -> None:
            client.mutation(OPEN, name=f"{me} {number}", balance=1)
            assert client.query(Refs.balance, name=f"{me} {number}") == Success(1)

        assert len(list(threads.map(open_, range(100)))) == 100
        found = client.query(Refs.search, me, 1000)
        assert sorted(found) == sorted(f"{me} {number}" for number in range(100))


@both
def test_closing_ends_what_waits_in_other_threads(face: type[AnyClient]) -> None:
    with bank_in_thread() as mine, ThreadPoolExecutor(1) as threads:
        client = face(mine.url)
        waiting = threads.submit(lambda: client.mutation(DEPOSIT, name="Ada", balance=1))
        mine.wait_first_at_meeting()
        client.close()
        with pytest.raises(ClientClosed):
            waiting.result(WAIT_S)
        mine.meet()


def test_a_client_that_is_forgotten_ends_and_says_so(bank: BankInThread) -> None:
    client = Client(bank.url)
    client.query(Refs.total)
    (thread,) = [each for each in threading.enumerate() if each.name == "confect-client"]
    with pytest.warns(ResourceWarning, match="was not closed"):
        del client  # nothing else refers to it
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_calls_over_http_have_their_time() -> None:
    with bank_in_thread() as mine, HttpClient(mine.url) as client:
        with pytest.raises(CallTimedOut):
            client.with_options(timeout_s=0.2).mutation(DEPOSIT, name="Ada", balance=1)
        assert client.query(Refs.total) == 0
        mine.meet()


def test_a_snapshot_answers_all_queries_as_of_one_moment(bank: BankInThread, me: str) -> None:
    with HttpClient(bank.url) as client:
        snapshot = client.snapshot()
        client.mutation(OPEN, name=me, balance=10)
        assert snapshot.query(Refs.balance, name=me) == Failure(NoAccount(name=me))
        assert client.snapshot().query_or_raise(Refs.balance, name=me) == 10


def test_a_subscription_shows_every_change(bank: BankInThread, me: str) -> None:
    with Client(bank.url) as client, client.subscribe(Refs.balance, name=me) as balances:
        assert next(balances) == Failure(NoAccount(name=me))
        client.mutation(OPEN, name=me, balance=10)
        assert next(balances) == Success(10)


def test_a_slow_reader_gets_the_newest_only(bank: BankInThread, me: str) -> None:
    with Client(bank.url) as client, client.subscribe(Refs.search, me, 10) as found:
        assert next(found) == []
        for number in range(3):
            client.mutation(OPEN, name=f"{me} {number}")
        assert len(next(found)) == 3


def test_a_subscription_is_closed_by_another_thread(bank: BankInThread) -> None:
    with Client(bank.url) as client, ThreadPoolExecutor(1) as threads:
        totals = client.subscribe(Refs.total)
        next(totals)
        rest = threads.submit(list[int], totals)
        totals.close()
        assert rest.result(WAIT_S) == []
        assert list(totals) == []
        totals.close()


def test_a_subscription_is_read_by_another_thread_than_began_it(bank: BankInThread) -> None:
    with Client(bank.url) as client, ThreadPoolExecutor(1) as threads:
        totals = client.subscribe(Refs.total)
        first = next(totals)
        later = threads.submit(next, totals)
        client.mutation(OPEN, name="elsewhere", balance=7)
        assert later.result(WAIT_S) == first + 7


def test_a_loop_that_is_left_unsubscribes(bank: BankInThread) -> None:
    with Client(bank.url) as client:
        for total in client.subscribe(Refs.total):
            assert client.known(Refs.total) == total
            break
        assert client.known(Refs.total) is None


def test_a_subscription_that_fails_raises(bank: BankInThread) -> None:
    with Client(bank.url) as client:
        with pytest.raises(FunctionFailed):
            next(client.subscribe(BROKEN))
        client.query(Refs.total)


def test_a_subscription_goes_on_when_the_server_comes_back() -> None:
    with (
        bank_in_thread() as mine,
        Client(mine.url) as client,
        client.subscribe(Refs.total) as totals,
    ):
        assert next(totals) == 0
        mine.stop()
        mine.start()
        with HttpClient(mine.url) as other:
            other.mutation(OPEN, name="Ada", balance=10)
        assert next(totals) == 10


def test_threads_count_exactly_once_while_the_server_restarts() -> None:
    with (
        bank_in_thread() as mine,
        Client(mine.url) as client,
        ThreadPoolExecutor(8) as threads,
    ):

        def open_(number: int) -> None:
            client.mutation(OPEN, name=f"{number}", balance=1)

        opened = [threads.submit(open_, number) for number in range(200)]
        for _ in range(3):
            mine.stop()
            mine.start()
        for each in opened:
            each.result(WAIT_S)
        assert client.query(Refs.total) == 200


@both
def test_nothing_of_a_client_refers_to_it(face: type[AnyClient], bank: BankInThread) -> None:
    """A cycle would keep sockets open until the garbage is collected."""
    gc.disable()
    try:
        client = face(bank.url)
        client.query(Refs.total)
        client.close()
        ended = weakref.ref(client)
        del client
        assert ended() is None
    finally:
        gc.enable()
