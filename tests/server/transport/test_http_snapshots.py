"""Queries over HTTP at one snapshot."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import anyio
import orjson

from confect_core.protocol import JsonObject, decode_ts, encode_snapshot, encode_ts
from confect_core.values.wire import Json
from confect_server.runtime import QueryResult
from confect_server.settings import Limits, Requests, Retention, Settings
from confect_server.store import MemoryStore
from tests.server.stores import NOTHING_BY_ITSELF
from tests.server.transport.counter import ORIGIN, Counter, counter, refused, scope_of

TOTAL: JsonObject = {"path": "accounts:total", "args": {}}


async def snapshot(at: Counter) -> str:
    answer = await at.post("/api/query_ts")
    assert answer.status_code == 200
    ts: str = answer.json()["ts"]
    assert answer.json() == {"ts": ts}
    return ts


async def total_at(at: Counter, ts: str) -> Json:
    answer = (await at.post("/api/query_at_ts", {**TOTAL, "ts": ts})).json()
    assert answer["status"] == "success", answer
    value: Json = answer["value"]
    return value


async def test_a_query_at_a_snapshot_answers_as_it_was_then() -> None:
    async with counter() as at:
        await at.open("Ada", 1.0)
        first = await snapshot(at)
        await at.open("Bea", 2.0)
        second = await snapshot(at)
        await at.open("Cleo", 4.0)
        for _ in range(2):
            assert await total_at(at, first) == 1.0
            assert await total_at(at, second) == 3.0
        assert await at.call("query", "accounts:total") == 7.0
        assert decode_ts(first) < decode_ts(second)


async def test_a_failure_at_a_snapshot_is_an_answer() -> None:
    async with counter() as at:
        ts = await snapshot(at)
        await at.open("Ada", 1.0)
        balance: JsonObject = {"path": "accounts:balance", "args": [{"name": "Ada"}], "ts": ts}
        answer = await at.post("/api/query_at_ts", balance)
        assert answer.status_code == 200
        assert answer.json()["errorData"] == {"_tag": "NoAccount", "name": "Ada"}


async def test_a_timestamp_that_is_none_is_refused() -> None:
    async with counter() as at:
        wrong: list[Json] = ["", "AAAA", "no base64!", "//////////8=", 1, 1.5, None]
        for ts in wrong:
            answer = await at.post("/api/query_at_ts", {**TOTAL, "ts": ts})
            assert refused(answer) == "BadJsonBody", ts
        assert refused(await at.post("/api/query_at_ts", TOTAL)) == "BadJsonBody"


async def test_a_timestamp_that_nobody_was_told_is_refused() -> None:
    async with counter() as at:
        ahead = encode_ts(at.backend.database.newest_ts + 1)
        assert refused(await at.post("/api/query_at_ts", {**TOTAL, "ts": ahead})) == "SnapshotAhead"


async def test_a_snapshot_that_another_process_has_told_is_found() -> None:
    store = MemoryStore()
    async with (
        counter(store, settings=NOTHING_BY_ITSELF) as one,
        counter(store, settings=NOTHING_BY_ITSELF) as other,
    ):
        await one.open("Ada", 1.0)
        assert await total_at(other, await snapshot(one)) == 1.0


async def test_a_snapshot_that_is_forgotten_has_an_error_of_its_own() -> None:
    settings = Settings(retention=Retention(history_s=0.0))
    async with counter(settings=settings) as at:
        await at.open("Ada", 1.0)
        ts = await snapshot(at)
        await at.open("Bea", 2.0)
        await at.open("Cleo", 4.0)
        await at.backend.database.forget()
        answer = await at.post("/api/query_at_ts", {**TOTAL, "ts": ts}, Origin=ORIGIN)
        assert refused(answer) == "OutOfRetention"
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert await total_at(at, await snapshot(at)) == 7.0


async def test_a_snapshot_from_before_the_schema_is_forgotten_too() -> None:
    async with counter() as at:
        ts = encode_ts(1)
        answer = await at.post("/api/query_at_ts", {**TOTAL, "ts": ts})
        assert refused(answer) == "OutOfRetention"


async def test_a_batch_answers_each_query_in_its_format() -> None:
    async with counter() as at:
        await at.open("Ada", 1.0)
        queries: list[Json] = [
            TOTAL,
            {"path": "accounts:balance", "args": [{"name": "Ada"}], "format": "convex_json"},
            {"path": "accounts:balance", "args": {"name": "Bea"}},
            {"path": "accounts:nothing", "args": {}},
        ]
        answer = await at.post("/api/query_batch", {"queries": queries})
        total, ada, bea, unknown = answer.json()["results"]
        assert total == ada == {"status": "success", "value": 1.0}
        assert bea["errorData"] == {"_tag": "NoAccount", "name": "Bea"}
        assert "Could not find" in unknown["errorMessage"]
        empty = await at.post("/api/query_batch", {"queries": []})
        assert empty.json() == {"results": []}


async def test_a_batch_is_answered_at_one_snapshot() -> None:
    async with counter() as at:
        await at.open("Ada", 1.0)
        answer_one, opened = at.backend.queries.run, 0

        async def run(*args: Any, **named: Any) -> QueryResult:
            nonlocal opened
            answer, opened = await answer_one(*args, **named), opened + 1
            await at.open(f"Bea {opened}", 100.0)
            return answer

        at.backend.queries.run = run  # type: ignore[method-assign]  # commits after each query
        total: Json = TOTAL
        report: Json = {"path": "accounts:report", "args": {"name": "Ada"}}
        answer = await at.post("/api/query_batch", {"queries": [total, report, total]})
        first, told, last = [each["value"] for each in answer.json()["results"]]
        assert (first, told[-4:], last) == (1.0, "of 1", 1.0)
        assert opened == 3


async def test_a_batch_has_bounds() -> None:
    settings = Settings(requests=Requests(batch_queries=3), limits=Limits(result_bytes=80))
    async with counter(settings=settings) as at:
        queries: list[Json] = [TOTAL] * 4
        assert refused(await at.post("/api/query_batch", {"queries": queries})) == "BatchTooLarge"
        assert (await at.post("/api/query_batch", {"queries": queries[:2]})).status_code == 200
        # each answer is short enough, all of them are not
        assert (
            refused(await at.post("/api/query_batch", {"queries": queries[:3]})) == "BatchTooLarge"
        )


async def test_a_batch_that_is_none_is_refused() -> None:
    async with counter() as at:
        wrong: list[Json] = [{}, {"queries": 1}, {"queries": [1]}, {"queries": [{}]}, []]
        for body in wrong:
            assert refused(await at.post("/api/query_batch", body)) == "BadJsonBody", body
        bad_format: JsonObject = {"queries": [{**TOTAL, "format": "xml"}]}
        assert refused(await at.post("/api/query_batch", bad_format)) == "BadFormat"


def test_a_snapshot_is_written_as_clients_read_it() -> None:
    assert orjson.loads(encode_snapshot(1000)) == {"ts": "6AMAAAAAAAA="}


async def test_a_batch_ends_when_its_client_leaves() -> None:
    async with counter() as at:
        asked, answered, left = 0, at.backend.queries.run, anyio.Event()

        async def run(*args: object, **named: object) -> object:
            nonlocal asked
            asked += 1
            left.set()
            await anyio.lowlevel.checkpoint()
            return await answered(*args, **named)  # type: ignore[arg-type]  # as they came

        at.backend.queries.run = run  # type: ignore[method-assign,assignment]  # to count
        body = orjson.dumps({"queries": [TOTAL] * 500})
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            raise AssertionError(f"nobody is there to be told {message}")

        await at.asgi(scope_of("POST", "/api/query_batch"), receive, send)
        assert 1 <= asked < 20
