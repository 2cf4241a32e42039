"""Calls in other forms than a POST of path and arguments, and what a server says of itself."""

from __future__ import annotations

import json
from importlib.metadata import version

import httpx2
import pytest

from confect_core.protocol import JsonObject
from confect_server.transport.http.intake import MAX_BODY_BYTES
from tests.server.transport.counter import ADMIN_KEY, ORIGIN, Counter, counter, refused

ADMIN = {"Authorization": f"Convex {ADMIN_KEY}"}
BALANCE: JsonObject = {"path": "accounts:balance", "args": {"name": "Ada"}}


async def asked(at: Counter, **query: str) -> httpx2.Response:
    return await at.client.get("/api/query", params=query)


async def test_a_query_may_stand_in_the_url() -> None:
    async with counter() as at:
        await at.open("Ada", 7.0)
        answer = await asked(at, path="accounts:balance", args='{"name": "Ada"}')
        assert answer.json() == {"status": "success", "value": 7.0}
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        wrapped = await asked(at, path="accounts:balance", args='[{"name": "Ada"}]')
        assert wrapped.json()["value"] == 7.0
        without = await asked(at, path="accounts:total")
        assert without.json()["value"] == 7.0
        nobody = await asked(at, path="accounts:balance", args='{"name": "Bea"}')
        assert nobody.status_code == 200
        assert nobody.json()["errorData"] == {"_tag": "NoAccount", "name": "Bea"}
        head = await at.client.head("/api/query", params={"path": "accounts:total"})
        assert head.status_code == 200


async def test_only_a_query_may_stand_in_the_url() -> None:
    async with counter() as at:
        opened = await asked(at, path="accounts:open", args='{"name": "Ada"}')
        assert "defined as Mutation" in opened.json()["errorMessage"]
        assert await at.call("query", "accounts:total") == 0.0


async def test_a_url_that_is_no_call_is_refused() -> None:
    async with counter() as at:
        wrong: list[tuple[dict[str, str], str]] = [
            ({}, "BadQueryArgs"),
            ({"args": "{}"}, "BadQueryArgs"),
            ({"path": "accounts:total", "args": "{nonsense"}, "BadQueryArgs"),
            ({"path": "accounts:total", "args": "1"}, "BadQueryArgs"),
            ({"path": "accounts:total", "args": "[]"}, "BadQueryArgs"),
            ({"path": "accounts:total", "format": "xml"}, "BadFormat"),
            ({"path": "../accounts"}, "BadConvexFunctionIdentifier"),
        ]
        for query, code in wrong:
            assert refused(await asked(at, **query)) == code, query
        total = "/api/query?path=accounts:total"
        old = await at.client.get(total, headers={"Convex-Client": "npm-0.19.1"})
        assert refused(old) == "ClientVersionUnsupported"
        unknown = await at.client.get(total, headers={"Authorization": "Bearer x"})
        assert refused(unknown, 401) == "InvalidAuthHeader"


async def test_a_url_may_name_a_function_of_any_kind() -> None:
    async with counter() as at:
        args: JsonObject = {"name": "Ada", "balance": 5.0}
        opened = await at.post("/api/run/accounts/open", {"args": args})
        assert opened.json()["status"] == "success"
        old = {"Convex-Client": "npm-1.4.0"}
        total = await at.post("/api/run/accounts/total", {"args": {}}, **old)
        assert total.json() == {"status": "success", "value": 5.0}
        encoded = await at.post("/api/run/accounts/total", {"args": {}, "format": "convex_json"})
        assert encoded.json()["value"] == 5.0
        settled = await at.post(
            "/api/run/accounts/settle", {"args": {"source": "Ada", "target": "Ada", "amount": 1.0}}
        )
        assert settled.json()["status"] == "success"


async def test_a_url_names_no_function_without_a_module() -> None:
    async with counter() as at:
        for path in ("/api/run/", "/api/run/total"):
            assert refused(await at.post(path, {"args": {}})) == "MissingIdentifier"
        wrong = await at.post("/api/run/accounts/1total", {"args": {}})
        assert refused(wrong) == "BadConvexFunctionIdentifier"
        assert refused(await at.post("/api/run/accounts/total", [])) == "BadJsonBody"
        no_json = await at.client.post("/api/run/accounts/total", content=b"{}")
        assert refused(no_json) == "BadJsonBody"


async def test_what_a_url_names_must_be_public() -> None:
    async with counter() as at:
        for headers in ({}, ADMIN):
            answer = await at.post("/api/run/accounts/reset", {"args": {}}, **headers)
            assert "Could not find public function" in answer.json()["errorMessage"]


async def test_the_admin_key_may_stand_in_the_url() -> None:
    async with counter() as at:
        reset: JsonObject = {"path": "accounts:reset", "args": {}}
        answer = await at.post(f"/api/function?adminKey={ADMIN_KEY}", reset)
        assert answer.json()["status"] == "success"
        for query in ("adminKey=wrong", "adminKey=", "adminkey=x", f"a=adminKey&b={ADMIN_KEY}"):
            assert refused(await at.post(f"/api/function?{query}", reset), 401) == "Unauthenticated"
        # what is said in the header goes before
        both = await at.post(
            f"/api/function?adminKey={ADMIN_KEY}", reset, Authorization="Convex wrong"
        )
        assert refused(both, 401) == "Unauthenticated"


async def test_there_are_no_functions_in_components() -> None:
    async with counter() as at:
        total: JsonObject = {"path": "accounts:total", "args": {}}
        for component, found in ((None, True), ("", True), ("mail", False), ("a/b", False)):
            body: JsonObject = {**total, "componentPath": component}
            answer = (await at.post("/api/function", body, **ADMIN)).json()
            assert (answer["status"] == "success") is found, component
        number = await at.post("/api/function", {**total, "componentPath": 1}, **ADMIN)
        assert refused(number) == "BadJsonBody"


@pytest.mark.parametrize(
    ("content_type", "is_json"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json;charset=utf-8", True),
        ("application/jsonp", False),
        ("text/json", False),
    ],
)
async def test_a_body_says_that_it_is_json(content_type: str, is_json: bool) -> None:
    async with counter() as at:
        content = b'{"path": "accounts:total", "args": {}}'
        headers = {"Content-Type": content_type}
        answer = await at.client.post("/api/query", content=content, headers=headers)
        assert answer.status_code == (200 if is_json else 400)


async def test_a_server_says_what_it_is() -> None:
    async with counter() as at:
        this = version("confect-py")
        for path, text in (
            ("/version", this),
            ("/instance_version", this),
            ("/instance_name", "confect"),
        ):
            answer = await at.client.get(path)
            assert (answer.status_code, answer.text) == (200, text)
            assert answer.headers["content-type"].startswith("text/plain")


async def test_an_echo_is_what_was_sent() -> None:
    async with counter() as at:
        for sent in (b"", b"\x00\xff<script>", bytes(100_000)):
            answer = await at.client.post("/echo", content=sent)
            assert (answer.status_code, answer.content) == (200, sent)
            assert answer.headers["content-type"] == "application/octet-stream"
        too_long = await at.client.post("/echo", content=bytes(MAX_BODY_BYTES + 1))
        assert refused(too_long) == "BadJsonBody"


async def test_what_a_client_tells_its_makers_is_taken_and_dropped() -> None:
    async with counter() as at:
        event = json.dumps({"event": "anything"}).encode()
        answer = await at.client.post("/api/debug_event", content=event, headers={"Origin": ORIGIN})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
