"""`SyncSocket`: one socket of the sync protocol, with no more client around it than is needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

from confect_core.protocol import (
    AddQuery,
    ClientMessage,
    Connect,
    FatalError,
    FunctionPath,
    JsonObject,
    ModifyQuerySet,
    Mutation,
    MutationFailed,
    MutationSucceeded,
    ServerMessage,
    Transition,
    encode_client_message,
    parse_server_message,
)
from confect_core.values import Json


class SyncSocket:
    """A connected socket that asks and waits for what comes of it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._requests = 0

    async def subscribe(self, path: str, args: JsonObject) -> None:
        """Subscribe to one query, and wait for its first answer."""
        added = AddQuery(0, FunctionPath.parse(path), args)
        await self._send(ModifyQuerySet(0, 1, (added,)))
        await self._shown(0)

    async def mutate(self, path: str, args: JsonObject) -> None:
        """Run a mutation, and wait for its answer and for the Transition that includes it."""
        self._requests += 1
        await self._send(Mutation(self._requests, FunctionPath.parse(path), args))
        await self._shown(await self._committed())

    async def _send(self, message: ClientMessage) -> None:
        await self._connection.send(encode_client_message(message).decode())

    async def _committed(self) -> int:
        while True:
            message = await self._receive()
            if isinstance(message, MutationSucceeded):
                return message.ts

    async def _shown(self, ts: int) -> None:
        while True:
            message = await self._receive()
            if isinstance(message, Transition) and message.end.ts >= ts:
                return

    async def _receive(self) -> ServerMessage[Json]:
        message = parse_server_message(await self._connection.recv())
        assert not isinstance(message, MutationFailed | FatalError), message
        return message


@asynccontextmanager
async def connected(port: int) -> AsyncGenerator[SyncSocket]:
    """A socket to the server at this port of this machine, for as long as the context lasts."""
    url = f"ws://127.0.0.1:{port}/api/sync"
    async with connect(url, compression=None, ping_interval=None, max_size=None) as connection:
        opening = Connect(str(uuid4()), 0, "InitialConnect")
        await connection.send(encode_client_message(opening).decode())
        yield SyncSocket(connection)
