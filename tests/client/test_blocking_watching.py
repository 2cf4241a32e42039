"""What a blocking client shows while it is watched: callbacks, pages, updates, its connection."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import Queue

import pytest
from anyio.from_thread import start_blocking_portal

from confect_client import (
    BlockingPages,
    CallFromOwnLoop,
    CallTimedOut,
    Client,
    ClientClosed,
    FunctionFailed,
    LocalStore,
    NotConnected,
)
from confect_core import ref
from tests.client.bank_thread import BankInThread, bank_in_thread
from tests.client.shelf import Book, Refs, a_shelf
from tests.server.auth.guestbook import Calls, Served, served
from tests.server.runtime.bank import Accounts

DEPOSIT = ref("accounts:deposit", Accounts.deposit)
BROKEN = ref("accounts:broken", Accounts.broken)
WAIT_S = 30


@pytest.fixture
def client() -> Generator[Client]:
    """A client of an empty shelf, which leaves no thread behind."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(a_shelf()) as url:
        before = threading.enumerate()
        with Client(url) as client:
            yield client
        assert threading.enumerate() == before


@contextmanager
def guestbook_in_thread() -> Generator[Served]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served()) as at:
        yield at


def fill(client: Client, titles: str) -> None:
    for title in titles:
        client.mutation(Refs.add, title=title)


def test_a_callback_is_called_with_every_change_until_it_is_stopped(client: Client) -> None:
    told = Queue[list[str]]()
    stop = client.on_update(Refs.titles, told.put)
    assert told.get(timeout=WAIT_S) == []
    fill(client, "a")
    assert told.get(timeout=WAIT_S) == ["a"]
    stop()
    stop()
    assert client.known(Refs.titles) is None
    fill(client, "b")
    assert told.empty()


def test_callbacks_run_in_a_thread_in_which_they_may_call_the_client(client: Client) -> None:
    seen = Queue[tuple[str, int]]()

    def count(titles: list[str]) -> None:
        seen.put((threading.current_thread().name, client.query(Refs.count)))

    stop = client.on_update(Refs.titles, count)
    assert seen.get(timeout=WAIT_S) == ("confect-client callbacks", 0)
    stop()


def test_a_callback_may_stop_itself(client: Client) -> None:
    is_stopped, told = threading.Event(), Queue[list[str]]()

    def once(titles: list[str]) -> None:
        told.put(titles)
        stop.get(timeout=WAIT_S)()
        is_stopped.set()

    stop = Queue[Callable[[], None]]()
    stop.put(client.on_update(Refs.titles, once))
    assert is_stopped.wait(WAIT_S)
    fill(client, "ab")
    assert told.qsize() == 1


def test_a_slow_callback_gets_the_newest_only(client: Client) -> None:
    told, may_go_on = Queue[list[str]](), threading.Event()

    def slow(titles: list[str]) -> None:
        told.put(titles)
        may_go_on.wait(WAIT_S)

    client.on_update(Refs.titles, slow)
    assert told.get(timeout=WAIT_S) == []
    fill(client, "abcd")
    may_go_on.set()
    assert told.get(timeout=WAIT_S) == ["a", "b", "c", "d"]


def test_a_callback_that_is_stopped_is_not_called_with_what_waits(client: Client) -> None:
    told, may_go_on = Queue[list[str]](), threading.Event()

    def slow(titles: list[str]) -> None:
        told.put(titles)
        may_go_on.wait(WAIT_S)

    stop = client.on_update(Refs.titles, slow)
    assert told.get(timeout=WAIT_S) == []
    fill(client, "a")
    stop()
    may_go_on.set()
    client.close()  # which makes the calls that are due
    assert told.empty()


