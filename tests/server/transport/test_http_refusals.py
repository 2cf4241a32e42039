"""What a request is told that is not answered: by status and code, and under which id."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from anyio.abc import TaskGroup

from confect_core.protocol import JsonObject
from confect_core.values.wire import Json
from confect_server.observe import RunRecord
from confect_server.runtime.transactions import FREE_ATTEMPTS
from confect_server.settings import Requests, Settings, Sharing
from confect_server.store import Admission, DatabaseBusy, MemoryStore
from confect_server.transport.asgi import Message
from tests.server.engine.faults import FaultyStore
from tests.server.runtime.bank import Meeting
from tests.server.stores import SuspendingStore
from tests.server.transport.counter import ORIGIN, Counter, Receive, counter, refused

TOTAL: JsonObject = {"path": "accounts:total", "args": {}}
CALL = b'{"path": "accounts:total", "args": {}}'


class Contended(Meeting):
    """What a deposit reads is written before it is done, until nobody else can; then it hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.left = FREE_ATTEMPTS
        self.at: Counter | None = None

    async def meet(self) -> None:
        if not self.left:
            await anyio.sleep_forever()
        self.left -= 1
        assert self.at is not None
        transfer: dict[str, Json] = {"source": "Ada", "target": "Bea", "amount": 1.0}
        await self.at.call("mutation", "accounts:transfer", **transfer)


async def test_a_mutation_that_never_wins_may_be_called_again() -> None:
    contended = Contended()
    settings = Settings(sharing=Sharing(turn_s=0.01))
    async with counter(meeting=contended, settings=settings) as at:
        contended.at = at
        for name in ("Ada", "Bea"):
            await at.open(name, 10.0)
        deposit: JsonObject = {"path": "accounts:deposit", "args": {"name": "Ada", "balance": 1.0}}
        answer = await at.post("/api/mutation", deposit, Origin=ORIGIN)
        assert refused(answer, 503) == "OptimisticConcurrencyControlFailure"
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert await at.call("query", "accounts:balance", name="Ada") == 10.0 - FREE_ATTEMPTS


class BusyStore(SuspendingStore):
    """A store that another process does not let go of."""

    is_busy = False

    async def admit(self) -> Admission:
        if self.is_busy:
            raise DatabaseBusy("data.db", "it did not let go")
        return await super().admit()


async def test_a_database_that_another_process_holds_is_busy() -> None:
    store = BusyStore(MemoryStore())
    async with counter(store) as at:
        store.is_busy = True
        opening: JsonObject = {"path": "accounts:open", "args": {"name": "Ada"}}
        assert refused(await at.post("/api/mutation", opening), 503) == "DatabaseBusy"
        store.is_busy = False
        await at.open("Ada")


@pytest.mark.parametrize("happens", [True, False])
async def test_a_mutation_that_may_have_happened_is_not_to_be_called_again(happens: bool) -> None:
    store = FaultyStore(MemoryStore())
    async with counter(store) as at:
        store.fails_to_say = True
        store.fails_after_commit, store.fails_before_commit = happens, not happens
        opening: JsonObject = {"path": "accounts:open", "args": {"name": "Ada"}}
        answer = await at.post("/api/mutation", opening)
        assert refused(answer, 500) == "OutcomeUnknown"
        assert "retry-after" not in answer.headers


async def test_a_mistake_of_the_server_is_told_and_logged_under_one_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with counter() as at:

        async def run(*args: object, **named: object) -> None:
            raise RuntimeError("a secret")

        at.backend.queries.run = run  # type: ignore[method-assign,assignment]  # breaks it
        answer = await at.post("/api/query", TOTAL, Origin=ORIGIN)
        assert refused(answer, 500) == "InternalServerError"
        assert "a secret" not in answer.text
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["convex-request-id"] in answer.text
        assert answer.headers["convex-request-id"] in caplog.text
        assert "RuntimeError: a secret" in caplog.text


