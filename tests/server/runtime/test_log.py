"""What functions say is told once, of the run that counts, to the log and to whoever called."""

from __future__ import annotations

import logging

import httpx2
import orjson
import pytest

from confect_client import AsyncClient
from confect_server import ActionCtx, MutationCtx, QueryCtx
from confect_server.engine import Conflict
from confect_server.log import LogLine
from confect_server.runtime import CLIENT
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.runtime.requests import SessionRequest
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.talk import ACTED, ASKED, RETOLD, TOLD, Full, saying, talking


@pytest.mark.parametrize("name", ["asked", "told", "acted"])
async def test_what_a_function_says_is_told_to_the_log_and_to_its_caller(name: str) -> None:
    async def say(ctx: QueryCtx | ActionCtx) -> None:
        ctx.log.info("hello %s", "Ada", number=1)
        ctx.log.error("oh")

    async with talking({name: say}) as at:
        assert await at.run(name) == ("[INFO] 'hello Ada' number=1", "[ERROR] 'oh'")
        assert at.messages == [f"talk:{name} hello Ada", f"talk:{name} oh"]
        assert len({line.request_id for line in at.heard}) == 1
        assert at.heard[0].request_id != ""
        assert at.heard[0].pathname == __file__


@pytest.mark.parametrize("name", ["asked", "told", "acted"])
async def test_what_a_function_says_before_it_fails_is_told_under_the_id_of_the_failure(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(ctx: QueryCtx | ActionCtx) -> None:
        ctx.log.warning("it will fail")
        raise ValueError("a defect")

    async with talking({name: fail}) as at:
        assert await at.run(name) == ("[WARN] 'it will fail'",)
    said, failed = caplog.records
    assert (said.getMessage(), failed.levelno) == ("it will fail", logging.ERROR)
    assert isinstance(said, LogLine)
    assert f"[Request ID: {said.request_id}]" in failed.getMessage()


async def test_what_a_refused_query_has_said_is_told_with_its_declared_error() -> None:
    async def fail(ctx: QueryCtx) -> None:
        ctx.log.info("full")
        raise Full

    async with talking({"asked": fail}) as at:
        outcome = (await at.backend.queries.run("talk:asked", {}, CLIENT)).outcome
        assert isinstance(outcome, Failed)
        assert outcome.log_lines == ("[INFO] 'full'",)


@pytest.mark.parametrize("name", ["asked", "told", "acted"])
async def test_callers_are_told_nothing_where_failures_are_redacted(name: str) -> None:
    async def fail(ctx: QueryCtx | ActionCtx) -> None:
        ctx.log.info("secret")
        raise ValueError("a defect")

    async with talking({name: saying("secret")}, redacts=True) as at:
        assert await at.run(name) == ()
        assert at.messages == [f"talk:{name} secret"]
    async with talking({name: fail}, redacts=True) as at:
        assert await at.run(name) == ()
        assert at.messages == [f"talk:{name} secret"]


async def test_an_attempt_that_lost_has_said_nothing() -> None:
    attempts: list[None] = []

    async def lose_twice(ctx: MutationCtx) -> None:
        attempts.append(None)
        ctx.log.info("attempt %s", len(attempts))
        await ctx.run_mutation(RETOLD)
        if len(attempts) < 3:
            raise Conflict(0, 0)

    async with talking({"told": lose_twice, "retold": saying("inside")}) as at:
        assert await at.run("told") == ("[INFO] 'attempt 3'", "[INFO] 'inside'")
        assert at.messages == ["talk:told attempt 3", "talk:retold inside"]


async def test_an_attempt_that_lost_for_an_action_has_said_nothing() -> None:
    attempts: list[None] = []

    async def lose_once(ctx: MutationCtx) -> None:
        attempts.append(None)
        ctx.log.info("attempt %s", len(attempts))
        if len(attempts) < 2:
            raise Conflict(0, 0)

    async def call(ctx: ActionCtx) -> None:
        ctx.log.info("before")
        await ctx.run_mutation(RETOLD)
        ctx.log.info("after")

    async with talking({"acted": call, "retold": lose_once}) as at:
        assert await at.run("acted") == ("[INFO] 'before'", "[INFO] 'attempt 2'", "[INFO] 'after'")
        assert at.messages == [
            "talk:acted before",
            "talk:retold attempt 2",
            "talk:acted after",
        ]


async def test_what_a_nested_function_says_is_said_even_if_it_fails() -> None:
    async def fail(ctx: MutationCtx) -> None:
        ctx.log.info("inside")
        raise ValueError("a defect")

    async def call(ctx: MutationCtx | ActionCtx) -> None:
        with pytest.raises(ValueError, match="a defect"):
            await ctx.run_mutation(RETOLD)
        ctx.log.info("outside")

    for name in ("told", "acted"):
        async with talking({name: call, "retold": fail}) as at:
            assert await at.run(name) == ("[INFO] 'inside'", "[INFO] 'outside'")


async def test_an_action_in_a_thread_says_what_it_calls_says() -> None:
    async with talking({"asked": saying("asked")}) as at:
        assert await at.run("blocked") == ("[INFO] 'in a thread'", "[INFO] 'asked'")
        assert at.messages == ["talk:blocked in a thread", "talk:asked asked"]
        assert len({line.request_id for line in at.heard}) == 1


async def test_what_an_action_says_is_logged_at_once() -> None:
    heard: list[list[str]] = []

    async def say(ctx: ActionCtx) -> None:
        ctx.log.info("working")
        heard.append(list(at.messages))

    async with talking({"acted": say}) as at:
        await at.run("acted")
        assert heard == [["talk:acted working"]]


async def test_a_mutation_that_is_sent_again_gets_the_lines_of_the_first_time() -> None:
    async with talking({"told": saying("once", "half \ud800")}) as at:
        request = SessionRequest("a session", 7)
        first = await at.run("told", request)
        assert first == ("[INFO] 'once'", "[INFO] 'half \\ud800'")
        assert await at.run("told", request) == first
        assert len(at.messages) == 2


async def test_an_answer_from_the_cache_has_the_lines_of_its_run_which_are_logged_once() -> None:
    async with talking({"asked": saying("computed")}) as at:
        assert [await at.run("asked") for _ in range(3)] == [("[INFO] 'computed'",)] * 3
        assert at.messages == ["talk:asked computed"]


async def test_a_query_that_runs_twice_to_be_compared_speaks_once() -> None:
    async with talking({"asked": saying("computed")}, in_development=True) as at:
        assert await at.run("asked") == ("[INFO] 'computed'",)
        assert at.messages == ["talk:asked computed"]


async def test_lines_count_as_memory_of_the_cache() -> None:
    async def say_much(ctx: QueryCtx) -> None:
        ctx.log.info("x" * 4_000)

    async with talking({"asked": saying("x")}) as brief, talking({"asked": say_much}) as long:
        await brief.run("asked")
        await long.run("asked")
        assert long.backend.queries.held_bytes - brief.backend.queries.held_bytes > 3_900


async def test_lines_go_to_the_logger_of_functions(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "confect.functions"):
        async with talking({"told": saying("hello")}) as at:
            await at.run("told")
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("confect.functions", "hello")


async def test_a_long_answer_of_a_mutation_is_recorded_with_its_lines() -> None:
    async with talking({"told": saying(*["x" * 4_000] * 300)}) as at:
        request = SessionRequest("a session", 7)
        first = await at.run("told", request)
        assert len(first) == 257
        result = await at.backend.executor.run_mutation("talk:told", {}, CLIENT, request)
        assert isinstance(result.outcome, Succeeded)
        assert result.outcome.log_lines == first


async def test_answers_over_http_have_lines_if_there_are_any() -> None:
    async with talking({"told": saying("hello")}) as at:
        transport = httpx2.ASGITransport(ConfectAsgi(at.backend, AdminKey("k")))
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as http:
            told = await http.post("/api/mutation", json={"path": "talk:told", "args": {}})
            assert orjson.loads(told.content) == {
                "status": "success",
                "value": "done",
                "logLines": ["[INFO] 'hello'"],
            }
            asked = await http.post("/api/query", json={"path": "talk:asked", "args": {}})
            assert orjson.loads(asked.content) == {"status": "success", "value": "done"}


async def test_a_client_logs_what_the_server_says_each_line_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def warn(ctx: ActionCtx) -> None:
        ctx.log.warning("careful")

    steps = {"asked": saying("asked"), "told": saying("told"), "acted": warn}
    async with talking(steps) as at:
        app = ConfectAsgi(at.backend, AdminKey("k"))
        async with serving(app, "127.0.0.1", 0) as port:
            with caplog.at_level(logging.DEBUG, "confect_client"):
                async with AsyncClient(f"http://127.0.0.1:{port}") as client:
                    first = client.subscribe(ASKED)
                    second = client.subscribe(ASKED)
                    await anext(first)
                    await anext(second)
                    await client.mutation(TOLD)
                    await client.action(ACTED)
                    await first.aclose()
                    await second.aclose()
    heard = [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == "confect_client"
    ]
    assert heard == [
        (logging.INFO, "talk:asked: 'asked'"),
        (logging.INFO, "talk:told: 'told'"),
        (logging.WARNING, "talk:acted: 'careful'"),
    ]
