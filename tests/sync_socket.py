"""`SyncSocket`: the sync protocol frame by frame, without a client that would smooth anything."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import uuid4

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ANSWER_TIMEOUT_S = 20
PATH = "/api/1.48.0/sync"

Frame: TypeAlias = dict[str, Any]


class SyncSocket:
    """One socket; what it said and heard is the test's to judge."""

    def __init__(self, connection: ClientConnection, session_id: str) -> None:
        self._connection = connection
        self._session_id = session_id
        self._query_set = 0

    async def say(self, type: str, **fields: object) -> None:
        await self._connection.send(json.dumps({"type": type, **fields}))

    async def say_raw(self, frame: str | bytes) -> None:
        await self._connection.send(frame)

    async def say_fragments(self, fragments: AsyncIterable[str]) -> None:
        """Send one frame in several parts."""
        await self._connection.send(fragments)

    async def say_connect(self, **more: object) -> None:
        await self.say(
            "Connect",
            sessionId=self._session_id,
            connectionCount=0,
            lastCloseReason="InitialConnect",
            clientTs=1_795_188_240_149,
            **more,
        )

    async def modify(self, *modifications: Frame) -> None:
        base, self._query_set = self._query_set, self._query_set + 1
        await self.say(
            "ModifyQuerySet",
            baseVersion=base,
            newVersion=self._query_set,
            modifications=list(modifications),
        )

    async def add(self, query_id: int, path: str, **args: object) -> None:
        await self.modify({"type": "Add", "queryId": query_id, "udfPath": path, "args": [args]})

    async def remove(self, query_id: int) -> None:
        await self.modify({"type": "Remove", "queryId": query_id})

    async def mutate(self, request_id: int, path: str, **args: object) -> None:
        await self.say("Mutation", requestId=request_id, udfPath=path, args=[args])

    async def act(self, request_id: int, path: str, **args: object) -> None:
        await self.say("Action", requestId=request_id, udfPath=path, args=[args])

    async def pong(self) -> None:
        """Answer a ping of WebSocket's own, and return once the server knows."""
        await self._connection.pong()
        await (await self._connection.ping())  # it is answered after what came before

    async def hear(self) -> Frame:
        """The next frame; raises `ConnectionClosed`."""
        with anyio.fail_after(ANSWER_TIMEOUT_S):
            frame: Frame = json.loads(await self._connection.recv())
        return frame

    async def hear_until(self, type: str, **fields: object) -> list[Frame]:
        """The frames up to the first that is of this type and has these fields."""
        heard = [await self.hear()]
        while not {"type": type, **fields}.items() <= heard[-1].items():
            heard.append(await self.hear())
        return heard

    async def hear_end(self) -> tuple[list[Frame], ConnectionClosed]:
        """The frames that are left, and how the server closed."""
        heard: list[Frame] = []
        try:
            while True:
                heard.append(await self.hear())
        except ConnectionClosed as closed:
            return heard, closed

    async def ping(self) -> None:
        """Ping the server below the protocol, and wait for its pong."""
        with anyio.fail_after(ANSWER_TIMEOUT_S):
            await (await self._connection.ping())

    def vanish(self) -> None:
        """Be gone without a word."""
        self._connection.transport.abort()


@asynccontextmanager
async def sync_socket(
    url: str, path: str = PATH, *, session_id: str | None = None, connects: bool = True
) -> AsyncGenerator[SyncSocket]:
    """A socket to a server, as a new client or as one that comes back."""
    async with connect(url + path, max_size=None) as connection:
        socket = SyncSocket(connection, session_id or str(uuid4()))
        if connects:
            await socket.say_connect()
        yield socket
