"""What people see in a real browser: the page of typed APIs, and files that somebody uploaded."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from confect_server import Impl, OidcProvider
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.clients.browser import Page, browser, browsing, keep
from tests.server.http.notes_api import app
from tests.server.storage.archive import Refs, archive

_OPERATION = "document.getElementById('{name}')"


@asynccontextmanager
async def served(application: Impl[Any]) -> AsyncGenerator[httpx2.AsyncClient]:
    async with (
        Backend.open(application, MemoryStore(), redacts=True) as backend,
        serving(ConfectAsgi(backend, AdminKey("key")), "127.0.0.1", 0) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def sent(page: Page, name: str, /, **given: str) -> tuple[str, str]:
    """Fill the form of an operation, press its button, and read what it shows."""
    operation = _OPERATION.format(name=name)
    await page.wait_for(operation)
    await page.evaluate(f"{operation}.open = true")
    for field, value in given.items():
        element = f"{operation}.querySelector('form').elements.namedItem({field!r})"
        await page.evaluate(f"{element}.value = {value!r}")
    await page.evaluate(f"{operation}.querySelector('[aria-live] h3')?.remove()")
    await page.evaluate(f"{operation}.querySelector('button').click()")
    status = await page.wait_for(f"{operation}.querySelector('[aria-live] h3')?.textContent")
    shown = await page.evaluate(f"{operation}.querySelector('[aria-live] pre').textContent")
    return status, shown


async def test_the_page_of_the_apis_sends_what_one_types() -> None:
    async with served(app) as client, browsing() as page:
        await page.open(f"{client.base_url}/docs")
        body = '{"text": "hello"}'
        status, shown = await sent(page, "memos_api_insert", **{"request body": body})
        assert status == "201 Created"
        memo = shown.strip('"')
        status, shown = await sent(page, "memos_api_get", memo_id=memo)
        assert status == "200 OK"
        assert '"text": "hello"' in shown
        status, shown = await sent(page, "memos_api_title", memo_id=memo)
        assert (status, shown) == ("200 OK", '"HELLO"')
        status, shown = await sent(page, "memos_api_fail", how="fine", times="3")
        assert shown.split() == ["[", "3,", "3,", "3", "]"]
        status, shown = await sent(page, "memos_api_fail", how="locked")
        assert status == "423 Locked"
        status, shown = await sent(page, "memos_api_clear")
        assert (status, shown) == ("204 No Content", "(no body)")
        things = {
            "name": "a b",
            "labels": "x, y",
            "X-Key": "k",
            "request body": '{"count": 7, "at": "2026-01-01T00:00:00Z", "data": "AAE=",'
            ' "address": {"city": "Paris"}}',
        }
        status, shown = await sent(page, "memos_api_everything", **things)
        assert status == "200 OK", shown
        assert '"name": "a b"' in shown
        assert '"key": "k"' in shown
        assert [text for text in page.said if "423" not in text] == []
        await keep(await page.picture(), "docs")


async def test_the_page_shows_a_token_if_the_application_takes_any() -> None:
    provider = OidcProvider(domain="id.example", application_id="app")
    async with served(app.authenticate(provider)) as client, browsing() as page:
        await page.open(f"{client.base_url}/docs")
        await page.wait_for("!document.getElementById('security').hidden")


async def test_a_page_that_somebody_uploaded_is_no_page_of_this_server() -> None:
    content = b"<!doctype html><title>still</title><script>document.title = origin</script>"
    async with served(archive()) as client, browsing() as page:
        call: dict[str, Any] = {"path": Refs.upload_url.path, "args": {}}
        to = (await client.post("/api/mutation", json=call)).json()["value"]
        upload = await client.post(to, content=content, headers={"content-type": "text/html"})
        asked: dict[str, Any] = {
            "path": Refs.url.path,
            "args": {"file": upload.json()["storageId"]},
        }
        url = (await client.post("/api/query", json=asked)).json()["value"]
        await page.open(url)
        assert await page.evaluate("document.title") == "still"


async def test_two_pages_are_those_of_two_people() -> None:
    async with served(archive()) as client, browser() as opened:
        ada, bob = await opened.page(), await opened.page()
        for page in (ada, bob):
            await page.open(f"{client.base_url}/version")
        await ada.evaluate("localStorage.setItem('name', document.cookie = 'ada')")
        # both go on painting, whichever the test looks at
        for page in (ada, bob, ada):
            await page.wait_for("new Promise(requestAnimationFrame)")
        seen = "[localStorage.getItem('name'), document.cookie]"
        assert await ada.evaluate(seen) == ["ada", "ada"]
        assert await bob.evaluate(seen) == [None, ""]
