"""Typed HTTP APIs are described by an OpenAPI document and by a page, both from this server."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from confect_core import Args, Endpoint, HttpApi
from confect_core.endpoints import api_of
from confect_server import ActionCtx, Http, Impl, OidcProvider, Settings, layers, route
from confect_server.http import documentation
from confect_server.http.openapi import openapi_of
from tests.server.http.notes_api import Locked, MemoNotFound, MemosApi, app
from tests.server.http.serving import served

REF = "#/components/schemas/"


def described(*apis: type[HttpApi]) -> dict[str, Any]:
    """The document as programs read it, once it is known to be valid."""
    document = openapi_of([api_of(api) for api in apis], title="Memos", version="2")
    read: dict[str, Any] = orjson.loads(orjson.dumps(document))
    OpenAPIV31SpecValidator(read).validate()
    return read


def json_in(content: dict[str, Any]) -> Any:
    return content["content"]["application/json"]["schema"]


def test_the_document_is_valid_and_names_every_operation() -> None:
    document = described(MemosApi)
    assert document["info"] == {"title": "Memos", "version": "2"}
    operations = {
        (method, path): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert operations == {
        ("get", "/v1/memos/{memo_id}"): "memos_api_get",
        ("post", "/v1/memos"): "memos_api_insert",
        ("delete", "/v1/memos"): "memos_api_clear",
        ("get", "/v1/memos/{memo_id}/title"): "memos_api_title",
        ("put", "/v1/things/{name}"): "memos_api_everything",
        ("get", "/v1/fail/{how}"): "memos_api_fail",
    }
    assert document["tags"] == [{"name": "memos_api", "description": MemosApi.__doc__}]


def test_arguments_are_described_where_they_travel() -> None:
    put = described(MemosApi)["paths"]["/v1/things/{name}"]["put"]
    places = [(each["in"], each["name"], each["required"]) for each in put["parameters"]]
    assert places == [
        ("path", "name", True),
        ("query", "labels", False),
        ("query", "dry", False),
        ("header", "X-Key", False),
    ]
    body = json_in(put["requestBody"])
    assert set(body["properties"]) == {"count", "at", "data", "address", "note"}
    assert body["required"] == ["count", "at", "data", "address"]
    assert body["properties"]["address"] == {"$ref": f"{REF}Address"}
    assert body["properties"]["data"]["contentEncoding"] == "base64url"
    assert body["properties"]["note"] == {"type": "string", "title": "Note"}


def test_errors_are_described_with_their_code_by_status() -> None:
    class Both(HttpApi):
        either = Endpoint.get("/", returns=int, error=Locked | MemoNotFound).with_status(
            MemoNotFound, 400
        )

    responses = described(MemosApi)["paths"]["/v1/fail/{how}"]["get"]["responses"]
    assert set(responses) == {"200", "404", "422", "423"}
    assert json_in(responses["423"])["properties"]["code"] == {"const": "Locked", "type": "string"}
    union = json_in(described(Both)["paths"]["/"]["get"]["responses"]["400"])
    assert [each["title"] for each in union["oneOf"]] == ["Locked", "MemoNotFound"]


def test_two_models_of_one_name_are_told_apart() -> None:
    def api_with(field: str, path: str) -> type[HttpApi]:
        model = type("Given", (Args,), {"__annotations__": {field: "int"}})
        return type(
            f"Api_{field}", (HttpApi,), {"put": Endpoint.put(path, args=model, returns=model)}
        )

    document = described(api_with("one", "/one"), api_with("two", "/two"))
    for name in ("one", "two"):
        answered = json_in(document["paths"][f"/{name}"]["put"]["responses"]["200"])
        schema = document["components"]["schemas"][answered["$ref"].removeprefix(REF)]
        assert list(schema["properties"]) == [name]


async def test_the_server_gives_the_document_and_the_page() -> None:
    async with served(app) as client:
        document = (await client.get("/openapi.json")).json()
        page = await client.get("/docs")
    assert document == described(MemosApi) | {"info": {"title": "HTTP API", "version": "1"}}
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'content="/openapi.json"' in page.text
    assert "https://" not in page.text


async def test_the_documents_are_elsewhere_or_nowhere_if_the_settings_say_so() -> None:
    settings = Settings(http=Http(openapi_path="/v1/api.json", docs_path="", title="<Mine>"))
    async with served(app, settings=settings) as client:
        assert (await client.get("/v1/api.json")).json()["info"]["title"] == "<Mine>"
        assert (await client.get("/docs")).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 404


async def test_an_application_without_apis_has_no_documents_and_its_routes_come_first() -> None:
    @route("GET", "/docs")
    async def own(ctx: ActionCtx, request: Request) -> Response:
        return PlainTextResponse("mine")

    async with served(Impl(layers())) as client:
        assert (await client.get("/docs")).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 404
    async with served(app.serve(own)) as client:
        assert (await client.get("/docs")).text == "mine"


async def test_an_application_that_takes_tokens_says_so() -> None:
    provider = OidcProvider(domain="id.example.com", application_id="app")
    async with served(app.authenticate(provider)) as client:
        document = (await client.get("/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["security"] == [{}, {"bearer": []}]


async def test_the_documents_are_made_once_and_answer_head_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    def counting(apis: Any, **given: Any) -> dict[str, Any]:
        made.append(1)
        return openapi_of(apis, **given)

    monkeypatch.setattr(documentation, "openapi_of", counting)
    async with served(app) as client:
        for path in ("/openapi.json", "/docs"):
            whole, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(whole.content))
        await client.get("/openapi.json")
        assert (await client.post("/docs")).status_code == 404
    assert made == [1]
