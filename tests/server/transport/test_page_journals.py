"""A page keeps its boundaries on its socket, through reconnects and changes of who reads it.

And only there: whoever begins anew, on the same data and through the same cache, gets a page of
the size that was asked for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from confect_server.runtime import CLIENT, Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.ledger import Script, ledger
from tests.sync_socket import Frame, SyncSocket, sync_socket

PAGE = "ledger:page"


class Pages:
    """The ledger on a port, with the texts a, c and e."""

    def __init__(self, backend: Backend, url: str) -> None:
        self.url = url
        self._executor = backend.executor

    async def add(self, *texts: str) -> None:
        for text in texts:
            result = await self._executor.run_mutation("ledger:add", {"text": text}, CLIENT)
            assert result.ts is not None


@asynccontextmanager
async def pages() -> AsyncGenerator[Pages]:
    async with (
        Backend.open(ledger(Script()), MemoryStore()) as backend,
        serving(ConfectAsgi(backend, AdminKey("k")), "127.0.0.1", 0) as port,
    ):
        at = Pages(backend, f"ws://127.0.0.1:{port}")
        await at.add("a", "c", "e")
        yield at


def subscription(query_id: int, journal: str | None = None, cursor: str | None = None) -> Frame:
    options = {"numItems": 2, "cursor": cursor, "id": 1}
    args = [{"paginationOpts": options}]
    return {"type": "Add", "queryId": query_id, "udfPath": PAGE, "args": args, "journal": journal}


async def update(socket: SyncSocket, query_id: int = 0) -> tuple[list[str], str]:
    """The next page of a subscription, and its journal."""
    with anyio.fail_after(20):
        while True:
            for change in (await socket.hear()).get("modifications", ()):
                if change["queryId"] == query_id:
                    assert change["type"] == "QueryUpdated", change
                    return change["value"]["page"], change["journal"]


async def test_a_page_grows_between_its_boundaries_and_the_next_one_begins_where_it_ends() -> None:
    async with pages() as at, sync_socket(at.url) as socket:
        await socket.modify(subscription(0))
        page, end = await update(socket)
        assert page == ["a", "c"]
        await socket.modify(subscription(1, cursor=end))
        assert (await update(socket, 1))[0] == ["e"]
        await at.add("b")
        assert await update(socket) == (["a", "b", "c"], end)
        await at.add("d")
        assert (await update(socket, 1))[0] == ["d", "e"]


async def test_a_socket_that_begins_anew_gets_a_page_of_the_size_that_it_asks_for() -> None:
    async with pages() as at, sync_socket(at.url) as first, sync_socket(at.url) as second:
        await first.modify(subscription(0))
        _, end = await update(first)
        await at.add("b")
        assert await update(first) == (["a", "b", "c"], end)
        await second.modify(subscription(0))
        page, other_end = await update(second)
        assert (page, other_end != end) == (["a", "b"], True)
        await at.add("aa")  # which is in both
        assert await update(first) == (["a", "aa", "b", "c"], end)
        assert await update(second) == (["a", "aa", "b"], other_end)


async def test_a_client_that_comes_back_with_its_journal_has_the_page_that_it_had() -> None:
    async with pages() as at:
        async with sync_socket(at.url) as socket:
            await socket.modify(subscription(0))
            _, end = await update(socket)
        await at.add("b")
        async with sync_socket(at.url) as socket:
            await socket.modify(subscription(0, end), subscription(1))
            changes = (await socket.hear())["modifications"]
            found = {each["queryId"]: each["value"]["page"] for each in changes}
            assert found == {0: ["a", "b", "c"], 1: ["a", "b"]}


async def test_a_page_stays_as_it_is_when_somebody_else_reads_it() -> None:
    async with pages() as at, sync_socket(at.url) as socket:
        await socket.modify(subscription(0))
        _, end = await update(socket)
        await at.add("b")
        assert await update(socket) == (["a", "b", "c"], end)
        await socket.say("Authenticate", baseVersion=0, tokenType="Admin", value="k")
        heard = await socket.hear_until("Transition")
        assert heard[-1]["modifications"] == []  # the same page, of three, is not sent again
        await at.add("bb")
        assert await update(socket) == (["a", "b", "bb", "c"], end)


async def test_a_journal_that_is_none_is_as_good_as_no_journal() -> None:
    async with pages() as at, sync_socket(at.url) as socket:
        await socket.modify(subscription(0, "forged"), subscription(1, ""))
        changes = (await socket.hear())["modifications"]
        assert [each["value"]["page"] for each in changes] == [["a", "c"]] * 2
