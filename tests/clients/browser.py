"""`Browser`: a real Chromium, if the machine has one, with pages driven over its own protocol.

Each page has a connection of its own to the browser: one that says much, while its test looks at
another, holds up nothing.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import orjson
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from websockets.asyncio.client import ClientConnection, connect

_TIMEOUT_S = 60
_PATIENCE_S = 40
"""How long a test waits for what a page should show: with a reconnect, on a busy machine."""

_LISTENING = b"DevTools listening on "
_FLAGS = [
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--remote-debugging-port=0",
    # a page goes on as it is, while the test looks at another one
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # as root, as in a container, it has no sandbox of its own
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


class Page:
    """One page of one person; what it says in its console is heard when a command is waited for."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._session: str | None = None
        self._numbers = count(1)
        self._is_loaded = False
        self.said: list[str] = []
        """Errors, warnings, and whatever the page itself has put into its console."""

    async def begin(self) -> None:
        """Open an empty page, which shares neither cookies nor storage with any other."""
        context = await self._command("Target.createBrowserContext", disposeOnDetach=True)
        target = await self._command(
            "Target.createTarget", url="about:blank", browserContextId=context["browserContextId"]
        )
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
        try:
            with anyio.fail_after(_PATIENCE_S):
                return await self.evaluate(looking)
        except TimeoutError:
            shown = await self.evaluate("document.body.innerText")
            raise AssertionError(f"{condition} never was: {shown}\n{self.said}") from None

    async def click(self, selector: str) -> None:
        """Press the element that a CSS selector finds, once it is there and may be pressed."""
        found = f"document.querySelector({orjson.dumps(selector).decode()})"
        await self.wait_for(f"{found} && !{found}.disabled")
        await self.evaluate(f"{found}.click()")

    async def type_into(self, selector: str, text: str) -> None:
        """Put the cursor into a field, once it is there, and type a text."""
        found = f"document.querySelector({orjson.dumps(selector).decode()})"
        await self.wait_for(f"{found} && !{found}.disabled")
        await self.evaluate(f"{found}.focus()")
        await self._command("Input.insertText", text=text)

    async def press_enter(self) -> None:
        """Press the key in whatever has the cursor."""
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        await self._command("Input.dispatchKeyEvent", type="keyDown", **key)
        await self._command("Input.dispatchKeyEvent", type="keyUp", **key)

    async def choose_file(self, selector: str, file: Path) -> None:
        """Choose a file of this machine in a field for files."""
        root = (await self._command("DOM.getDocument"))["root"]["nodeId"]
        node = await self._command("DOM.querySelector", nodeId=root, selector=selector)
        await self._command("DOM.setFileInputFiles", files=[str(file)], nodeId=node["nodeId"])

    async def look_like(
        self, width: int, height: int, *, is_dark: bool = False, is_phone: bool = False
    ) -> None:
        """Give the page a size, and what else its style may ask for."""
        await self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self._command("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """What the page looks like, as PNG."""
        return base64.b64decode((await self._command("Page.captureScreenshot"))["data"])

    async def _command(self, method: str, **params: object) -> dict[str, Any]:
        number = await self._send(method, params)
        while True:
            heard = await self._next()
            if heard.get("id") == number:
                assert "error" not in heard, heard
                result: dict[str, Any] = heard["result"]
                return result
            self._hear(heard)

    async def _send(self, method: str, params: Mapping[str, object]) -> int:
        number = next(self._numbers)
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": number, "method": method, "params": params, **session}
        await self._connection.send(orjson.dumps(message), text=True)
        return number

    async def _next(self) -> dict[str, Any]:
        with anyio.fail_after(_TIMEOUT_S):
            heard: dict[str, Any] = orjson.loads(await self._connection.recv())
        if heard.get("method") == "Page.javascriptDialogOpening":
            # whoever is asked whether they want to leave the page does
            await self._send("Page.handleJavaScriptDialog", {"accept": True})
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


class Browser:
    """A running browser; its pages are closed with it."""

    def __init__(self, address: str, pages: AsyncExitStack) -> None:
        self._address = address
        self._pages = pages

    async def page(self) -> Page:
        """An empty page, as if of somebody else than those of all others."""
        # no pings: nobody answers them while the page says more than the test has heard
        connecting = connect(self._address, max_size=None, compression=None, ping_interval=None)
        page = Page(await self._pages.enter_async_context(connecting))
        await page.begin()
        return page


@asynccontextmanager
async def browsing() -> AsyncGenerator[Page]:
    """The only page of a browser of its own; see `browser`."""
    async with browser() as opened:
        yield await opened.page()


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """A browser of its own; the test is skipped without Chromium, but not in CI."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [_chromium(), *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = await anyio.open_process(command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
        async with process, AsyncExitStack() as pages:
            try:
                yield Browser(await _address(process), pages)
            finally:
                process.kill()


async def keep(picture: bytes, name: str) -> None:
    """Leave a picture where whoever runs the tests wants to look at it."""
    folder = os.environ.get("CONFECT_PICTURES")
    if folder is not None:
        await anyio.Path(Path(folder) / f"{name}.png").write_bytes(picture)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        if "CI" in os.environ:
            pytest.fail("there is no chromium, which `.ci/run` installs")
        pytest.skip("there is no chromium: install the one of your system")
    return found


async def _address(process: Process) -> str:
    """Where the browser takes commands, which it says when it has started."""
    assert process.stderr is not None
    lines = BufferedByteReceiveStream(process.stderr)
    with anyio.fail_after(_TIMEOUT_S):
        while not (line := await lines.receive_until(b"\n", 65_536)).startswith(_LISTENING):
            pass
    return line.removeprefix(_LISTENING).decode().strip()
