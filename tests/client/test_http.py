"""`AsyncHttpClient` against a server in this process, and against peers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import orjson
import pytest
from returns.result import Failure, Success

from confect_client import (
    AsyncHttpClient,
    BadUrl,
    CallRefused,
    CallTimedOut,
    ClientClosed,
    ConnectionLost,
    FunctionFailed,
    Unreachable,
)
from confect_client.http.calls import api_url
from confect_core import PaginationOptions, ref
from confect_core.values.codec import Mismatch
from confect_server import Requests
from tests.client.bank_server import a_bank
from tests.server.auth.guestbook import Calls, served
from tests.server.runtime.bank import Accounts, NoAccount, Overdrawn, Refs
from tests.wire import wire_to

OPEN = ref("accounts:open", Accounts.open_)
DEPOSIT = ref("accounts:deposit", Accounts.deposit)
FIND = ref("accounts:find", Accounts.find)
TEN = {"status": "success", "value": 10.0}

Answer = httpx2.Response | Exception


class Peer:
    """What answers a client: one after the other of these, and the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def client(self) -> AsyncHttpClient:
        return AsyncHttpClient("http://peer/backend/", http=self.http)


def answering(status: int, content: object) -> httpx2.Response:
    text = content if isinstance(content, str) else orjson.dumps(content).decode()
    return httpx2.Response(status, text=text)


async def test_calls_are_answered_by_their_refs() -> None:
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        id = await client.mutation(OPEN, name="Ada", balance=10)
        assert await client.query(FIND, account=id) == "Ada"
        assert await client.query(Refs.total) == 10
        assert await client.query(Refs.search, "A", order="desc") == ["Ada"]
        page = await client.query_page(Refs.page, PaginationOptions(num_items=2), name="Ada")
        assert page.page == ["Ada", "Ada"]
        settled = await client.action(Refs.settle, source="Ada", target="Ada", amount=3)
        assert settled == "10 <Success: 7> <Success: 13>"


async def test_a_declared_error_comes_back_as_itself() -> None:
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        await client.mutation(OPEN, name="Ada", balance=10)
        assert await client.query(Refs.balance, name="Bea") == Failure(NoAccount(name="Bea"))
        assert await client.query(Refs.balance, name="Ada") == Success(10)
        assert await client.query_or_raise(Refs.balance, name="Ada") == 10
        with pytest.raises(NoAccount):
            await client.query_or_raise(Refs.balance, name="Bea")
        moved = await client.mutation(Refs.transfer, source="Ada", target="Ada", amount=15)
        assert moved == Failure(Overdrawn(by=5))
        with pytest.raises(Overdrawn):
            await client.mutation_or_raise(Refs.transfer, source="Ada", target="Ada", amount=15)
        left = await client.mutation_or_raise(Refs.transfer, source="Ada", target="Ada", amount=3)
        assert left == 7


async def test_any_other_failure_says_which_request_to_look_for() -> None:
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        with pytest.raises(FunctionFailed, match="RuntimeError: of the bank") as failed:
            await client.query(ref("accounts:broken", Accounts.broken))
        assert failed.value.request_id is not None


async def test_arguments_that_do_not_fit_never_leave() -> None:
    peer = Peer(answering(200, TEN))
    wrong: Any = peer.client
    with pytest.raises(Mismatch):
        await wrong.mutation(OPEN, name=3)
    assert peer.requests == []


async def test_what_functions_say_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(answering(200, {**TEN, "logLines": ["[WARN] look out"]}))
    await peer.client.query(Refs.total)
    assert [record.message for record in caplog.records] == ["accounts:total: look out"]


async def test_connections_are_kept_and_shared() -> None:
    async with (
        a_bank() as at,
        wire_to(at.port) as wire,
        AsyncHttpClient(wire.url) as client,
    ):
        for _ in range(5):
            await client.query(Refs.total)
            await client.with_options(timeout_s=None).query(Refs.total)
        assert wire.connections == 1


async def test_a_query_is_sent_again_when_its_answer_does_not_come() -> None:
    lost = httpx2.RemoteProtocolError("cut")
    peer = Peer(lost, answering(503, "busy"), answering(502, "<html>"), answering(200, TEN))
    assert await peer.client.query(Refs.total) == 10
    assert len(peer.requests) == 4


