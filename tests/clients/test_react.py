"""`convex/react` in a real browser, as users have it: built with Vite, in StrictMode, typed."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random, randrange
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
from tests.wire import wire_to

VITE = JS / "node_modules/vite/bin/vite.js"
_EXPECTED = re.compile(
    r"%cDownload|font-weight|WebSocket|Attempting|t=|after disconnect|closed with"
)
"""What a page may say in its console: an advertisement, and what becomes of its connection."""


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
        assert [each for each in page.said if not _EXPECTED.match(each)] == []


def add(server: Server, *names: str) -> None:
    """Items whose ranks are in the order of their names."""
    for name in names:
        assert server.call("mutation", "items:add", name=name, rank=rank(name)).is_success


def remove(server: Server, name: str) -> None:
    assert server.call("mutation", "items:remove", name=name).json()["value"] is True


def rank(name: str) -> float:
    """A number that sorts as the name does."""
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


def pages(names: str, status: str) -> dict[str, object]:
    """What the component that reads pages shows."""
    return {"names": names.split(), "status": status}


async def test_a_query_that_fails_tells_its_boundary_with_what(site: str, server: Server) -> None:
    film = server.call("mutation", "pieces:add_film", name="short").json()["value"]
    async with opened(site, server.url) as tab:
        await tab.set(piece=film)
        await tab.wait_shown("piece", "short")
        server.call("function", "pieces:clear", admin=True).raise_for_status()
        assert await tab.wait_shown("piece", "NoSuchPiece") == [None, "short", "NoSuchPiece"]


AT_BORDERS: list[tuple[Callable[[Server, str], None], str, str]] = [
    (add, "a", "a b d f h"),  # before the first row
    (add, "e", "a b d e f h"),  # between two pages
    (remove, "d", "a b e f h"),  # the last row of a page
    (remove, "h", "a b e f"),  # the last row that is shown
    (remove, "a", "b e f"),  # the first row
]
"""What changes below two pages of `b d` and `f h`, and what they show then."""


async def test_pages_are_loaded_and_follow_rows_that_come_and_go_at_their_borders(
    site: str, server: Server
) -> None:
    add(server, "b", "d", "f", "h", "j")
    async with opened(site, server.url) as tab:
        await tab.set(size=2)
        await tab.wait_shown("pages", pages("b d", "CanLoadMore"))
        await tab.act("loadMore", 2)
        states = await tab.wait_shown("pages", pages("b d f h", "CanLoadMore"))
        assert states == [
            pages("", "LoadingFirstPage"),
            pages("b d", "CanLoadMore"),
            pages("b d", "LoadingMore"),
            pages("b d f h", "CanLoadMore"),
        ]
        for change, name, shown in AT_BORDERS:
            change(server, name)
            await tab.wait_shown("pages", pages(shown, "CanLoadMore"))
        await tab.act("loadMore", 2)
        await tab.wait_shown("pages", pages("b e f j", "Exhausted"))
        add(server, "k")  # after the last row
        every = await tab.wait_shown("pages", pages("b e f j k", "Exhausted"))
        assert every[len(states) :] == [
            *(pages(shown, "CanLoadMore") for _, _, shown in AT_BORDERS),
            pages("b e f", "LoadingMore"),
            pages("b e f j", "Exhausted"),
            pages("b e f j k", "Exhausted"),
        ]


async def test_a_page_that_grows_is_split_and_nobody_sees_it(site: str, server: Server) -> None:
    add(server, "a", "y", "z")
    async with opened(site, server.url) as tab:
        await tab.set(size=2)
        await tab.wait_shown("pages", pages("a y", "CanLoadMore"))
        growing = ["a b y", "a b c y", "a b c d y", "a b c d e y", "a b c d e f y"]
        for name, shown in zip("bcdef", growing, strict=True):
            add(server, name)
            await tab.wait_shown("pages", pages(shown, "CanLoadMore"))
        await tab.page.wait_for(
            "window.sent.some((each) => each.modifications?.some("
            "(one) => one.args?.[0]?.paginationOpts?.endCursor))"
        )
        add(server, "g")
        states = await tab.wait_shown("pages", pages("a b c d e f g y", "CanLoadMore"))
        assert states[1:] == [
            pages(shown, "CanLoadMore") for shown in ("a y", *growing, "a b c d e f g y")
        ]


async def test_pages_only_ever_show_what_was_there_at_one_moment(site: str, server: Server) -> None:
    random, there, moments = Random(seed := randrange(2**32)), set[str](), [list[str]()]
    async with opened(site, server.url) as tab:
        await tab.set(size=2)
        for _ in range(80):
            name = random.choice("abcdefghijklmnop")
            (remove if name in there else add)(server, name)
            there ^= {name}
            moments.append(sorted(there))
            if random.random() < 0.1:
                await tab.act("loadMore", 2)
        add(server, "z")
        moments.append([*sorted(there), "z"])
        while (await tab.states("pages"))[-1]["status"] != "Exhausted":
            await tab.act("loadMore", 100)
        await tab.wait_shown("pages", pages(" ".join(moments[-1]), "Exhausted"))
        for state in await tab.states("pages"):
            shown = state["names"]
            assert any(each[: len(shown)] == shown for each in moments), f"seed {seed}: {state}"


async def test_a_restart_of_the_server_is_not_to_be_seen(site: str, server: Server) -> None:
    add(server, "a")
    async with opened(site, server.url) as tab:
        await tab.set(size=2)
        await tab.wait_shown("items", ["a"])
        await tab.wait_shown("pages", pages("a", "Exhausted"))
        for name in ("b", "c"):
            server.restart()
            add(server, name)
            await tab.wait_shown(
                "pages", pages(" ".join("abc"[: "abc".index(name) + 1]), "Exhausted")
            )
        assert await tab.wait_shown("items", ["a", "b", "c"]) == [
            None,
            ["a"],
            ["a", "b"],
            ["a", "b", "c"],
        ]
        assert (await tab.states("pages"))[1:] == [
            pages("a", "Exhausted"),
            pages("a b", "Exhausted"),
            pages("a b c", "Exhausted"),
        ]


async def test_what_is_written_while_the_server_is_away_is_shown_throughout_and_kept_once(
    site: str, server: Server
) -> None:
    add(server, "b")
    async with opened(site, server.url) as tab:
        await tab.wait_shown("items", ["b"])
        server.kill()
        await tab.page.evaluate(f"void (window.written = window.act.add('a', {rank('a')}))")
        await tab.wait_shown("items", ["*a", "b"])
        server.start()
        assert isinstance(await tab.page.evaluate("window.written"), str)
        states = await tab.wait_shown("items", ["a", "b"])
        assert states == [None, ["b"], ["*a", "b"], ["a", "b"]]


def account(who: str | None, *, is_authenticated: bool) -> dict[str, object]:
    """What the component that says who one is shows."""
    return {"isLoading": False, "isAuthenticated": is_authenticated, "who": who}


@contextmanager
def issuing() -> Generator[tuple[Issuer, OidcProvider]]:
    """An issuer of tokens that are valid now, and how the server is told of it."""
    clock = Clock()
    clock.now_s = time()
    issuer = Issuer(clock)
    with issuer.serving():
        yield issuer, OidcProvider(domain=issuer.url, application_id="app")


async def test_who_signs_in_is_who_they_are_until_they_sign_out(
    site: str, gallery: Impl[Any]
) -> None:
    with issuing() as (issuer, provider):
        async with served(gallery.authenticate(provider)) as url, opened(site, url) as tab:
            nobody = account(None, is_authenticated=False)
            await tab.wait_shown("account", nobody)
            await tab.set(tokens=[issuer.token(lasts_s=3600), issuer.token(lasts_s=3601)])
            await tab.wait_shown("account", account("ada", is_authenticated=True))
            await tab.page.wait_for("window.asked.includes(true)")
            await tab.set(tokens=None)
            before = len(await tab.wait_shown("account", nobody))
            await tab.set(tokens=[issuer.token(sub="bob", lasts_s=3600)])
            states = await tab.wait_shown("account", account("bob", is_authenticated=True))
            assert "ada" not in {state.get("who") for state in states[before:]}
            await tab.set(tokens=[issuer.token(aud="another", lasts_s=3600)])
            await tab.wait_shown("account", nobody)


async def test_who_is_signed_in_stays_so_while_connections_are_lost(
    site: str, gallery: Impl[Any]
) -> None:
    with issuing() as (issuer, provider):
        async with (
            served(gallery.authenticate(provider)) as url,
            wire_to(int(url.rpartition(":")[2])) as wire,
            opened(site, wire.url) as tab,
        ):
            await tab.set(tokens=[issuer.token(lasts_s=3600), issuer.token(lasts_s=3601)])
            await tab.wait_shown("account", account("ada", is_authenticated=True))
            await tab.page.wait_for("window.asked.includes(true)")
            signed_in = len(await tab.states("account"))
            for name in ("a", "b"):
                wire.cut()
                # told over the next connection, and so after that one knows who it is
                await tab.act("add", name, rank(name))
            assert len(await tab.states("account")) == signed_in
            assert (await tab.states("items"))[-1] == ["a", "b"]