def test_a_callback_that_fails_is_logged_and_called_again(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    told = Queue[list[str]]()

    def failing(titles: list[str]) -> None:
        told.put(titles)
        raise ValueError("of the program")

    client.on_update(Refs.titles, failing)
    assert told.get(timeout=WAIT_S) == []
    fill(client, "a")
    assert told.get(timeout=WAIT_S) == ["a"]
    client.close()
    messages = [each.message for each in caplog.records if each.levelno == logging.ERROR]
    assert messages == ["a callback of books:titles failed: of the program"] * 2


def test_a_query_without_a_result_is_told_to_on_error() -> None:
    told = Queue[Exception]()
    with bank_in_thread() as bank, Client(bank.url) as client:
        client.with_options(on_error=told.put).on_update(BROKEN, unexpected)
        assert isinstance(told.get(timeout=WAIT_S), FunctionFailed)


def unexpected(_: object) -> None:
    raise AssertionError("there is no result")


def test_closing_waits_for_the_callback_under_way(client: Client) -> None:
    has_begun, ended = threading.Event(), list[str]()

    def slow(titles: list[str]) -> None:
        has_begun.set()
        try:
            while True:
                client.query(Refs.count)
        except ClientClosed:
            ended.append("closed")
            raise

    client.on_update(Refs.titles, slow)
    assert has_begun.wait(WAIT_S)
    client.close()
    assert ended == ["closed"]


def test_a_callback_may_close_its_client(client: Client) -> None:
    is_closed = threading.Event()

    def close(titles: list[str]) -> None:
        client.close()
        is_closed.set()

    client.on_update(Refs.titles, close)
    assert is_closed.wait(WAIT_S)
    with pytest.raises(ClientClosed):
        client.query(Refs.count)


def titles(pages: BlockingPages[Book]) -> str:
    return "".join(book.title for book in pages.results)


def test_pages_are_loaded_when_asked_for(client: Client) -> None:
    fill(client, "abcde")
    with client.subscribe_pages(Refs.page, 2) as pages:
        pages.wait_loaded()
        assert (titles(pages), pages.status) == ("ab", "can load more")
        assert pages.load_more(9)
        assert not pages.load_more(9)
        assert pages.wait_loaded().status == "exhausted"
        states = iter(pages)
        assert len(next(states).results) == 5
        client.mutation(Refs.remove, title="c")
        assert titles(pages) == "abde"
        assert len(next(states).results) == 4
    assert not pages.load_more(1)


def test_pages_that_are_forgotten_are_watched_no_more(client: Client) -> None:
    pages = client.subscribe_pages(Refs.page, 2)
    pages.wait_loaded()
    watches = client._client._driver._watches
    assert len(list(watches)) == 1
    del pages
    client.query(Refs.count)
    assert list(watches) == []


def test_an_update_is_shown_until_its_mutation_has_run(client: Client) -> None:
    with client.subscribe(Refs.titles) as shown:
        assert next(shown) == []
        during = list[list[str] | None]()

        def add(store: LocalStore, *, title: str) -> None:
            known = store.query(Refs.titles)
            during.append(store.get(Refs.titles))
            known.set([*known.value, title])

        client.optimistic(Refs.add).run(add, title="a")
        assert next(shown) == ["a"]
        assert during[0] == []


def test_an_update_that_calls_its_client_is_told_that_this_cannot_be(client: Client) -> None:
    def wrong(store: LocalStore, *, title: str) -> None:
        client.query(Refs.count)

    with pytest.raises(CallFromOwnLoop):
        client.optimistic(Refs.add).run(wrong, title="a")
    assert client.query(Refs.titles) == []


def test_the_state_of_the_connection_can_be_watched(bank: BankInThread) -> None:
    told = Queue[bool]()
    with Client(bank.url) as client:
        client.on_connection_change(lambda state: told.put(state.is_connected))
        client.wait_connected()
        assert client.connection.is_connected
        bank.stop()
        with client.connection_states() as states:
            assert any(not state.is_connected for state in states)
        with pytest.raises(NotConnected):
            client.wait_connected(0.01)
        bank.start()
        client.wait_connected(WAIT_S)
        assert client.connection.connections == 2


@pytest.fixture
def bank() -> Generator[BankInThread]:
    with bank_in_thread() as bank:
        yield bank


def test_a_call_has_its_time(bank: BankInThread) -> None:
    with Client(bank.url) as client:
        with pytest.raises(CallTimedOut):
            client.with_options(timeout_s=0.2).mutation(DEPOSIT, name="Ada", balance=1)
        bank.meet()


def test_a_token_may_be_fetched_by_what_blocks() -> None:
    may_answer = threading.Event()
    with guestbook_in_thread() as at, Client(at.url) as client:

        def fetch() -> str:
            assert may_answer.wait(WAIT_S)
            return at.issuer.token()

        def release(_: object) -> None:
            may_answer.set()

        stop = client.on_update(Calls.who, release)  # the client goes on meanwhile
        client.set_auth(fetch)
        stop()
        assert client.query(Calls.who) == "ada"
        client.clear_auth()
        assert client.query(Calls.who) == "nobody"


def test_what_the_first_fetch_raises_is_raised() -> None:
    def fetch() -> str:
        raise PermissionError("no")

    with guestbook_in_thread() as at, Client(at.url) as client:
        with pytest.raises(PermissionError):
            client.set_auth(fetch)
        assert client.query(Calls.who) == "nobody"
