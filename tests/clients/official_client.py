"""`OfficialClient`: a client of Convex in a process of its own, which tests tell what to do.

The processes (`js/official_client.mjs`, `pypi_client.py`) take commands and tell events as lines
of JSON. A test reads the events in the order in which they happened.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple, cast

import anyio
import orjson
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from confect_core.values.wire import Json
from tests.clients.node import JS, NODE, require

EVENT_TIMEOUT_S = 20
"""How long a test waits for what must come: long enough for a reconnect on a busy machine."""

_FOLDER = Path(__file__).parent
_SCRIPT = JS / "official_client.mjs"
_LONGEST_EVENT = 64 * 1024 * 1024


class Event(NamedTuple):
    """What happened to a client: `resolved`, `failed`, `update` or `pages`; of what; the value."""

    event: str
    name: str
    value: Json

    @property
    def document(self) -> dict[str, Any]:
        """The value, which is a document."""
        assert isinstance(self.value, dict), self
        return cast("dict[str, Any]", self.value)

    @property
    def failure(self) -> dict[str, Any]:
        """The message of a failure, and its data if it has any."""
        assert self.event == "failed", self
        return self.document

    @property
    def texts(self) -> list[str]:
        """The texts of an update that is a list of notes."""
        assert self.event == "update", self
        return [note["text"] for note in cast("list[dict[str, Any]]", self.value)]


class OfficialClient:
    """A client that does what it is told and tells what happens."""

    def __init__(self, process: Process, complaints: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._commands = process.stdin
        self._events = BufferedByteReceiveStream(process.stdout)
        self._complaints = complaints
        self.patience_s: float = EVENT_TIMEOUT_S
        """How long the next event may take."""

    @property
    def process_id(self) -> int:
        """Of the client."""
        return self._process.pid

    @property
    def complaints(self) -> str:
        """What the client had to say to people: warnings, errors, reconnects."""
        self._complaints.seek(0)
        return self._complaints.read().decode()

    async def subscribe(self, name: str, path: str, **args: Json) -> None:
        await self._tell(do="subscribe", name=name, path=path, args=args)

    async def subscribe_pages(self, name: str, path: str, size: int, **args: Json) -> None:
        """Read a paginated query, whose events are `pages`."""
        await self._tell(do="subscribePages", name=name, path=path, args=args, size=size)

    async def load_more(self, name: str, size: int) -> None:
        """Ask for one more page."""
        await self._tell(do="loadMore", name=name, size=size)

    async def unsubscribe(self, name: str) -> None:
        await self._tell(do="unsubscribe", name=name)

    async def begin(self, name: str, kind: str, path: str, **args: Json) -> None:
        """Call a function and go on; its end will be an event of this name."""
        call: dict[str, Json] = {"as": kind, "path": path, "args": args}
        await self._tell(do="call", name=name, **call)

    async def set_auth(self, *tokens: str) -> None:
        """Show these tokens, each where one is fetched and the last one ever after.

        On a socket of npm's client, `auth` tells whether they are taken.
        """
        await self._tell(do="setAuth", name="auth", tokens=list(tokens))

    async def set_auth_from(self, url: str) -> None:
        """Show the tokens that are served there, each where one is fetched (npm's sockets)."""
        await self._tell(do="setAuthFrom", name="auth", url=url)

    async def set_admin_auth(self, key: str, identity: dict[str, Json] | None = None) -> None:
        """Show the admin key, with npm's client on behalf of somebody if one is described."""
        await self._tell(do="setAdminAuth", name="auth", key=key, identity=identity)

    async def call_by_path(self, path: str, **args: Json) -> Event:
        """Call a function of any kind as whoever runs the server does, by npm's HTTP client."""
        await self._tell(do="callByPath", name="call", path=path, args=args)
        return await self.next()

    async def clear_auth(self) -> None:
        """Show nothing any more (PyPI's)."""
        await self._tell(do="clearAuth", name="auth")

    async def watch_all(self, name: str) -> None:
        """Read all subscriptions together (PyPI's)."""
        await self._tell(do="watchAll", name=name)

    async def ask_next_of_all(self, name: str) -> None:
        """Ask for what all subscriptions are next (PyPI's)."""
        await self._tell(do="nextOfAll", name=name)

    async def begin_optimistic_insert(self, name: str, text: str) -> None:
        """Insert a note that the list of notes shows at once, with an asterisk."""
        await self._tell(do="insertOptimistically", name=name, text=text)

    async def call(self, kind: str, path: str, **args: Json) -> Event:
        """Call a function and wait for its end, which must be the next event."""
        await self.begin("call", kind, path, **args)
        event = await self.next()
        assert event.name == "call", event
        return event

    async def fetch(
        self, url: str, method: str = "GET", body: str | None = None, **headers: Json
    ) -> dict[str, Any]:
        """What a request of the web is answered with: status, type and text."""
        sent: dict[str, Json] = {name.replace("_", "-"): each for name, each in headers.items()}
        await self._tell(do="fetch", name="fetch", url=url, method=method, headers=sent, body=body)
        event = await self.next()
        assert event[:2] == ("resolved", "fetch"), event
        return event.document

    async def call_among(self, kind: str, path: str, **args: Json) -> Event:
        """Call a function and wait for its end, whatever else happens until then."""
        await self.begin("call", kind, path, **args)
        event = await self.next()
        while event.name != "call":
            event = await self.next()
        return event

    async def ask_next(self, name: str) -> None:
        """Ask for the next update of a subscription, where updates are told only when asked for."""
        await self._tell(do="next", name=name)

    async def next(self) -> Event:
        """The next thing that happens."""
        try:
            with anyio.fail_after(self.patience_s):
                line = await self._events.receive_until(b"\n", _LONGEST_EVENT)
        except (anyio.IncompleteRead, TimeoutError):
            raise AssertionError(f"nothing happens: {self.complaints}") from None
        return Event(**orjson.loads(line))

    async def until(self, event: str, name: str) -> list[Event]:
        """Everything that happens up to this event, which is the last one of the list."""
        happened = [await self.next()]
        while happened[-1][:2] != (event, name):
            happened.append(await self.next())
        return happened

    async def pages(self, name: str, texts: list[str], status: str) -> None:
        """Return once the pages that were loaded hold exactly these notes."""
        seen: list[tuple[list[str], str]] = []
        while (texts, status) not in seen:
            event = await self.next()
            assert event[:2] == ("pages", name), f"{event}, after {seen}"
            notes = cast("list[dict[str, Any]]", event.document["results"])
            seen.append(([note["text"] for note in notes], event.document["status"]))

    async def close(self) -> int:
        """Close the client; the exit code of its process, which ends by itself."""
        await self._tell(do="close", name="close")
        with anyio.fail_after(EVENT_TIMEOUT_S):
            return await self._process.wait()

    async def _tell(self, **command: Json) -> None:
        await self._commands.send(orjson.dumps(command) + b"\n")


@asynccontextmanager
async def npm_client(kind: str, url: str) -> AsyncGenerator[OfficialClient]:
    """The client of npm's `convex`: `kind` is socket or http."""
    require("convex")
    async with running_client([str(NODE), str(_SCRIPT), kind, url]) as client:
        yield client


@asynccontextmanager
async def pypi_client(kind: str, url: str) -> AsyncGenerator[OfficialClient]:
    """The client of PyPI's `convex`: `kind` is socket or http."""
    async with running_client(
        [sys.executable, str(_FOLDER / "pypi_client.py"), kind, url]
    ) as client:
        yield client


@asynccontextmanager
async def running_client(command: list[str]) -> AsyncGenerator[OfficialClient]:
    """The client in the process that this command starts."""
    with TemporaryFile() as complaints:
        process = await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=complaints)
        try:
            yield OfficialClient(process, complaints)
        finally:
            if process.returncode is None:
                process.kill()
            await process.aclose()