async def test_a_query_is_not_sent_for_ever() -> None:
    peer = Peer(httpx2.ReadError("cut"))
    with pytest.raises(ConnectionLost, match="accounts:total"):
        await peer.client.query(Refs.total)
    assert len(peer.requests) == 5


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (httpx2.ReadError("cut"), ConnectionLost),
        (httpx2.RemoteProtocolError("cut"), ConnectionLost),
        (answering(503, {"code": "Overloaded", "message": "busy"}), CallRefused),
        (answering(502, "<html>"), CallRefused),
    ],
)
async def test_mutations_and_actions_that_may_have_run_are_sent_once(
    trouble: Answer, error: type[Exception]
) -> None:
    peer = Peer(trouble)
    with pytest.raises(error):
        await peer.client.mutation(OPEN, name="Ada")
    assert len(peer.requests) == 1
    with pytest.raises(error):
        await peer.client.action(Refs.settle, source="Ada", target="Ada", amount=3)
    assert len(peer.requests) == 2


async def test_a_mutation_that_never_left_is_sent_again() -> None:
    peer = Peer(httpx2.ConnectError("refused"), answering(200, TEN))
    assert await peer.client.mutation(Refs.transfer, source="A", target="B", amount=1) == Success(
        10
    )


@pytest.mark.parametrize("code", ["TooManyConcurrentRequests", "DatabaseBusy"])
async def test_a_mutation_of_which_the_server_says_that_nothing_happened_is_sent_again(
    code: str,
) -> None:
    refused = answering(503, {"code": code, "message": "nothing has happened"})
    peer = Peer(refused, refused, answering(200, TEN))
    assert await peer.client.mutation(DEPOSIT, name="Ada", balance=1) == Success(10)
    assert len(peer.requests) == 3
    peer = Peer(answering(500, {"code": code, "message": "who knows"}))
    with pytest.raises(CallRefused):
        await peer.client.mutation(DEPOSIT, name="Ada", balance=1)
    assert len(peer.requests) == 1


async def test_a_mutation_that_a_busy_server_refuses_runs_once_when_it_is_not() -> None:
    async with a_bank(Requests(at_once=1)) as at:
        statuses: list[int] = []

        async def let_the_first_end(response: httpx2.Response) -> None:
            statuses.append(response.status_code)
            if len(statuses) == 1:
                await at.meeting.meet()

        hooks = {"response": [let_the_first_end]}
        async with (
            httpx2.AsyncClient(event_hooks=hooks) as http,
            AsyncHttpClient(at.url, http=http) as refused,
            AsyncHttpClient(at.url) as first,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(call(first.mutation, DEPOSIT, name="Ada", balance=1))
            await at.meeting.wait_first()
            await refused.mutation(OPEN, name="Bob")
        assert (statuses[0], statuses[-1]) == (503, 200)
        assert at.journal.lines.count("open Bob") == 1


async def test_a_mutation_whose_answer_is_lost_may_have_run() -> None:
    async with (
        a_bank() as at,
        wire_to(at.port) as wire,
        AsyncHttpClient(wire.url) as client,
    ):
        wire.lose_answers()
        async with anyio.create_task_group() as tasks:

            async def deposit() -> None:
                with pytest.raises(ConnectionLost, match="accounts:deposit"):
                    await client.mutation(DEPOSIT, name="Ada", balance=1)

            tasks.start_soon(deposit)
            await at.meeting.wait_first()
            wire.cut()
        await at.meeting.meet()
        assert at.journal.lines == ["deposit 1"]


async def test_where_no_server_is_nothing_has_run() -> None:
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        await at.stop()
        with pytest.raises(Unreachable) as raised:
            await client.query(Refs.total)
        assert at.url in raised.value.message
        await at.start()
        assert await client.query(Refs.total) == 0


async def test_a_call_has_its_time() -> None:
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        hasty = client.with_options(timeout_s=0.2)
        with pytest.raises(CallTimedOut) as raised:
            await hasty.mutation(DEPOSIT, name="Ada", balance=1)  # it waits for another one
        assert (raised.value.path, raised.value.timeout_s) == ("accounts:deposit", 0.2)
        assert await client.with_options(timeout_s=None).query(Refs.total) == 0
        await at.meeting.meet()


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (400, {"code": "BadJsonBody", "message": "no"}, "BadJsonBody"),
        (404, "No matching routes found", None),
        (200, "<html>a page</html>", None),
        (200, {"neither": "nor"}, None),
        (307, "", None),
    ],
)
async def test_an_answer_that_is_none_is_refused(
    status: int, content: object, code: str | None
) -> None:
    peer = Peer(answering(status, content))
    with pytest.raises(CallRefused) as refused:
        await peer.client.query(Refs.total)
    assert (refused.value.path, refused.value.status, refused.value.code) == (
        "accounts:total",
        status,
        code,
    )
    with pytest.raises(CallRefused):
        await peer.client.snapshot()


