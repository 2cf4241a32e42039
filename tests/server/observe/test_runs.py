"""What is told of runs: who called what, how it ended, and what it took."""

from __future__ import annotations

import logging
from io import StringIO
from random import Random
from typing import Any

import anyio
import orjson
import pytest

from confect_core.protocol import JsonObject
from confect_server import ActionCtx, Actions, Settings
from confect_server.observe import Metrics, RunLog, RunMetrics, RunRecord, logging_to
from confect_server.observe.logs import HumanFormatter, JsonFormatter
from confect_server.runtime import ADMIN, CLIENT
from confect_server.runtime.requests import SessionRequest
from confect_server.settings import Observing
from tests.server.runtime.test_executor import Teller, teller
from tests.server.runtime.workshop import workshop


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []

    def ended(self, run: RunRecord) -> None:
        self.runs.append(run)


def listening_to(at: Teller) -> Listener:
    listener = Listener()
    at.backend.observe(listener)
    return listener


async def test_a_run_says_what_it_read_and_wrote() -> None:
    async with teller() as at:
        listener = listening_to(at)
        await at.mutation("open", name="Ada", balance=10.0)
        await at.query("balance", name="Ada")
        wrote, read = listener.runs
        assert (wrote.path, wrote.called, wrote.caller) == ("accounts:open", "Mutation", "client")
        assert (wrote.outcome, wrote.error, wrote.attempts) == ("success", None, 1)
        assert wrote.usage is not None
        assert wrote.usage.documents_written == 1
        assert read.usage is not None
        assert read.usage.documents_read == 1
        assert (read.called, read.result_bytes) == ("Query", len(b"10.0"))
        assert 0 < read.duration_s < 60


@pytest.mark.parametrize(
    ("function", "args", "outcome", "error"),
    [
        ("transfer", {"source": "Ada", "target": "Bea", "amount": 99.0}, "declared", "Overdrawn"),
        ("open", {"name": 3.0}, "refused", "Mismatch"),
        ("nowhere", {}, "refused", "FunctionNotFound"),
    ],
)
async def test_a_run_says_whose_fault_its_failure_is(
    function: str, args: JsonObject, outcome: str, error: str
) -> None:
    async with teller() as at:
        await at.mutation("open", name="Ada", balance=10.0)
        await at.mutation("open", name="Bea")
        listener = listening_to(at)
        await at.backend.executor.run_mutation(f"accounts:{function}", args, CLIENT)
        (run,) = listener.runs
        assert (run.outcome, run.error) == (outcome, error)


async def test_a_failure_is_told_under_the_id_of_its_run() -> None:
    async with teller() as at:
        listener = listening_to(at)
        request = SessionRequest("a session", 7)
        executor = at.backend.executor
        result = await executor.run_mutation("accounts:nowhere", {}, CLIENT, request)
        (run,) = listener.runs
        assert f"[Request ID: {run.request_id}]" in str(result.outcome)
        assert run.request_id == RunRecord("", "", "client", ("a session", 7)).request_id


async def test_functions_that_functions_call_are_told_of_too() -> None:
    async with teller() as at:
        await at.mutation("open", name="Ada", balance=10.0)
        await at.mutation("open", name="Bea")
        listener = listening_to(at)
        args: JsonObject = {"source": "Ada", "target": "Bea", "amount": 1.0}
        await at.backend.executor.run_action("accounts:settle", args, ADMIN)
        told = [(run.path, run.caller) for run in listener.runs]
        assert told[-1] == ("accounts:settle", "admin")
        assert ("accounts:raising", "function") in told


async def test_an_action_that_is_stopped_is_told_of_as_cancelled() -> None:
    listener, runs = Listener(), anyio.Event()
    settings = Settings(actions=Actions(grace_s=0.0))
    async with workshop(settings) as at, anyio.create_task_group() as tasks:
        at.backend.observe(listener)

        async def wait(ctx: ActionCtx[Any]) -> str:
            runs.set()
            await anyio.sleep_forever()
            return "never"

        at.script.wait = wait
        tasks.start_soon(at.failure, "wait")
        await runs.wait()
        await at.backend.drain()
    assert [run.outcome for run in listener.runs] == ["cancelled"]


async def test_an_answer_from_the_cache_is_a_hit_and_no_run() -> None:
    async with teller() as at:
        listener = listening_to(at)
        for _ in range(3):
            await at.backend.queries.run("accounts:total", {}, CLIENT)
        assert (len(listener.runs), at.backend.queries.hits) == (1, 2)


def a_run(**given: object) -> RunRecord:
    run = RunRecord("notes:list", "Query", "client", ("session", 1))
    for name, value in {"outcome": "success", "duration_s": 0.002, **given}.items():
        setattr(run, name, value)
    return run


