"""`Page`: a page in a real Chromium, if the machine has one, driven over its own protocol."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import orjson
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from websockets.asyncio.client import ClientConnection, connect

_TIMEOUT_S = 60
_LISTENING = b"DevTools listening on "
_FLAGS = ["--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]


class Page:
    """One page; what it says in its console is heard when a command is waited for."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._session: str | None = None
        self._numbers = count(1)
        self._is_loaded = False
        self.said: list[str] = []
        """Errors, warnings, and whatever the page itself has put into its console."""

    async def begin(self) -> None:
        """Open an empty page."""
        target = await self._command("Target.createTarget", url="about:blank")
        attached = await self._command(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self._command(f"{domain}.enable")

    async def open(self, url: str) -> None:
        """Go to an address, and wait until it has been loaded."""
        self._is_loaded = False
        await self._command("Page.navigate", url=url)
        while not self._is_loaded:
            self._hear(await self._next())

    async def evaluate(self, script: str) -> Any:
        """What an expression, or the promise that it is, comes to in the page."""
        answer = await self._command(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait_for(self, condition: str) -> Any:
        """What an expression is, once that is something."""
        looking = f"""new Promise((resolve) => {{
            const look = () => {{
                const value = {condition};
                value ? resolve(value) : requestAnimationFrame(look);
            }};
            look();
        }})"""
        return await self.evaluate(looking)

    async def picture(self) -> bytes:
        """What the page looks like, as PNG."""
        return base64.b64decode((await self._command("Page.captureScreenshot"))["data"])

    async def _command(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": number, "method": method, "params": params, **session}
        await self._connection.send(orjson.dumps(message), text=True)
        while True:
            heard = await self._next()
            if heard.get("id") == number:
                assert "error" not in heard, heard
                result: dict[str, Any] = heard["result"]
                return result
            self._hear(heard)

    async def _next(self) -> dict[str, Any]:
        with anyio.fail_after(_TIMEOUT_S):
            heard: dict[str, Any] = orjson.loads(await self._connection.recv())
        return heard

    def _hear(self, heard: dict[str, Any]) -> None:
        method, params = heard.get("method"), heard.get("params", {})
        if method == "Page.loadEventFired":
            self._is_loaded = True
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            self.said.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.said += [str(each.get("value")) for each in params["args"]]


@asynccontextmanager
async def browsing() -> AsyncGenerator[Page]:
    """A page of a browser of its own; the test is skipped without Chromium, but not in CI."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        if "CI" in os.environ:
            pytest.fail("there is no chromium, which `.ci/run` installs")
        pytest.skip("there is no chromium: install the one of your system")
    # as root, as in a container, it has no sandbox of its own
    rights = ["--no-sandbox"] if os.geteuid() == 0 else []
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [found, *_FLAGS, *rights, f"--user-data-dir={profile}", "about:blank"]
        process = await anyio.open_process(command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
        async with process:
            try:
                assert process.stderr is not None
                lines = BufferedByteReceiveStream(process.stderr)
                with anyio.fail_after(_TIMEOUT_S):
                    while not (line := await lines.receive_until(b"\n", 65_536)).startswith(
                        _LISTENING
                    ):
                        pass
                address = line.removeprefix(_LISTENING).decode().strip()
                async with connect(address, max_size=None, compression=None) as connection:
                    page = Page(connection)
                    await page.begin()
                    yield page
            finally:
                process.kill()
