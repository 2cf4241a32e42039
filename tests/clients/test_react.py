"""`convex/react` in a real browser, as users have it: built with Vite, in StrictMode, typed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import time
from typing import Any
from urllib.parse import quote

import anyio
import orjson
import pytest

from confect_server import Impl, OidcProvider
from tests.clients.browser import Page, browsing
from tests.clients.gallery import PROJECT, served
from tests.clients.gallery import gallery as gallery
from tests.clients.node import JS, require, run_node
from tests.server.auth.issuer import Clock, Issuer
from tests.serving import Server, serving_project

VITE = JS / "node_modules/vite/bin/vite.js"


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of the page, which is built once."""
    require("convex", "react", "vite", "@vitejs/plugin-react")
    folder = tmp_path_factory.mktemp("site")
    build = ("build", "--config", "react/vite.config.ts", "--outDir", folder)
    code, said = anyio.run(run_node, VITE, *build, "--logLevel", "warn")
    assert code == 0, said
    handler = partial(_Files, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def server(tmp_path: Path) -> Generator[Server]:
    """A server of the gallery, which the test may kill."""
    with serving_project(PROJECT, tmp_path) as server:
        yield server


class Tab:
    """The page, and what its components have shown."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def set(self, **settings: object) -> None:
        """Give components other arguments."""
        await self.page.evaluate(f"window.set({orjson.dumps(settings).decode()})")

    async def act(self, name: str, *arguments: object) -> Any:
        """Call what a component offers; what its promise comes to."""
        given = orjson.dumps(arguments).decode()[1:-1]
        return await self.page.evaluate(f"window.act.{name}({given})")

    async def states(self, name: str) -> list[Any]:
        """All that a component has shown so far."""
        states: list[Any] = await self.page.evaluate(f"window.statesOf({name!r})")
        return states

    async def wait_shown(self, name: str, state: object) -> list[Any]:
        """Return once a component shows this, with all that it has shown until then."""
        wanted = orjson.dumps(orjson.dumps(state).decode()).decode()
        shown = f"JSON.stringify(window.statesOf({name!r}).at(-1))"
        try:
            await self.page.wait_for(f"{shown} === {wanted}")
        except TimeoutError:
            raise AssertionError(f"{state} is not shown: {await self.states(name)}") from None
        return await self.states(name)


@asynccontextmanager
async def opened(site: str, server_url: str) -> AsyncGenerator[Tab]:
    async with browsing() as page:
        await page.open(f"{site}/?server={quote(server_url)}")
        yield Tab(page)


def add(server: Server, *names: str) -> None:
    """Items whose ranks are in the order of their names."""
    for name in names:
        rank = float(int.from_bytes(name.ljust(4).encode()))
        assert server.call("mutation", "items:add", name=name, rank=rank).is_success


def rank(name: str) -> float:
    return float(int.from_bytes(name.ljust(4).encode()))


async def test_a_query_is_skipped_and_asked(site: str, server: Server) -> None:
    add(server, "a", "c")
    async with opened(site, server.url) as tab:
        assert await tab.wait_shown("items", ["a", "c"]) == [None, ["a", "c"]]
        await tab.set(upTo="skip")
        await tab.wait_shown("items", None)
        add(server, "b")
        await tab.set(upTo=rank("b"))
        states = await tab.wait_shown("items", ["a", "b"])
        assert states == [None, ["a", "c"], None, ["a", "b"]]
        assert await tab.page.evaluate("document.querySelectorAll('#items li').length") == 2


async def test_an_optimistic_update_becomes_the_real_one_without_a_gap(
    site: str, server: Server
) -> None:
    add(server, "b")
    async with opened(site, server.url) as tab:
        await tab.wait_shown("items", ["b"])
        assert isinstance(await tab.act("add", "a", rank("a")), str)
        states = await tab.wait_shown("items", ["a", "b"])
        assert states == [None, ["b"], ["*a", "b"], ["a", "b"]]
        assert await tab.act("remove", "b") is True
        assert await tab.wait_shown("items", ["a"]) == [*states, ["a"]]


async def test_actions_and_declared_errors_arrive_where_they_are_called(
    site: str, server: Server
) -> None:
    async with opened(site, server.url) as tab:
        await tab.wait_shown("items", [])
        assert await tab.act("shout", "hello") == "HELLO"
        lent = server.call("mutation", "pieces:add_film", name="lent").json()["value"]
        assert await tab.act("why", lent) == "Lent"
        server.call("function", "pieces:clear", admin=True).raise_for_status()
        assert await tab.act("why", lent) == "NoSuchPiece"
