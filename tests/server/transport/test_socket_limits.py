"""What one socket may ask of a real server: beyond it, that socket is closed and says why."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import anyio
import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from confect_core.values import Interval
from confect_server import Observing, Settings, Sockets
from confect_server.engine import PausePoint
from confect_server.runtime import Backend
from confect_server.store import IndexedRevision, Located, MemoryStore, Order, Revision, Store
from confect_server.testing.clock import VirtualClock
from confect_server.transport import AdminKey, ConfectAsgi, serving
from confect_server.transport.sync.websocket import TICK_S
from tests.server.engine.faults import Broken, FaultyStore
from tests.server.engine.pausing import Pausing
from tests.server.runtime.ledger import Script, ledger
from tests.sync_judge import Judge
from tests.sync_socket import PATH, Frame, SyncSocket, sync_socket

PATIENCE_S = 30
SECRET = "key"
LONG = "x" * 1_000_000
TEXTS: Frame = {"type": "Add", "queryId": 0, "udfPath": "ledger:texts", "args": [{}]}
PYTHON = "/api/sync"


@dataclass
class Served:
    """The ledger on a port."""

    app: ConfectAsgi
    script: Script
    port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def until_sockets(self, count: int) -> None:
        """Return once the server has so many sockets."""
        async with httpx2.AsyncClient() as http:
            with anyio.fail_after(PATIENCE_S):
                while f"\nconfect_sockets {count}\n" not in await self._metrics(http):
                    pass

    async def _metrics(self, http: httpx2.AsyncClient) -> str:
        answer = await http.get(f"http://127.0.0.1:{self.port}/metrics")
        return answer.text.replace(".0\n", "\n")


@asynccontextmanager
async def served(
    limits: Sockets | None = None,
    *,
    store: Store | None = None,
    clock: VirtualClock | None = None,
    pausing: Pausing | None = None,
) -> AsyncGenerator[Served]:
    script, observing = Script(), Observing(public_metrics=True)
    settings = Settings(sockets=limits or Sockets(), observing=observing)
    opening = Backend.open(
        ledger(script), store or MemoryStore(), settings=settings, clock=clock, pauses=pausing
    )
    async with opening as backend:
        app = ConfectAsgi(backend, AdminKey(SECRET))
        async with serving(app, "127.0.0.1", 0) as port:
            yield Served(app, script, port)


@asynccontextmanager
async def beside(at: Served) -> AsyncGenerator[SyncSocket]:
    """A socket that must not be disturbed by what another one does meanwhile."""
    async with sync_socket(at.url) as bystander:
        await bystander.modify(TEXTS)
        await bystander.hear()
        yield bystander
        text = f"and yet it moves {uuid4()}"
        await bystander.mutate(0, "ledger:add", text=text)
        await bystander.hear_until("MutationResponse", success=True)
        (update,) = (await bystander.hear_until("Transition"))[-1]["modifications"]
        assert text in update["value"]


@asynccontextmanager
async def reads_nothing(at: Served) -> AsyncGenerator[SyncSocket]:
    """A client that takes a frame from the network only when the test hears it."""
    async with connect(at.url + PATH, max_size=None, max_queue=1, ping_interval=None) as connection:
        socket = SyncSocket(connection, "9208b169-0e8a-4fa7-9341-d27c8fd3dda8")
        await socket.say_connect()
        yield socket


def waiting(at: Served) -> tuple[anyio.Event, anyio.Event]:
    """Lets the next mutation tell that it runs, and wait until it may end."""
    runs, may_end = anyio.Event(), anyio.Event()

    async def steps(_: object) -> str:
        runs.set()
        await may_end.wait()
        return "done"

    at.script.steps = steps
    return runs, may_end


async def closed(socket: SyncSocket) -> tuple[int | None, str, list[Frame]]:
    """How the server closed the socket, and what it said before."""
    heard, end = await socket.hear_end()
    rcvd = end.rcvd
    return (rcvd.code, rcvd.reason, heard) if rcvd is not None else (None, "", heard)


async def test_a_frame_that_is_longer_than_allowed_ends_its_socket_only() -> None:
    async with (
        served(Sockets(frame_bytes=10_000)) as at,
        beside(at),
        sync_socket(at.url) as socket,
    ):
        await socket.say("Event", eventType="Fits", event="x" * 9_000)
        await socket.say("Event", eventType="Long", event="x" * 10_000)
        assert (await closed(socket))[0] == 1009


async def test_a_frame_in_endlessly_many_fragments_ends_its_socket_only() -> None:
    async def fragments() -> AsyncGenerator[str]:
        for _ in range(20_000):
            yield ""

    async with served() as at, beside(at), sync_socket(at.url) as socket:
        with suppress(ConnectionClosed):  # it is closed before all are sent
            await socket.say_fragments(fragments())
        assert (await closed(socket))[0] == 1009


async def test_more_mutations_than_may_wait_close_the_socket() -> None:
    async with served(Sockets(mutations=3)) as at, sync_socket(at.url) as socket:
        runs, may_end = waiting(at)
        await socket.mutate(0, "ledger:mutate")
        await runs.wait()
        async with beside(at):
            for request_id in range(1, 4):
                await socket.mutate(request_id, "ledger:mutate")
            assert await closed(socket) == (1013, "TooManyConcurrentMutations", [])
            may_end.set()


async def test_arguments_that_wait_may_not_take_more_memory_than_allowed() -> None:
    async with served(Sockets(waiting_bytes=2_500_000)) as at, sync_socket(at.url) as socket:
        runs, may_end = waiting(at)
        await socket.mutate(0, "ledger:mutate")
        await runs.wait()
        async with beside(at):
            for request_id in range(1, 4):
                await socket.mutate(request_id, "ledger:add", text=LONG)
            assert await closed(socket) == (1013, "TooManyConcurrentRequests", [])
            may_end.set()


async def test_more_subscriptions_than_allowed_are_a_fatal_error() -> None:
    async with (
        served(Sockets(subscriptions=2)) as at,
        beside(at),
        sync_socket(at.url) as socket,
    ):
        await socket.modify(*[{**TEXTS, "queryId": number} for number in range(3)])
        code, _, heard = await closed(socket)
        assert code in (1000, 1005)
        assert [each["type"] for each in heard] == ["FatalError"]
        assert "[tool.confect.sockets]" in heard[0]["error"]


async def test_subscriptions_that_answer_too_much_together_are_a_fatal_error() -> None:
    pausing = Pausing()
    async with (
        served(Sockets(unsent_bytes=3_000_000), pausing=pausing) as at,
        beside(at),
        sync_socket(at.url) as socket,
    ):
        twice = {"type": "Add", "udfPath": "ledger:twice", "args": [{"text": LONG[:100_000]}]}
        await socket.modify(*[{**twice, "queryId": number} for number in range(100)])
        _, _, heard = await closed(socket)
        assert [each["type"] for each in heard] == ["FatalError"]
        assert "in pages" in heard[0]["error"]
        assert pausing.arrivals[PausePoint.QUERY_RAN] < 20  # the others would only take memory


async def test_a_client_that_takes_nothing_is_cut_before_much_is_held_for_it() -> None:
    async with served(Sockets(unsent_bytes=4_000_000)) as at, beside(at), reads_nothing(at) as slow:
        for request_id in range(40):
            await slow.act(request_id, "ledger:act", text=LONG)
        code, reason, heard = await closed(slow)
        assert (code, reason) == (1013, "SlowReader")
        assert len(heard) < 40


async def stuck(slow: SyncSocket, at: Served) -> None:
    """Let there be more for a client than it and the network take without it reading."""
    for request_id in range(15):
        await slow.act(request_id, "ledger:act", text=LONG)
    async with sync_socket(at.url) as fence:  # for as long as it takes to answer these
        for request_id in range(15):
            await fence.act(request_id, "ledger:act", text=LONG)
        for _ in range(15):
            await fence.hear_until("ActionResponse")


async def test_a_client_that_takes_nothing_for_long_is_cut() -> None:
    clock = VirtualClock()
    async with served(Sockets(unsent_s=60), clock=clock) as at, reads_nothing(at) as slow:
        await stuck(slow, at)
        for _ in range(round(60 / TICK_S) + 2):
            await clock.advance(timedelta(seconds=TICK_S))
        code, reason, heard = await closed(slow)
        assert (code, reason) == (1013, "SlowReader")
        assert len(heard) < 15


async def test_a_client_that_does_not_even_take_the_close_is_let_go() -> None:
    clock = VirtualClock()
    async with served(Sockets(unsent_s=60), clock=clock) as at, reads_nothing(at) as slow:
        await stuck(slow, at)
        await at.until_sockets(1)
        for _ in range(round(60 / TICK_S) + 3):
            await clock.advance(timedelta(seconds=TICK_S))
        await at.until_sockets(0)
        _, end = await slow.hear_end()
        assert end.rcvd is None  # nothing is left to be taken, at last


@pytest.mark.parametrize(
    ("path", "parts"), [(PATH, "TransitionChunk"), ("/api/1.27.9/sync", None), (PYTHON, None)]
)
async def test_long_transitions_come_in_parts_only_to_who_knows_them(
    path: str, parts: str | None
) -> None:
    async with served() as at, sync_socket(at.url, path) as socket:
        judge = Judge(knows_chunks=parts is not None)
        judge.adds(0)
        await socket.add(0, "ledger:twice", text="ä" * 3_000_000)
        types: list[str] = []
        while not judge.frames:
            frame = await socket.hear()
            types.append(frame["type"])
            judge.hears(json.dumps(frame, ensure_ascii=False))
        assert types == ([parts] * 3 if parts else ["Transition"])
        (update,) = judge.frames[0]["modifications"]
        assert update["value"] == "ä" * 6_000_000


class Unreadable(FaultyStore):
    """A store that cannot be read while a test says so."""

    is_away = False

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        self._check()
        return await super().get(table_no, id, ts)

    async def locate(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[Located]:
        self._check()
        return await super().locate(index_no, interval, ts, order, limit)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        self._check()
        return await super().scan(index_no, interval, ts, order, limit)

    def _check(self) -> None:
        if self.is_away:
            raise Broken("the disk is away")


async def test_a_store_that_fails_is_no_failure_of_a_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    store = Unreadable(MemoryStore())
    async with served(store=store) as at:
        async with sync_socket(at.url) as socket:
            await socket.modify(TEXTS)
            await socket.hear()
            store.is_away = True
            page = {"numItems": 1, "cursor": None}
            await socket.add(1, "ledger:page", paginationOpts=page)  # which nobody has asked for
            code, reason, heard = await closed(socket)
            assert (code, reason) == (1013, "StoreFailed")
            assert "QueryFailed" not in str(heard)
        store.is_away = False
        async with sync_socket(at.url) as again:
            await again.modify(TEXTS)
            (update,) = (await again.hear())["modifications"]
            assert (update["type"], update["value"]) == ("QueryUpdated", [])


@pytest.mark.parametrize("failing", ["fails_to_append", "fails_before_commit"])
async def test_a_mutation_that_was_not_stored_is_sent_again_and_happens_once(
    failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    store = FaultyStore(MemoryStore())
    session = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"
    async with served(store=store) as at:
        async with sync_socket(at.url, session_id=session) as socket:
            setattr(store, failing, True)
            await socket.mutate(0, "ledger:add", text="once")
            assert await closed(socket) == (1013, "StoreFailed", [])
        async with sync_socket(at.url, session_id=session) as again:
            await again.mutate(0, "ledger:add", text="once")
            assert (await again.hear())["result"] == "ONCE"
            await again.hear()
            await again.modify(TEXTS)
            (update,) = (await again.hear())["modifications"]
            assert update["value"] == ["once"]


async def test_a_defect_of_the_server_closes_the_socket_as_an_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    pausing = Pausing()
    async with served(pausing=pausing) as at, beside(at), sync_socket(at.url) as socket:
        pausing.fail(PausePoint.PUSH_RAN)
        await socket.add(0, "ledger:echo", text="hi")
        assert await closed(socket) == (1011, "InternalServerError", [])


ADMIN: Frame = {"tokenType": "Admin", "value": SECRET}
NOBODY: Frame = {"tokenType": "None"}


@pytest.mark.parametrize(("token", "may"), [(ADMIN, True), (NOBODY, False)])
async def test_an_admin_on_a_socket_may_call_what_is_internal(token: Frame, may: bool) -> None:
    async with served() as at, sync_socket(at.url) as socket:
        await socket.say("Authenticate", baseVersion=0, **token)
        await socket.hear_until("Transition")
        await socket.mutate(0, "ledger:crash", text="boom")
        refused = "Could not find public function" in (await socket.hear())["result"]
        assert refused is not may


@pytest.mark.parametrize("token", [ADMIN, NOBODY])
async def test_there_are_no_components(token: Frame) -> None:
    async with served() as at, sync_socket(at.url) as socket:
        await socket.say("Authenticate", baseVersion=0, **token)
        await socket.hear_until("Transition")
        await socket.modify({**TEXTS, "componentPath": "other"})
        (failed,) = (await socket.hear())["modifications"]
        assert failed["type"] == "QueryFailed"
        call = {"udfPath": "ledger:add", "args": [{"text": "x"}], "componentPath": "other"}
        await socket.say("Mutation", requestId=0, **call)
        assert (await socket.hear())["success"] is False


async def test_the_root_component_is_the_application() -> None:
    async with served() as at, sync_socket(at.url) as socket:
        await socket.modify({**TEXTS, "componentPath": ""})
        (update,) = (await socket.hear())["modifications"]
        assert update["value"] == []
