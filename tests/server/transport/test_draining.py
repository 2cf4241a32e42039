"""A server that stops: sockets are answered what they were told, and then sent elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from confect_core.protocol import encode_ts
from confect_server import Actions, Settings, Sharing
from confect_server.runtime import CLIENT, Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.ledger import Script, ledger
from tests.sync_socket import Frame, SyncSocket, sync_socket

PATIENCE_S = 30
TEXTS: Frame = {"type": "Add", "queryId": 0, "udfPath": "ledger:texts", "args": [{}]}


@dataclass
class Stopping:
    """A server that stops as soon as its mutation runs, which waits for `until` meanwhile."""

    backend: Backend
    url: str
    until: Callable[[Stopping], Awaitable[None]]
    runs: anyio.Event = field(default_factory=anyio.Event)

    async def steps(self, _: object) -> str:
        self.runs.set()
        await self.until(self)
        return "done"

    async def drains(self) -> None:
        """Return once it takes no connections any more."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                try:
                    async with connect(self.url + "/api/sync"):
                        await anyio.lowlevel.checkpoint()
                except (OSError, InvalidHandshake):
                    return


@asynccontextmanager
async def stopping(
    until: Callable[[Stopping], Awaitable[None]], grace_s: float = 10
) -> AsyncGenerator[tuple[Stopping, SyncSocket]]:
    """Inside, the server has begun to stop while a mutation of the socket runs."""
    script = Script()
    settings = Settings(actions=Actions(grace_s=grace_s))
    async with (
        Backend.open(ledger(script), MemoryStore(), settings=settings) as backend,
        anyio.create_task_group() as tasks,
    ):
        may_stop = anyio.Event()
        served = anyio.Event()
        at = Stopping(backend, "", until)
        script.steps = at.steps

        async def serve() -> None:
            async with serving(ConfectAsgi(backend, AdminKey("k")), "127.0.0.1", 0) as port:
                at.url = f"ws://127.0.0.1:{port}"
                served.set()
                await may_stop.wait()

        tasks.start_soon(serve)
        await served.wait()
        async with sync_socket(at.url) as socket:
            await socket.modify(TEXTS)
            await socket.hear()
            await socket.mutate(0, "ledger:mutate")
            await at.runs.wait()
            await socket.mutate(1, "ledger:add", text="queued")
            await socket.act(2, "ledger:act", text="a")
            await socket.hear_until("ActionResponse")  # so the others have been heard
            may_stop.set()
            yield at, socket


async def test_what_a_socket_was_asked_for_is_answered_and_shown_before_it_is_closed() -> None:
    async with stopping(Stopping.drains) as (_, socket):
        heard, end = await socket.hear_end()
    answers = [each for each in heard if each["type"] == "MutationResponse"]
    assert [each["result"] for each in answers] == ["done", "QUEUED"]
    assert heard[-1]["type"] == "Transition"
    assert heard[-1]["endVersion"]["ts"] == answers[-1]["ts"]
    shown = [change["value"] for each in heard for change in each.get("modifications", ())]
    assert shown[-1] == ["queued"]
    assert end.rcvd is not None
    assert (end.rcvd.code, end.rcvd.reason) == (1012, "ServerRestarting")


async def test_what_a_socket_says_once_the_server_stops_is_left_to_another_one() -> None:
    said = anyio.Event()

    async def until(at: Stopping) -> None:
        await at.drains()
        await said.wait()

    async with stopping(until) as (at, socket):
        await at.drains()
        await socket.mutate(3, "ledger:add", text="later")
        said.set()
        heard, _ = await socket.hear_end()
        answered = [each["requestId"] for each in heard if each["type"] == "MutationResponse"]
        assert answered == [0, 1]


async def test_what_does_not_end_within_the_grace_is_given_up_and_its_client_told() -> None:
    async def until(_: Stopping) -> None:
        await anyio.sleep_forever()

    async with stopping(until, grace_s=0.05) as (_, socket):
        heard, end = await socket.hear_end()
        assert "MutationResponse" not in [each["type"] for each in heard]
        assert end.rcvd is not None
        assert (end.rcvd.code, end.rcvd.reason) == (1012, "ServerRestarting")


async def test_idle_sockets_are_sent_away_at_once() -> None:
    ends: list[object] = []

    async def listen(url: str, listens: anyio.Event) -> None:
        async with sync_socket(url) as socket:
            await socket.modify(TEXTS)
            await socket.hear()
            listens.set()
            _, end = await socket.hear_end()
            ends.append(end.rcvd and (end.rcvd.code, end.rcvd.reason))

    async with (
        Backend.open(ledger(Script()), MemoryStore()) as backend,
        anyio.create_task_group() as tasks,
        serving(ConfectAsgi(backend, AdminKey("k")), "127.0.0.1", 0) as port,
    ):
        for _ in range(20):
            listens = anyio.Event()
            tasks.start_soon(listen, f"ws://127.0.0.1:{port}", listens)
            await listens.wait()
    assert ends == [(1012, "ServerRestarting")] * 20


@pytest.mark.parametrize("path", ["/api/1.48.0/sync", "/api/sync"])
async def test_a_socket_that_comes_too_late_is_refused(path: str) -> None:
    async with Backend.open(ledger(Script()), MemoryStore()) as backend:
        app = ConfectAsgi(backend, AdminKey("k"))
        async with serving(app, "127.0.0.1", 0) as port:
            await app.drain()  # as if its connection had been taken in the last moment
            with pytest.raises(InvalidHandshake):
                await connect(f"ws://127.0.0.1:{port}{path}")


async def test_a_client_that_comes_from_another_server_finds_what_it_has_seen_there() -> None:
    store, alone = MemoryStore(), Settings(sharing=Sharing(poll_s=None))
    async with (
        Backend.open(ledger(Script()), store, settings=alone) as one,
        Backend.open(ledger(Script()), store, settings=alone) as other,
        serving(ConfectAsgi(other, AdminKey("k")), "127.0.0.1", 0) as port,
    ):
        seen = await one.executor.run_mutation("ledger:add", {"text": "seen"}, CLIENT)
        assert seen.ts is not None
        url = f"ws://127.0.0.1:{port}"
        async with sync_socket(url, connects=False) as socket:
            await socket.say_connect(maxObservedTimestamp=encode_ts(seen.ts))
            await socket.modify(TEXTS)
            (update,) = (await socket.hear())["modifications"]
            assert update["value"] == ["seen"]