async def test_a_server_may_lie_below_a_path() -> None:
    peer = Peer(answering(200, TEN))
    await peer.client.query(Refs.total)
    assert str(peer.requests[0].url) == "http://peer/backend/api/query"


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("http://127.0.0.1:3210", "http://127.0.0.1:3210/api"),
        ("wss://host/below/", "https://host/below/api"),
    ],
)
def test_the_api_of_an_address(url: str, api: str) -> None:
    assert api_url(url) == api


def test_an_address_that_no_server_has_is_refused_at_once() -> None:
    with pytest.raises(BadUrl):
        AsyncHttpClient("ftp://host")


async def test_a_snapshot_answers_all_queries_as_of_one_moment() -> None:
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        await client.mutation(OPEN, name="Ada", balance=10)
        snapshot = await client.snapshot()
        await client.mutation(OPEN, name="Bea", balance=5)
        assert await snapshot.query(Refs.total) == 10
        assert await snapshot.query(Refs.balance, name="Bea") == Failure(NoAccount(name="Bea"))
        assert await snapshot.query_or_raise(Refs.balance, name="Ada") == 10
        assert await client.query(Refs.total) == 15
        assert await (await client.snapshot()).query(Refs.total) == 15


async def test_a_token_is_shown_and_replaced_once_it_lapses_or_is_refused() -> None:
    async with served() as at, AsyncHttpClient(at.url) as client:
        tokens = [
            at.issuer.token(lasts_s=-10, sub="too late"),
            at.issuer.token(lasts_s=60, sub="ada"),
            at.issuer.token(lasts_s=600, sub="bob"),
        ]

        async def fetch() -> str:
            return tokens.pop(0)

        await client.set_auth(fetch)
        assert await client.query(Calls.who) == "ada"
        at.clock.now_s += 66
        assert await client.mutation(Calls.sign) == f"{at.issuer.url}|bob"
        assert tokens == []
        client.clear_auth()
        assert await client.query(Calls.who) == "nobody"


async def test_a_token_that_stays_refused_is_not_shown_for_ever() -> None:
    fetched: list[str] = []
    peer = Peer(answering(401, {"code": "InvalidAuthHeader", "message": "no"}))

    async def fetch() -> str:
        fetched.append(f"token {len(fetched)}")
        return fetched[-1]

    client = peer.client
    await client.set_auth(fetch)
    with pytest.raises(CallRefused, match="InvalidAuthHeader"):
        await client.mutation(OPEN, name="Ada")
    shown = [request.headers["Authorization"] for request in peer.requests]
    assert shown == ["Bearer token 0", "Bearer token 1"]


async def test_a_client_that_is_closed_calls_nobody() -> None:
    async with a_bank() as at:
        client = AsyncHttpClient(at.url)
        await client.query(Refs.total)
        await client.close()
        await client.close()
        with pytest.raises(ClientClosed):
            await client.query(Refs.total)
        with pytest.raises(ClientClosed):
            await client.with_options(timeout_s=1).mutation(OPEN, name="Ada")


async def test_closing_ends_what_is_under_way() -> None:
    async with a_bank() as at, anyio.create_task_group() as tasks:
        client = AsyncHttpClient(at.url)

        async def deposit() -> None:
            with pytest.raises(ClientClosed):
                await client.mutation(DEPOSIT, name="Ada", balance=1)

        tasks.start_soon(deposit)
        await at.meeting.wait_first()
        await client.close()
        await at.meeting.meet()


async def test_nothing_is_under_way_any_more_once_a_client_is_closed() -> None:
    has_begun = anyio.Event()
    ended: list[str] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        has_begun.set()
        try:
            await anyio.sleep_forever()
            raise AssertionError("nobody wakes it up")
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.wait_all_tasks_blocked()
                ended.append("a call")

    client = AsyncHttpClient(
        "http://peer", http=httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    )

    async def call_in_vain() -> None:
        with pytest.raises(ClientClosed):
            await client.query(Refs.total)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call_in_vain)
        await has_begun.wait()
        await client.close()
        assert ended == ["a call"]


async def test_many_tasks_share_a_client() -> None:
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(call(client.mutation, OPEN, name=f"{number}", balance=1))
                tasks.start_soon(call(client.query, Refs.total))
        assert await client.query(Refs.total) == 50


def call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
    async def called() -> None:
        await method(*args, **kwargs)

    return called


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    async with a_bank() as at, AsyncHttpClient(at.url) as client:
        await client.query(Refs.total)
    assert asyncio.all_tasks() == before