def test_runs_are_counted_by_function_and_outcome() -> None:
    metrics = Metrics()
    counted = RunMetrics(metrics)
    counted.ended(a_run())
    counted.ended(a_run(outcome="failed", error="ValueError", duration_s=100.0))
    counted.ended(a_run(path="notes:add", called="Mutation", attempts=3))
    lines = metrics.text().decode().splitlines()
    query = 'function="notes:list",kind="Query"'
    assert f'confect_runs_total{{{query},caller="client",outcome="success"}} 1' in lines
    assert f'confect_runs_total{{{query},caller="client",outcome="failed"}} 1' in lines
    assert f'confect_run_seconds_bucket{{{query},le="0.001"}} 0' in lines
    assert f'confect_run_seconds_bucket{{{query},le="0.0025"}} 1' in lines
    assert f'confect_run_seconds_bucket{{{query},le="+Inf"}} 2' in lines
    assert f"confect_run_seconds_sum{{{query}}} 100.002" in lines
    assert 'confect_mutation_retries_total{function="notes:add"} 2' in lines


def test_paths_that_nobody_implements_are_counted_as_one() -> None:
    metrics = Metrics()
    counted = RunMetrics(metrics)
    for number in range(100):
        run = a_run(path=f"made:up{number}", outcome="refused", error="FunctionNotFound")
        run.is_known = False
        counted.ended(run)
    text = metrics.text().decode()
    assert "made:up" not in text
    assert 'function="unknown",kind="Query",caller="client",outcome="refused"} 100' in text


async def test_no_client_makes_the_metrics_longer_by_asking_for_what_is_not_there() -> None:
    async with teller() as at:
        metrics = Metrics()
        at.backend.observe(RunMetrics(metrics))
        executor = at.backend.executor
        for number in range(3):
            path = f"made:up{number}"
            await executor.run_query(path, {}, CLIENT)
            await executor.run_mutation(path, {}, CLIENT)
            await executor.run_mutation(path, {}, CLIENT, SessionRequest("a session", number))
            await executor.run_action(path, {}, CLIENT)
            await executor.run_any(path, {}, ADMIN)
        text = metrics.text().decode()
        assert "made:up" not in text
        for called, caller, outcome, count in [
            ("Query", "client", "refused", 3),
            ("Query", "admin", "refused", 3),
            ("Mutation", "client", "refused", 6),
            ("Action", "client", "refused", 3),
        ]:
            labels = f'kind="{called}",caller="{caller}",outcome="{outcome}"'
            assert f'confect_runs_total{{function="unknown",{labels}}} {count}' in text


def test_names_are_escaped() -> None:
    metrics = Metrics()
    metrics.counter("odd_total", "Odd.", "name").add(('a"b\\c\nd',))
    assert b'odd_total{name="a\\"b\\\\c\\nd"} 1\n' in metrics.text()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_as_many_runs_are_logged_as_the_settings_say(
    share: float, caplog: pytest.LogCaptureFixture
) -> None:
    log = RunLog(Observing(logged_runs=share), Random(1))
    with caplog.at_level(logging.INFO, "confect"):
        for _ in range(200):
            log.ended(a_run())
        log.ended(a_run(caller="function"))
    assert abs(len(caplog.records) - 200 * share) <= 20 * (share == 0.5)


def test_a_slow_run_is_always_logged(caplog: pytest.LogCaptureFixture) -> None:
    RunLog(Observing(slow_run_s=0.5)).ended(a_run(duration_s=0.75))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "Query notes:list: success in 750.0 ms [Request ID: " in record.getMessage()


@pytest.mark.parametrize("called", ["Action", "Route"])
def test_an_action_is_not_slow_because_others_are(
    called: str, caplog: pytest.LogCaptureFixture
) -> None:
    RunLog(Observing(slow_run_s=0.5)).ended(a_run(called=called, duration_s=60.0))
    assert caplog.records == []


def test_a_json_log_has_every_field_of_a_run(caplog: pytest.LogCaptureFixture) -> None:
    run = a_run()
    with caplog.at_level(logging.INFO, "confect"):
        RunLog(Observing(logged_runs=1.0)).ended(run)
    line = orjson.loads(JsonFormatter().format(caplog.records[0]))
    assert line["level"] == "info"
    assert (line["function"], line["kind"], line["duration_ms"]) == ("notes:list", "query", 2.0)
    assert line["request_id"] == run.request_id
    assert "Query notes:list" in HumanFormatter().format(caplog.records[0])


def test_a_json_log_holds_the_traceback_of_a_defect(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("a defect")
    except ValueError:
        logging.getLogger("confect").exception("it failed", extra={"odd": object()})
    line = orjson.loads(JsonFormatter().format(caplog.records[0]))
    assert "ValueError: a defect" in line["traceback"]
    assert line["odd"].startswith("<object")


@pytest.mark.parametrize("is_json", [False, True])
async def test_what_fails_is_written_with_the_id_that_its_caller_was_told(is_json: bool) -> None:
    stream = StringIO()
    with logging_to(stream, Observing(json_logs=is_json)):
        async with teller() as at:
            failed = await at.failure("broken")
    written, told_id = stream.getvalue(), failed.message[len("[Request ID: ") :][:16]
    if is_json:
        line = orjson.loads(written)
        assert (line["request_id"], line["function"]) == (told_id, "accounts:broken")
        assert "Traceback" in line["traceback"]
    else:
        assert f"ERROR   accounts:broken failed [Request ID: {told_id}]\nTraceback" in written
    logging.getLogger("confect").info("said after the server has stopped")
    assert stream.getvalue() == written
