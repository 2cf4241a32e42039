"""Endpoints of a typed HTTP API answer requests: arguments are read, answers and errors written."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from confect_core import (
    Args,
    Endpoint,
    FunctionSpec,
    GroupSpec,
    HttpApi,
    Id,
    MutationHandle,
    NoArgs,
    Signature,
    TaggedError,
    ref,
    ref_behind,
)
from confect_core.endpoints.errors import (
    BadEndpointPath,
    BadPrefix,
    BadStatus,
    DuplicateEndpoint,
    ErrorHasCode,
    NoJson,
    NotAnEndpoint,
    PlainCall,
    StatusOfUndeclared,
    UnknownPathParameter,
)
from confect_server import ActionCtx, Impl, endpoint, layers
from confect_server.http.errors import DuplicateRoute, WrongEndpoints
from tests.server.http.notes_api import (
    Insert,
    Locked,
    Memo,
    MemoNotFound,
    Memos,
    MemosApi,
    app,
    clear,
    everything,
    fail,
    title,
)
from tests.server.http.serving import served


@pytest.fixture
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    async with served(app) as client:
        yield client


async def insert(client: httpx2.AsyncClient, text: str = "hi") -> str:
    answer = await client.post("/v1/memos", json={"text": text})
    assert answer.status_code == 201
    memo_id: str = answer.json()
    return memo_id


async def test_an_endpoint_answers_what_a_function_answers(client: httpx2.AsyncClient) -> None:
    memo_id = await insert(client)
    answer = await client.get(f"/v1/memos/{memo_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    memo = answer.json()
    assert memo.pop("creation_time") > 0
    assert memo == {"id": memo_id, "text": "hi", "tag": None}
    assert (await client.head(f"/v1/memos/{memo_id}")).content == b""


async def test_a_handler_calls_functions_and_uses_services(client: httpx2.AsyncClient) -> None:
    memo_id = await insert(client)
    assert (await client.get(f"/v1/memos/{memo_id}/title")).json() == "HI"


async def test_arguments_come_from_path_query_header_and_body(client: httpx2.AsyncClient) -> None:
    body = {
        "count": 2**53 + 1,
        "at": "2026-01-02T03:04:05Z",
        "data": "_-8=",
        "address": {"city": "Paris", "codes": [1, 2]},
    }
    answer = await client.put(
        "/v1/things/a%20name?labels=one&labels=two&dry=true", json=body, headers={"x-key": "secret"}
    )
    assert answer.json() == {
        **body,
        "name": "a name",
        "labels": ["one", "two"],
        "dry": True,
        "key": "secret",
    }
    with_note = await client.put("/v1/things/n", json={**body, "note": "hi"})
    assert with_note.json()["note"] == "hi"
    assert with_note.json()["key"] == "none"


async def test_declared_errors_are_answers_with_their_status(client: httpx2.AsyncClient) -> None:
    locked = await client.get("/v1/fail/locked")
    assert (locked.status_code, locked.json()) == (423, {"code": "Locked", "reason": "by Ada"})
    raised = await client.get("/v1/fail/raised")
    assert (raised.status_code, raised.json()) == (423, {"code": "Locked", "reason": "by Bob"})


async def test_an_error_of_a_called_function_has_the_status_of_its_class() -> None:
    async with served(app) as client:
        memo_id = await insert(client)
    async with served(app) as client:  # another database, which has the table and not the memo
        for path in (f"/v1/memos/{memo_id}", f"/v1/memos/{memo_id}/title"):
            missing = await client.get(path)
            assert missing.status_code == 404
            assert missing.json() == {"code": "MemoNotFound", "memo_id": memo_id}


async def test_a_defect_says_nothing_in_production() -> None:
    async with served(app, redacts=True) as client:
        for how in ("broken", "undeclared", "wrong"):
            answer = await client.get(f"/v1/fail/{how}")
            assert answer.status_code == 500
            assert answer.json()["code"].startswith("[Request ID: ")
            assert answer.json()["code"].endswith("Server Error")


async def test_wrong_requests_are_told_which_value_is_wrong(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/memos?odd=1", json={"text": "hi", "extra": 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidRequest")
    places = [(each["place"], each["path"]) for each in answer.json()["problems"]]
    assert places == [("body", "extra"), ("query", "odd")]
    answer = await client.put(
        "/v1/things/n?dry=perhaps",
        json={"count": "x", "at": "never", "data": "", "address": {"city": 1, "codes": [1, "a"]}},
    )
    places = [(each["place"], each["path"]) for each in answer.json()["problems"]]
    assert places == [
        ("body", "count"),
        ("body", "at"),
        ("body", "address.city"),
        ("body", "address.codes[1]"),
        ("query", "dry"),
    ]
    assert (await client.post("/v1/memos", json={"text": "x" * 11})).status_code == 422


async def test_an_id_is_checked_before_the_handler_runs(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/memos/nonsense/title")
    assert answer.status_code == 422
    assert [(each["place"], each["path"]) for each in answer.json()["problems"]] == [
        ("path", "memo_id")
    ]


class Calling(Args):
    back: MutationHandle[Insert, Id[Memo]]


class CallsApi(HttpApi, prefix="/calls"):
    back = Endpoint.post("/back", args=Calling, returns=str)


@endpoint(CallsApi.back)
async def call_back(ctx: ActionCtx, args: Calling) -> str:
    return await ctx.run_mutation(args.back, Insert(text="called"))


async def test_a_handle_names_a_function_of_the_application() -> None:
    async with served(app.serve_api(CallsApi, call_back)) as client:
        called = await client.post("/calls/back", json={"back": "memos:insert"})
        assert called.status_code == 200
        for path in ("memos:nothing", "memos:get"):
            refused = await client.post("/calls/back", json={"back": path})
            assert refused.status_code == 422, path
            assert [each["path"] for each in refused.json()["problems"]] == ["back"]


async def test_a_body_that_is_no_json_object_is_refused(client: httpx2.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for content in (b"{", b"[]", b'{"text": NaN}', b"\xff"):
        answer = await client.post("/v1/memos", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "UnreadableBody")
    answer = await client.post("/v1/memos", content=b"{}", headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (400, "UnreadableBody")


async def test_an_answer_without_content_has_no_body(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/v1/memos")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_other_methods_are_not_answered(client: httpx2.AsyncClient) -> None:
    answer = await client.patch("/v1/memos/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


class Unkeyed(Args):
    name: str


class WithCode(TaggedError):
    code: int


@pytest.mark.parametrize(
    ("declared", "mistake"),
    [
        (Endpoint.get("notes", returns=None), BadEndpointPath),
        (Endpoint.get("/a-{name}", args=Unkeyed, returns=None), BadEndpointPath),
        (Endpoint.get("/{name}/{name}", args=Unkeyed, returns=None), BadEndpointPath),
        (Endpoint.get("/{id}", args=Unkeyed, returns=None), UnknownPathParameter),
        (Endpoint.get("/", returns=None, status=404), BadStatus),
        (Endpoint.get("/", returns=None, error=Locked).with_status(Locked, 200), BadStatus),
        (
            Endpoint.get("/", returns=None, error=Locked).with_status(WithCode, 400),
            StatusOfUndeclared,
        ),
        (Endpoint.get("/", returns=None, error=WithCode), ErrorHasCode),
        (3, NotAnEndpoint),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_with_its_api(
    declared: object, mistake: type[Exception]
) -> None:
    with pytest.raises(mistake):
        type("Api", (HttpApi,), {"declared": declared})


def test_an_api_cannot_have_two_endpoints_for_the_same_requests_or_a_prefix_that_is_none() -> None:
    with pytest.raises(DuplicateEndpoint):
        type(
            "Api",
            (HttpApi,),
            {"one": Endpoint.get("/", returns=None), "two": Endpoint.get("/", returns=None)},
        )
    with pytest.raises(BadPrefix):
        type("Bad", (HttpApi,), {}, prefix="v1")


def test_a_missing_and_a_strange_handler_are_mistakes_of_the_application() -> None:
    class Single(HttpApi):
        only = Endpoint.get("/only", returns=None)

    missing = Impl(layers()).serve_api(Single).mistakes()
    strange = Impl(layers()).serve_api(Single, clear).mistakes()
    assert [type(each) for each in missing] == [WrongEndpoints]
    assert "misses only" in str(missing[0])
    assert "adds DELETE /memos" in str(strange[0])


def test_types_without_json_and_paths_that_are_taken_are_mistakes() -> None:
    class Strange(HttpApi):
        odd = Endpoint.get("/odd", returns=Request)

    @endpoint(Strange.odd)
    async def odd(ctx: ActionCtx, args: NoArgs) -> Request:
        return Request({"type": "http"})

    found = Impl(layers()).serve_api(Strange, odd).mistakes()
    assert [type(each) for each in found] == [NoJson]
    twice = app.serve_api(MemosApi, title, everything, fail, clear).mistakes()
    assert DuplicateRoute in {type(each) for each in twice}


def test_a_called_function_fails_with_the_errors_of_what_is_in_front_of_it() -> None:
    class Guarded(HttpApi):
        get = Endpoint.get("/{memo_id}", calls=ref_behind("memos:get", Memos.get, Locked))

    assert Guarded.get.errors == (MemoNotFound, Locked)


async def search(ctx: object, text: str) -> list[str]:
    return [text]


class Others(GroupSpec):
    search = FunctionSpec.plain_public_query(lambda: search)
    page = FunctionSpec.public_paginated_query(item=Memo)


@pytest.mark.parametrize(
    "called",
    [
        ref("others:search", Others.search, Signature(text=str, returns=list[str])),
        ref("others:page", Others.page),
    ],
)
def test_functions_without_schemas_and_pages_cannot_be_called_by_an_endpoint(called: Any) -> None:
    with pytest.raises(PlainCall, match=called.path):
        type("Api", (HttpApi,), {"search": Endpoint.get("/search", calls=called)})
