"""kill -9: whatever was acknowledged is there afterwards, once, and the database opens."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from uuid import uuid4

import anyio
import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.serving import Server
from tests.sync_socket import SyncSocket, sync_socket

ROUNDS = 20
POSTERS = 4
SESSIONS = 2
IN_FLIGHT = 8


@dataclass
class Acknowledged:
    """What the server said is stored: the id of each text. After so many, the server is killed."""

    server: Server
    ids: dict[str, str] = field(default_factory=dict[str, str])
    left: int = 0

    def add(self, text: str, note_id: str) -> None:
        assert text not in self.ids
        self.ids[text] = note_id
        self.left -= 1
        if self.left == 0:
            self.server.kill()


class Poster:
    """Sends one mutation after another over HTTP, where nothing tells a repeated one from a new."""

    def __init__(self, name: str, acknowledged: Acknowledged) -> None:
        self._name = name
        self._acknowledged = acknowledged
        self._sent = 0

    async def send(self, client: httpx2.AsyncClient) -> None:
        """Insert notes until the server is gone."""
        while True:
            self._sent += 1
            text = f"{self._name}-{self._sent}"
            body = {"path": "notes:insert", "args": {"text": text}}
            try:
                answer = await client.post("/api/mutation", json=body)
            except httpx2.TransportError:
                return
            self._acknowledged.add(text, answer.json()["value"])


class Session:
    """Sends several mutations at a time over sockets; what was not answered is sent again."""

    def __init__(self, name: str, acknowledged: Acknowledged) -> None:
        self._name = name
        self._acknowledged = acknowledged
        self._id = str(uuid4())
        self._sent = 0
        self._pending: dict[int, str] = {}

    async def send(self, url: str) -> None:
        """Insert notes until the server is gone."""
        await self._run(url, in_flight=IN_FLIGHT)

    async def finish(self, url: str) -> None:
        """Have everything answered that was ever sent."""
        await self._run(url, in_flight=0)
        assert not self._pending

    async def _run(self, url: str, in_flight: int) -> None:
        try:
            async with sync_socket(url, session_id=self._id) as socket:
                for request_id, text in self._pending.items():
                    await socket.mutate(request_id, "notes:insert", text=text)
                await self._send_more(socket, in_flight)
                while self._pending:
                    await self._take_answer(socket)
                    await self._send_more(socket, in_flight)
        except (ConnectionClosed, InvalidHandshake, OSError):
            pass  # the server is gone

    async def _send_more(self, socket: SyncSocket, in_flight: int) -> None:
        while len(self._pending) < in_flight:
            self._sent += 1
            text = self._pending[self._sent] = f"{self._name}-{self._sent}"
            await socket.mutate(self._sent, "notes:insert", text=text)

    async def _take_answer(self, socket: SyncSocket) -> None:
        frame = await socket.hear()
        if frame["type"] == "MutationResponse":
            text = self._pending.pop(frame["requestId"])
            self._acknowledged.add(text, frame["result"])


def assert_all_there(server: Server, acknowledged: Acknowledged) -> None:
    stored = Counter(server.texts())
    assert acknowledged.ids.keys() <= stored.keys(), "an acknowledged note is lost"
    assert set(stored.values()) == {1}, "a note is there twice"


@pytest.mark.timeout(120)
async def test_no_acknowledged_write_is_lost_to_kill_9(mortal_server: Server) -> None:
    random = Random(seed := Random().getrandbits(32))
    print(f"seed {seed}")  # noqa: T201  # shown if the test fails
    acknowledged = Acknowledged(mortal_server)
    posters = [Poster(f"post{number}", acknowledged) for number in range(POSTERS)]
    sessions = [Session(f"session{number}", acknowledged) for number in range(SESSIONS)]

    for _ in range(ROUNDS):
        acknowledged.left = random.randint(1, 60)
        async with (
            httpx2.AsyncClient(base_url=mortal_server.url) as client,
            anyio.create_task_group() as tasks,
        ):
            for poster in posters:
                tasks.start_soon(poster.send, client)
            for session in sessions:
                tasks.start_soon(session.send, mortal_server.socket_url)
        assert not mortal_server.is_alive
        mortal_server.start()
        assert_all_there(mortal_server, acknowledged)

    for session in sessions:
        await session.finish(mortal_server.socket_url)
    assert_all_there(mortal_server, acknowledged)
    # and the answers named the notes that they made
    for text, note_id in random.sample(sorted(acknowledged.ids.items()), 20):
        note = mortal_server.call("query", "notes:get", note_id=note_id).json()["value"]
        assert (note["_id"], note["text"]) == (note_id, text)

    assert mortal_server.stop() == 0
    with closing(sqlite3.connect(mortal_server.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
