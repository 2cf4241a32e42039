"""The formats of results, on values of every kind that the wire knows."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest
from pydantic import BaseModel
from returns.result import Failure

from confect_core import Args, FunctionSpec, GroupSpec, Int64, Outcome, TaggedError
from confect_core.protocol import JsonObject
from confect_core.values.wire import Json
from confect_server import GroupImpl, Impl, QueryCtx, impl, layers
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi


class Kinds(BaseModel):
    """Values for which JSON has no word, and some for which it has one."""

    int64: Int64
    whole: float
    nan: float
    infinity: float
    minus_zero: float
    data: bytes
    text: str
    list: list[float]


class Given(Args):
    kinds: Kinds


class TooMuch(TaggedError):
    kinds: Kinds


class Values(GroupSpec):
    same = FunctionSpec.public_query(args=Given, returns=Kinds)
    failing = FunctionSpec.public_query(args=Given, returns=None, error=TooMuch)


@impl(Values.same)
async def same(ctx: QueryCtx, args: Given) -> Kinds:
    return args.kinds


@impl(Values.failing)
async def failing(ctx: QueryCtx, args: Given) -> Outcome[None, TooMuch]:
    return Failure(TooMuch(kinds=args.kinds))


APP = Impl(layers()).provide(GroupImpl("values", Values, {"same": same, "failing": failing}))

ENCODED: JsonObject = {
    "data": {"$bytes": "AQID"},
    "infinity": {"$float": "AAAAAAAA8H8="},
    "int64": {"$integer": "+/////////8="},
    "list": [],
    "minus_zero": {"$float": "AAAAAAAAAIA="},
    "nan": {"$float": "AAAAAAAA+H8="},
    "text": "π",
    "whole": 3.0,
}
CLEAN: JsonObject = {
    **ENCODED,
    "data": "AQID",
    "infinity": "Infinity",
    "int64": "-5",
    "minus_zero": -0.0,
    "nan": "NaN",
}
EXPORT: JsonObject = {**ENCODED, "int64": -5}

FORMATS = pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("convex_encoded_json", ENCODED),
        ("convex_json", ENCODED),
        ("json", CLEAN),
        ("convex_clean_json", CLEAN),
        ("export_json", EXPORT),
        (None, CLEAN),
    ],
)


@asynccontextmanager
async def client_of_values() -> AsyncGenerator[httpx2.AsyncClient]:
    async with Backend.open(APP, MemoryStore()) as backend:
        transport = httpx2.ASGITransport(ConfectAsgi(backend, AdminKey("secret")))
        async with httpx2.AsyncClient(transport=transport, base_url="http://confect") as client:
            yield client


def call(path: str, format_name: str | None, kinds: JsonObject) -> JsonObject:
    named: JsonObject = {} if format_name is None else {"format": format_name}
    return {"path": path, "args": {"kinds": kinds}, **named}


@FORMATS
async def test_a_result_comes_in_the_format_that_was_asked_for(
    name: str | None, expected: JsonObject
) -> None:
    async with client_of_values() as client:
        answer = await client.post("/api/query", json=call("values:same", name, ENCODED))
    assert answer.json() == {"status": "success", "value": expected}


@FORMATS
async def test_error_data_comes_in_the_same_format(name: str | None, expected: JsonObject) -> None:
    async with client_of_values() as client:
        answer = await client.post("/api/query", json=call("values:failing", name, ENCODED))
    assert answer.json()["errorData"] == {"_tag": "TooMuch", "kinds": expected}


@pytest.mark.parametrize("client_version", ["npm-1.4.0", "python-0.4.9"])
async def test_clients_from_before_the_formats_get_encoded_results(client_version: str) -> None:
    async with client_of_values() as client:
        answer = await client.post(
            "/api/query",
            json=call("values:same", None, ENCODED),
            headers={"Convex-Client": client_version},
        )
    assert answer.json()["value"] == ENCODED


@pytest.mark.parametrize("name", ["convex_encoded_json", "json"])
async def test_every_number_is_written_with_a_fraction(name: str) -> None:
    # Python's ConvexHttpClient takes no other
    numbers: list[Json] = [0, 1, -1, 2**53, 1e21, 1.5]
    async with client_of_values() as client:
        kinds: JsonObject = {**ENCODED, "list": numbers, "whole": 7}
        answer = await client.post("/api/query", json=call("values:same", name, kinds))
    value = json.loads(answer.text, parse_int=_refuse)["value"]
    assert value["list"] == numbers
    assert value["whole"] == 7


async def test_equal_results_are_equal_texts() -> None:
    async with client_of_values() as client:
        answers = [
            await client.post("/api/query", json=call("values:same", "convex_json", kinds))
            for kinds in (ENCODED, dict(reversed(ENCODED.items())))
        ]
    assert answers[0].text == answers[1].text


def _refuse(text: str) -> int:
    raise AssertionError(f"the number {text} has no fraction")
