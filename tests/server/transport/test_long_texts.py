"""Texts that are too long for one frame, which some clients would not take."""

from __future__ import annotations

import orjson
from websockets.asyncio.client import connect

from confect_server import ActionCtx
from confect_server.settings import Limits, Settings
from confect_server.transport import AdminKey, ConfectAsgi, serving
from confect_server.transport.sync.burst import LONGEST_FRAME
from tests.server.runtime.workshop import workshop

LENGTH = LONGEST_FRAME
CONNECT = {"type": "Connect", "sessionId": "0" * 8 + "-0000-4000-8000-" + "0" * 12}


async def test_a_long_text_comes_in_frames_that_clients_take() -> None:
    async def wait(_: ActionCtx) -> str:
        return "é" * LENGTH

    async with (
        workshop(Settings(limits=Limits(result_bytes=4 * LENGTH))) as at,
        serving(ConfectAsgi(at.backend, AdminKey("key")), "127.0.0.1", 0) as port,
        # what the client takes at most: of a message, and of a frame
        connect(f"ws://127.0.0.1:{port}/api/sync", max_size=(None, LONGEST_FRAME)) as socket,
    ):
        at.script.wait = wait
        await socket.send(orjson.dumps({**CONNECT, "connectionCount": 0, "clientTs": 0}).decode())
        asked: dict[str, object] = {"type": "Action", "udfPath": "work:wait", "args": [{}]}
        for number in range(3):  # so that some have to wait until others are taken
            await socket.send(orjson.dumps({**asked, "requestId": number}).decode())
        results: list[str] = []
        while len(results) < 3:
            frame = orjson.loads(await socket.recv())
            if frame["type"] == "ActionResponse":
                results.append(frame["result"])
        assert results == ["é" * LENGTH] * 3
