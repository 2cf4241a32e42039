"""Sockets that show the same are told together, and each of them notices nothing of the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_server.runtime import CLIENT, Backend
from confect_server.store import MemoryStore
from confect_server.testing.clock import VirtualClock
from confect_server.transport.admin import AdminKey
from confect_server.transport.sync.audience import MOST_MEMBERS
from confect_server.transport.sync.burst import Burst, Outlet
from confect_server.transport.sync.socket import READY, Message, Socket
from confect_server.transport.sync.wakeup import Wakeup
from confect_server.transport.sync.websocket import TICK_S, SyncServer
from tests.server.runtime.board import Runs, board
from tests.sync_judge import Frame, Judge

PATIENCE_S = 60
TICK = timedelta(seconds=TICK_S)
_TWO_BYTES, _EIGHT_BYTES = 126, 127


class Client(asyncio.Transport):
    """The other end of a socket without a network: it judges what it is sent, by either way."""

    def __init__(self, burst: Burst, number: int) -> None:
        super().__init__()
        self.judge = Judge(tells_time=False)
        self.outlet = Outlet(burst, self)
        self.query_set = 0
        self.requests = 0
        self.wrong: list[AssertionError] = []
        self.is_open = True
        self._takes = anyio.Event()
        self._takes.set()
        self._said: list[Message] = [{"type": "websocket.connect"}]
        self._has_said = Wakeup()
        connect = {"connectionCount": 0, "lastCloseReason": None}
        self.say("Connect", sessionId=f"{number:032}", **connect)
        extensions = {READY: {"outlet": self.outlet}}
        scope: Message = {"type": "websocket", "path": "/api/1.48.0/sync", "headers": []}
        self.socket = Socket({**scope, "extensions": extensions}, self._receive, self._send)

    # What the server does.

    async def _receive(self) -> Message:
        while not self._said:
            await self._has_said.wait()
        return self._said.pop(0)

    async def _send(self, message: Message) -> None:
        await self._takes.wait()
        match message["type"]:
            case "websocket.send":
                self._hears(message["text"])
            case "websocket.close":
                self.wrong.append(AssertionError(f"it is closed: {message}"))
            case _:
                pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        for text in texts_in(bytes(data)):
            self._hears(text)

    def _hears(self, text: str | bytes) -> None:
        try:
            self.judge.hears(text)
        except AssertionError as error:  # the server is not to mend it
            self.wrong.append(error)

    def is_closing(self) -> bool:
        return False

    # What the client does.

    def say(self, type: str, **fields: object) -> None:
        text = json.dumps({"type": type, **fields})
        self._said.append({"type": "websocket.receive", "text": text})
        self._has_said.set()

    def modify(self, change: Frame) -> None:
        base, self.query_set = self.query_set, self.query_set + 1
        versions = {"baseVersion": base, "newVersion": self.query_set}
        self.say("ModifyQuerySet", **versions, modifications=[change])

    def show(self, query_id: int, room: str) -> None:
        self.judge.adds(query_id)
        query = {"udfPath": "posts:list", "args": [{"room": room}]}
        self.modify({"type": "Add", "queryId": query_id, **query})

    def hide(self, query_id: int) -> None:
        self.judge.removes(query_id)
        self.modify({"type": "Remove", "queryId": query_id})

    def post(self, room: str, text: str) -> None:
        self.judge.mutates(self.requests)
        args = [{"room": room, "text": text}]
        self.say("Mutation", requestId=self.requests, udfPath="posts:post", args=args)
        self.requests += 1

    def leave(self) -> None:
        self.is_open = False
        self._said.append({"type": "websocket.disconnect", "code": 1000})
        self._has_said.set()

    def take_nothing(self) -> None:
        self.outlet.takes_more = False
        if self._takes.is_set():
            self._takes = anyio.Event()

    def take_more(self) -> None:
        self.outlet.takes_more = True
        self._takes.set()

    def shows(self, query_id: int) -> object:
        """What it knows of a query; the posts of one moment have no order."""
        known = self.judge.results.get(query_id)
        return None if known is None else sorted(json.loads(str(known[1])))


def texts_in(frames: bytes) -> list[bytes]:
    texts: list[bytes] = []
    while frames:
        length, begin = frames[1], 2
        if length == _TWO_BYTES:
            length, begin = int.from_bytes(frames[2:4], "big"), 4
        elif length == _EIGHT_BYTES:
            length, begin = int.from_bytes(frames[2:10], "big"), 10
        texts.append(frames[begin : begin + length])
        frames = frames[begin + length :]
    return texts


@dataclass
class House:
    """A server with clients that show the posts of room a."""

    backend: Backend
    server: SyncServer
    clock: VirtualClock
    runs: Runs
    clients: list[Client]

    async def post(self, room: str, text: str) -> None:
        args: Frame = {"room": room, "text": text}
        await self.backend.executor.run_mutation("posts:post", args, CLIENT)

    async def until(self, is_so: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE_S):
            while not is_so():
                await checkpoint()
        assert [each for client in self.clients for each in client.wrong] == []

    async def until_all_show(self, *posts: str) -> None:
        """Return once every client shows these posts of room a, and is owed nothing."""
        await self.until(lambda: all(_shows(each, [*posts]) for each in self.clients))

    @property
    def in_audiences(self) -> int:
        """How many clients are told with others."""
        return sum(each._audience is not None for each in self.server._connections)


def _shows(client: Client, posts: list[str]) -> bool:
    is_owed = client.judge.is_owed
    return not client.is_open or (client.shows(0) == sorted(posts) and not is_owed)


@asynccontextmanager
async def house(clients: int) -> AsyncGenerator[House]:
    runs, clock, burst = Runs(), VirtualClock(), Burst()
    async with Backend.open(board(runs), MemoryStore(), clock=clock) as backend:
        server = SyncServer(backend, AdminKey("secret"))
        async with anyio.create_task_group() as tasks:
            at = House(backend, server, clock, runs, [Client(burst, n) for n in range(clients)])
            for client in at.clients:
                tasks.start_soon(server.serve, client.socket)
                client.show(0, "a")
            await at.until_all_show()
            yield at
            tasks.cancel_scope.cancel()


async def brought_together(at: House) -> list[str]:
    """The posts after which those who show the same are told together."""
    posts = ["first", "second"]
    for number, post in enumerate(posts, 1):
        await at.post("a", post)
        await at.until_all_show(*posts[:number])
    return posts


async def test_those_who_were_told_the_same_are_told_together_from_then_on() -> None:
    async with house(30) as at:
        await brought_together(at)
        assert at.in_audiences >= 29  # who runs the query for all may be alone
        assert at.runs.count["a"] == 3


async def test_an_audience_is_no_larger_than_what_is_told_in_one_step() -> None:
    async with house(MOST_MEMBERS + 20) as at:
        posts = await brought_together(at)
        audiences = [each._audience for each in at.server._connections]
        assert len({*audiences} - {None}) == 2
        await at.post("a", "third")
        await at.until_all_show(*posts, "third")


async def test_a_member_that_does_something_goes_on_from_where_it_was_brought() -> None:
    async with house(10) as at:
        posts = await brought_together(at)
        at.clients[0].post("a", "its own")
        at.clients[1].show(1, "b")
        at.clients[2].leave()
        await at.until_all_show(*posts, "its own")
        await at.post("a", "last")
        await at.post("b", "elsewhere")
        await at.until_all_show(*posts, "its own", "last")
        await at.until(lambda: at.clients[1].shows(1) == ["elsewhere"])


async def test_a_member_that_takes_nothing_is_told_the_newest_alone_once_it_does() -> None:
    async with house(10) as at:
        posts = await brought_together(at)
        slow, *others = at.clients
        slow.take_nothing()
        at.clients = others
        for post in ("third", "fourth", "fifth"):
            posts.append(post)
            await at.post("a", post)
            await at.until_all_show(*posts)
        assert slow.shows(0) == ["first", "second"]
        at.clients = [slow, *others]
        slow.take_more()
        await at.until_all_show(*posts)
        assert len(slow.judge.frames) <= len(others[0].judge.frames)


async def test_a_member_may_leave_while_their_query_runs() -> None:
    async with house(10) as at:
        posts = await brought_together(at)
        at.runs.shut()
        ran = at.runs.count["a"]
        await at.post("a", "third")
        await at.until(lambda: at.runs.count["a"] > ran)
        at.clients[3].leave()
        at.clients[4].show(1, "b")
        await at.until(lambda: len(at.server._connections) == 9)
        at.runs.gate.set()
        await at.until_all_show(*posts, "third")


async def test_what_is_written_while_their_query_runs_is_told_too() -> None:
    async with house(10) as at:
        posts = await brought_together(at)
        at.runs.shut()
        ran = at.runs.count["a"]
        await at.post("a", "third")
        await at.until(lambda: at.runs.count["a"] > ran)
        await at.post("a", "fourth")
        at.runs.gate.set()
        await at.until_all_show(*posts, "third", "fourth")


async def test_every_query_of_a_member_runs_on_a_new_version_of_the_application() -> None:
    async with house(10) as at:
        posts = await brought_together(at)
        await at.backend.replace(board(at.runs, greeting="welcome"))
        at.server.reloaded()
        await at.until_all_show("welcome", *posts)


async def test_members_hear_that_the_server_is_there_when_nothing_else_is_said() -> None:
    async with house(10) as at:
        posts = await brought_together(at)
        await at.post("a", "third")
        await at.until_all_show(*posts, "third")
        await at.clock.advance(5 * TICK)
        pinged = [
            any(each["type"] == "Ping" for each in client.judge.frames) for client in at.clients
        ]
        assert all(pinged)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_members_do_meanwhile_all_are_told_all_of_it_in_order(seed: int) -> None:
    random = Random(seed)
    async with house(random.choice((6, 12, 40))) as at:
        most = 0
        for number in range(120):
            await _something(at, random, f"{number}")
            for _ in range(random.choice((0, 0, 1, 3, 30))):
                await checkpoint()
            most = max(most, at.in_audiences)
        at.runs.gate.set()
        for client in at.clients:
            client.take_more()
        await at.until(lambda: all(_is_settled(each) for each in at.clients))
        answer = await at.backend.executor.run_query("posts:list", {"room": "a"}, CLIENT)
        expected: Any = json.loads(answer.outcome.value)  # type: ignore[union-attr]
        await at.until_all_show(*expected)
        assert most >= 2


def _is_settled(client: Client) -> bool:
    return not client.is_open or not client.judge.is_owed


async def _something(at: House, random: Random, text: str) -> None:
    """A client or the server does something, mostly what concerns everybody."""
    client = random.choice(at.clients)
    what = random.choice(("post",) * 12 + ("own", "show", "full", "takes", "tick", "leave", "gate"))
    match what:
        case "post":
            await at.post(random.choice("aab"), text)
        case "own":
            client.post(random.choice("ab"), text)
        case "show" if 1 not in client.judge._queries:
            client.show(1, "b")
        case "full":
            client.take_nothing()
        case "takes":
            client.take_more()
        case "tick":
            for each in at.clients:
                each.outlet.has_heard = True
            await at.clock.advance(TICK)
        case "leave" if random.random() < 0.2:
            client.leave()
        case "gate":
            at.runs.gate.set()
            if random.random() < 0.2:
                at.runs.shut()
        case _:
            await checkpoint()


async def test_a_member_whose_token_lapses_is_told_nothing_after_that() -> None:
    async with house(10) as at:
        posts = await brought_together(at)
        await at.clock.advance(TICK)  # all have left, and come back with the next update
        soon_ms = at.clock.now_ns() // 1_000_000 + 1_000
        connections = list(at.server._connections)[:2]  # one may run the query for all, alone
        for connection in connections:
            connection._session._lapses_at_ms = soon_ms
        await at.post("a", "third")
        await at.until_all_show(*posts, "third")
        assert any(connection._audience is not None for connection in connections)
        await at.clock.advance(timedelta(seconds=2))
        outlets = [connection.outlet for connection in connections]
        lapsed = [each for each in at.clients if each.outlet in outlets]
        for each in lapsed:
            at.clients.remove(each)
        await at.post("a", "fourth")
        await at.until_all_show(*posts, "third", "fourth")
        assert len(lapsed) == 2
        for each in lapsed:
            assert each.judge.fatal is not None
            assert each.shows(0) == sorted([*posts, "third"])