class Runs:
    """The runs that have ended."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def ended(self, run: RunRecord) -> None:
        self.ids.append(run.request_id)


async def test_a_request_is_known_by_the_id_that_its_client_gave_it() -> None:
    async with counter() as at:
        runs = Runs()
        at.backend.observe(runs)
        given = {"Convex-Request-Id": "0f-Abc"}
        broken: JsonObject = {"path": "accounts:broken", "args": {}}
        failed = await at.post("/api/query", broken, **given)
        assert failed.json()["errorMessage"].startswith("[Request ID: 0f-Abc] Server Error")
        settle: Json = {"source": "Ada", "target": "Bea", "amount": 1.0}
        calls: list[tuple[str, str, Json]] = [
            ("query", "total", {}),
            ("mutation", "open", {"name": "Ada"}),
            ("action", "settle", settle),
        ]
        for kind, path, args in calls:
            call: JsonObject = {"path": f"accounts:{path}", "args": args}
            answer = await at.post(f"/api/{kind}", call, **given)
            assert answer.headers["convex-request-id"] == "0f-Abc"
        assert set(runs.ids) == {"0f-Abc"}
        refusal = await at.post("/api/query", {}, **given)
        assert refusal.headers["convex-request-id"] == "0f-Abc"
        await at.post("/api/query", broken)
        assert re.fullmatch("[0-9a-f]{16}", runs.ids[-1])


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a]\\n", "<script>"])
async def test_an_id_that_is_not_safe_in_a_log_is_none(given: str) -> None:
    async with counter() as at:
        broken: JsonObject = {"path": "accounts:broken", "args": {}}
        failed = await at.post("/api/query", broken, **{"Convex-Request-Id": given})
        id = failed.headers["convex-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", id)
        assert f"[Request ID: {id}] " in failed.json()["errorMessage"]


async def test_every_answer_of_the_api_is_for_pages_of_any_origin() -> None:
    async with counter() as at:
        asked: list[tuple[str, str]] = [
            ("GET", "/api/query"),
            ("POST", "/api/query"),
            ("POST", "/api/query_ts"),
            ("POST", "/api/query_at_ts"),
            ("POST", "/api/query_batch"),
            ("POST", "/api/run/x"),
            ("POST", "/api/function"),
            ("POST", "/api/nothing"),
            ("GET", "/api/storage/nothing"),
            ("POST", "/api/storage/upload"),
            ("GET", "/api/v1/list_environment_variables"),
            ("GET", "/version"),
        ]
        for method, path in asked:
            answer = await at.client.request(method, path, headers={"Origin": ORIGIN})
            assert answer.headers["access-control-allow-origin"] == ORIGIN, path
            assert answer.headers["access-control-allow-credentials"] == "true", path
            assert "convex-request-id" in answer.headers["access-control-expose-headers"], path
            assert answer.headers["vary"] == "Origin", path
        for path in ("/versions", "/echo", "/"):
            answer = await at.client.get(path, headers={"Origin": ORIGIN})
            assert "access-control-allow-origin" not in answer.headers, path


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def status_of(sent: list[Message]) -> int:
    status: int = sent[0]["status"]
    return status


def stalling(*parts: bytes) -> Receive:
    """Sends parts of a body, and then nothing more."""
    left = list(parts)

    async def receive() -> Message:
        if not left:
            await anyio.sleep_forever()
        return part(left.pop(0), more=True)

    return receive


def dripping(body: bytes, pause_s: float) -> Receive:
    """Sends a body one byte at a time."""
    left = list(body)

    async def receive() -> Message:
        await anyio.sleep(pause_s)
        return part(bytes([left.pop(0)]), more=bool(left))

    return receive


PATHS = pytest.mark.parametrize(
    "path",
    ["/api/query", "/api/query_at_ts", "/api/run/accounts/total", "/echo", "UPLOAD"],
)


async def path_to(at: Counter, path: str) -> tuple[str, bytes]:
    if path != "UPLOAD":
        return path, b""
    at.backend.files.served_at = "http://bank"
    return "/api/storage/upload", at.backend.files.upload_url().partition("?")[2].encode()


@PATHS
async def test_a_body_that_stops_coming_is_given_up(path: str) -> None:
    async with counter(settings=Settings(requests=Requests(idle_s=0.01))) as at:
        at_path, query = await path_to(at, path)
        for parts in ((), (CALL[:10],)):
            sent = await at.exchange(stalling(*parts), at_path, query, origin=ORIGIN.encode())
            assert status_of(sent) == 408
            headers = dict(sent[0]["headers"])
            assert headers[b"connection"] == b"close"
            assert headers[b"access-control-allow-origin" if path != "/echo" else b"connection"]
            assert b"RequestTimeout" in sent[1]["body"]


@PATHS
async def test_a_body_that_drips_is_given_up(path: str) -> None:
    slow = Requests(idle_s=0.02, slowest_bytes_per_s=1e6)
    async with counter(settings=Settings(requests=slow)) as at:
        at_path, query = await path_to(at, path)
        sent = await at.exchange(dripping(bytes(1000), 0.001), at_path, query)
        assert status_of(sent) == 408


async def test_a_body_that_comes_fast_enough_may_take_longer_than_one_pause() -> None:
    patient = Requests(idle_s=0.1, slowest_bytes_per_s=1.0)
    async with counter(settings=Settings(requests=patient)) as at:
        sent = await at.exchange(dripping(CALL, 0.005))  # 0.2 s in all
        assert status_of(sent) == 200


async def test_a_server_takes_on_so_many_requests_and_no_more() -> None:
    async with counter(settings=Settings(requests=Requests(at_once=3))) as at:
        async with waiting(at, 3):
            refusal = await at.post("/api/query", TOTAL, Origin=ORIGIN)
            assert refused(refusal, 503) == "TooManyConcurrentRequests"
            assert refusal.headers["retry-after"] == "1"
            assert refusal.headers["access-control-allow-origin"] == ORIGIN
            assert (await at.client.get("/healthz")).status_code == 200
        for _ in range(5):
            assert (await at.post("/api/query", TOTAL)).status_code == 200


async def test_a_server_holds_so_much_of_bodies_and_no_more() -> None:
    async with counter(settings=Settings(requests=Requests(body_bytes_at_once=1000))) as at:
        async with waiting(at, 2, bytes(490)):
            refusal = await at.post("/api/query", TOTAL)
            assert refused(refusal, 503) == "TooManyConcurrentRequests"
        for _ in range(100):
            assert (await at.post("/api/query", TOTAL)).status_code == 200


@asynccontextmanager
async def waiting(at: Counter, count: int, *parts: bytes) -> AsyncGenerator[TaskGroup]:
    """Inside, so many requests have sent a part of their bodies, and wait."""
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(at.exchange, stalling(*parts))
        await anyio.wait_all_tasks_blocked()
        yield tasks
        tasks.cancel_scope.cancel()


async def test_an_authorization_that_is_not_even_a_scheme_is_a_bad_request() -> None:
    async with counter() as at:
        for header, status in (("Bearer", 400), ("x", 400), ("Bearer x", 401), ("Basic eA==", 401)):
            answer: httpx2.Response = await at.post("/api/query", TOTAL, Authorization=header)
            assert refused(answer, status) == "InvalidAuthHeader", header
