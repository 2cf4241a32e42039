"""What the HTTP clients of npm and PyPI do besides plain calls, and what pages do by `fetch`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import orjson

from confect_core.values.wire import Json
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.clients.browser import Page, browsing
from tests.clients.official_client import npm_client, pypi_client
from tests.server.auth.guestbook import ADMIN_KEY, served
from tests.server.storage.archive import running
from tests.server.stores import SettableClock
from tests.server.transport.counter import counter
from tests.serving import Server


async def test_consistent_queries_of_one_client_see_one_moment(server: Server) -> None:
    async with npm_client("http", server.url) as client, npm_client("http", server.url) as later:
        server.call("mutation", "notes:insert", text="before").raise_for_status()
        assert (await client.call("consistentQuery", "notes:search", text="")).value == ["before"]
        server.call("mutation", "notes:insert", text="after").raise_for_status()
        assert (await client.call("consistentQuery", "notes:search", text="")).value == ["before"]
        assert (await client.call("query", "notes:search", text="")).value == ["after", "before"]
        both = await later.call("consistentQuery", "notes:search", text="")
        assert both.value == ["after", "before"]
        note = server.call("mutation", "notes:insert", text="goes").json()["value"]
        error = await client.call("consistentQuery", "notes:get", note_id=note)
        assert error.failure["data"] == {"_tag": "NoteNotFound", "note_id": note}


async def test_consistent_queries_are_those_of_a_user() -> None:
    async with served() as at, npm_client("http", at.url) as client:
        await client.set_auth(at.issuer.token())
        assert (await client.call("consistentQuery", "book:who")).value == "ada"


async def test_a_javascript_admin_calls_what_is_internal_and_acts_for_users() -> None:
    async with served() as at, npm_client("http", at.url) as client:
        await client.set_admin_auth(ADMIN_KEY)
        assert (await client.call_by_path("book:sign_inside")).value == "nobody"
        # by its reference it is still none of the public ones
        internal = (await client.call("mutation", "book:sign_inside")).failure
        assert "Could not find public function" in internal["message"]
        # the name takes each of the characters in which the base64 alphabets differ
        await client.set_admin_auth(
            ADMIN_KEY, {"issuer": "https://i", "subject": "zoë", "name": "???>>>~~~"}
        )
        assert (await client.call("query", "book:who")).value == "zoë"
        assert (await client.call_by_path("book:sign_inside")).value == "https://i|zoë"
        await client.set_admin_auth("wrong")
        refused = orjson.loads((await client.call_by_path("book:count")).failure["message"])
        assert refused["code"] == "Unauthenticated"


async def test_a_python_admin_is_nobody_but_is_let_in() -> None:
    async with served() as at, pypi_client("http", at.url) as client:
        await client.set_admin_auth(ADMIN_KEY)
        assert (await client.next()).event == "set"
        assert (await client.call("query", "book:who")).value == "nobody"
        await client.set_admin_auth("wrong")
        assert (await client.next()).event == "set"
        refused = (await client.call("query", "book:who")).failure["message"]
        assert refused.startswith("401 Unauthenticated: ")


async def test_clients_are_told_the_code_of_a_refusal() -> None:
    async with counter() as at, serving(at.asgi, "127.0.0.1", 0) as port:

        async def busy(*args: object, **named: object) -> None:
            raise RuntimeError("of the server")

        at.backend.executor.run_mutation = busy  # type: ignore[method-assign,assignment]  # breaks it
        url = f"http://127.0.0.1:{port}"
        async with npm_client("http", url) as npm, pypi_client("http", url) as pypi:
            failed = (await npm.call("mutation", "accounts:open")).failure
            assert orjson.loads(failed["message"])["code"] == "InternalServerError"
            failed = (await pypi.call("mutation", "accounts:open")).failure
            assert failed["message"].startswith("500 InternalServerError: [Request ID: ")


@asynccontextmanager
async def page_of_another_origin() -> AsyncGenerator[Page]:
    """A page in a browser, which a server of its own has given."""
    async with counter() as at, serving(at.asgi, "127.0.0.1", 0) as port, browsing() as page:
        await page.open(f"http://localhost:{port}/version")
        yield page


async def fetched(page: Page, url: str, **options: Json) -> dict[str, Json]:
    """What a script of the page reads of an answer, or the error that the browser raises."""
    sent = orjson.dumps(options).decode()
    answer: dict[str, Json] = await page.evaluate(
        f"""fetch({orjson.dumps(url).decode()}, {sent}).then(
            async (response) => ({{
                status: response.status,
                id: response.headers.get("convex-request-id"),
                part: response.headers.get("content-range"),
                text: await response.text(),
            }}),
            (error) => ({{ error: String(error) }}),
        )"""
    )
    return answer


async def test_a_page_of_another_origin_calls_by_fetch() -> None:
    async with (
        page_of_another_origin() as page,
        counter() as at,
        serving(at.asgi, "127.0.0.1", 0) as port,
    ):
        url = f"http://127.0.0.1:{port}"
        as_json: dict[str, Json] = {
            "Content-Type": "application/json",
            "Convex-Client": "npm-1.48.0",
            "Convex-Request-Id": "from-a-page",
        }
        body = '{"path": "accounts:open", "args": {"name": "Ada"}}'
        opened = await fetched(
            page,
            f"{url}/api/mutation",
            method="POST",
            headers=as_json,
            body=body,
            credentials="include",
        )
        assert (opened["status"], opened["id"]) == (200, "from-a-page")
        asked = await fetched(page, f"{url}/api/query?path=accounts:total")
        assert asked["text"] == '{"status":"success","value":0.0}'
        refused = await fetched(
            page,
            f"{url}/api/query",
            method="POST",
            headers={**as_json, "Authorization": "Bearer x"},
            body=body,
        )
        assert (refused["status"], refused["id"]) == (401, "from-a-page")
        nothing = await fetched(page, f"{url}/api/nothing", method="PATCH")
        assert nothing["status"] == 404
        # what is no part of the API is not for pages of other origins
        assert "TypeError" in str(await fetched(page, f"{url}/healthz"))


async def test_a_page_of_another_origin_stores_files_and_reads_parts_of_them() -> None:
    async with (
        page_of_another_origin() as page,
        running(SettableClock()) as backend,
        serving(ConfectAsgi(backend, AdminKey("")), "127.0.0.1", 0) as port,
        npm_client("http", f"http://127.0.0.1:{port}") as client,
    ):
        to = (await client.call("mutation", "archive:upload_url")).value
        assert isinstance(to, str)
        headers: dict[str, Json] = {"Content-Type": "text/x-digits"}
        stored = await fetched(page, to, method="POST", headers=headers, body="0123456789")
        file = orjson.loads(str(stored["text"]))["storageId"]
        url = (await client.call("query", "archive:url", file=file)).value
        part = await fetched(page, str(url), headers={"Range": "bytes=2-4"})
        assert (part["status"], part["text"], part["part"]) == (206, "234", "bytes 2-4/10")
        gone = await fetched(page, f"http://127.0.0.1:{port}/api/storage/{'0' * 32}")
        assert gone["status"] == 404
