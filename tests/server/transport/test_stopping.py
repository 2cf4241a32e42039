"""A server that stops: what runs may end, and whoever is connected is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from confect_core.protocol import JsonObject
from confect_server import ActionCtx, Actions, Settings
from confect_server.runtime import Backend
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.workshop import workshop

PATIENCE_S = 30
_CALL: JsonObject = {"path": "work:wait", "args": {}}


@dataclass
class Visitor:
    """Calls an action, listens on a socket, and keeps what it was told."""

    answers: list[JsonObject] = field(default_factory=list[JsonObject])
    closed: list[int] = field(default_factory=list[int])
    listens: anyio.Event = field(default_factory=anyio.Event)

    async def call(self, address: str) -> None:
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
            answer = await http.post(f"http://{address}/api/action", json=_CALL)
            self.answers.append(answer.json())

    async def listen(self, address: str) -> None:
        async with connect(f"ws://{address}/api/sync") as socket:
            self.listens.set()
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                self.closed.append(closed.rcvd.code if closed.rcvd else 0)


async def until_draining(backend: Backend) -> None:
    with anyio.fail_after(PATIENCE_S):
        while not backend.is_draining:
            await anyio.lowlevel.checkpoint()


async def visited_while_stopping(settings: Settings, *, ends: bool) -> Visitor:
    """What is told to visitors of a server that begins to stop while an action runs."""
    visitor, runs = Visitor(), anyio.Event()
    async with workshop(settings) as at, anyio.create_task_group() as tasks:

        async def wait(ctx: ActionCtx) -> str:
            runs.set()
            await until_draining(at.backend)
            if not ends:
                await anyio.sleep_forever()
            return "done"

        at.script.wait = wait
        async with serving(ConfectAsgi(at.backend, AdminKey("k")), "127.0.0.1", 0) as port:
            tasks.start_soon(visitor.call, f"127.0.0.1:{port}")
            tasks.start_soon(visitor.listen, f"127.0.0.1:{port}")
            await runs.wait()
            await visitor.listens.wait()
    return visitor


async def test_an_action_that_runs_is_answered_before_the_server_is_gone() -> None:
    visitor = await visited_while_stopping(Settings(), ends=True)
    assert visitor.answers == [{"status": "success", "value": "done"}]


async def test_an_action_that_does_not_end_is_stopped_and_its_caller_told() -> None:
    settings = Settings(actions=Actions(grace_s=0.01))
    visitor = await visited_while_stopping(settings, ends=False)
    (answer,) = visitor.answers
    assert "ActionStopped: work:wait" in str(answer["errorMessage"])


async def test_sockets_are_told_that_the_server_restarts() -> None:
    visitor = await visited_while_stopping(Settings(), ends=True)
    assert visitor.closed == [1012]
