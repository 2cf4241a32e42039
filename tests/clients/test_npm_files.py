"""Files, stored and read as pages do with npm's `convex` and `fetch`."""

from __future__ import annotations

from orjson import loads

from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.clients.official_client import Event, npm_client
from tests.server.storage.archive import running
from tests.server.stores import SettableClock


async def test_a_page_uploads_a_file_watches_its_url_and_reads_it() -> None:
    async with (
        running(SettableClock()) as backend,
        serving(ConfectAsgi(backend, AdminKey("")), "127.0.0.1", 0) as port,
        npm_client("socket", f"http://127.0.0.1:{port}") as client,
    ):
        to = (await client.call("mutation", "archive:upload_url")).value
        assert isinstance(to, str)
        uploaded = await client.fetch(to, "POST", "0123456789", content_type="text/x-digits")
        assert uploaded["status"] == 200
        file: str = loads(uploaded["text"])["storageId"]

        await client.subscribe("url", "archive:url", file=file)
        url = (await client.next()).value
        assert isinstance(url, str)
        whole = await client.fetch(url)
        assert whole == {"status": 200.0, "type": "text/x-digits", "text": "0123456789"}
        part = await client.fetch(url, range="bytes=2-4")
        assert (part["status"], part["text"]) == (206, "234")

        metadata = (await client.call("query", "archive:metadata", file=file)).document
        assert (metadata["_id"], metadata["contentType"]) == (file, "text/x-digits")
        assert metadata["size"] == 10
        await client.begin("delete", "mutation", "archive:delete", file=file)
        assert await client.next() == Event("update", "url", None)
        assert (await client.next())[:2] == ("resolved", "delete")
        assert (await client.fetch(url))["status"] == 404
