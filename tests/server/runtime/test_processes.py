"""Actions in worker processes: what they answer, and how they end."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from confect_core import FunctionSpec, GroupSpec, NoArgs
from confect_core.protocol import EncodedValue
from confect_core.values import BigInt, Json, Value, encode, loads
from confect_server import Actions, GroupImpl, Impl, Settings, impl, layers
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.store import MemoryStore
from confect_server.workers import HandlerName, Processes
from confect_server.workers.handlers import HandlerNotFound
from tests.server.runtime.forge import SERVER, forge

PATIENCE_S = 30


class Smith:
    """Calls the actions of the forge."""

    def __init__(self, backend: Backend) -> None:
        self._executor = backend.executor

    async def outcome(self, name: str, /, **args: Value) -> RunOutcome:
        encoded = cast("dict[str, Json]", encode(args))
        return await self._executor.run_any(f"forge:{name}", encoded, CLIENT)

    async def run(self, name: str, /, **args: Value) -> Value:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Succeeded), outcome
        return loads(outcome.value)

    async def failure(self, name: str, /, **args: Value) -> Failed:
        outcome = await self.outcome(name, **args)
        assert isinstance(outcome, Failed), outcome
        return outcome


@asynccontextmanager
async def smith(**actions: Any) -> AsyncGenerator[Smith]:
    settings = Settings(actions=Actions(**actions))
    async with Backend.open(forge, MemoryStore(), settings=settings) as backend:
        yield Smith(backend)


async def test_a_process_answers_values_and_declared_errors() -> None:
    async with smith() as at:
        assert await at.run("square", number=3_000_000_000.0) == BigInt(9 * 10**18)
        for degrees in (0.0, -5.0):  # returned, and raised
            failed = await at.failure("square", number=degrees)
            assert failed.error_data is not None
            assert loads(failed.error_data) == {"_tag": "Cold", "degrees": degrees}


async def test_a_process_does_one_job_after_another_and_is_renewed() -> None:
    async with smith(process_jobs=2) as at:
        first, second, third = [await at.run("pid") for _ in range(3)]
        assert first == second
        assert third not in (first, float(SERVER))
        assert first != float(SERVER)


async def test_what_a_handler_prints_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    async with smith() as at:
        assert await at.run("shout") == "said"
        assert await at.run("shout") == "said"
    printed = capfd.readouterr()
    assert "written in a process" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("lie", "ReturnsValidationError"),
        ("melt", "UndeclaredError: forge:melt failed with Hot(degrees=1000)"),
        ("crack", "RaisedInProcess: forge:crack raised ValueError: a crack"),
        ("die", "WorkerDied: the process that ran forge:die died with signal 9"),
        ("leave", "HandlerExited: forge:leave ended with SystemExit(3)"),
        ("fill", "ResultTooLarge: the result has 100,000,002 bytes"),
    ],
)
async def test_a_process_that_has_no_answer_says_why_and_others_go_on(
    function: str, told: str
) -> None:
    async with smith() as at:
        assert told in (await at.failure(function)).message
        assert await at.run("square", number=3.0) == BigInt(9)


async def test_wrong_arguments_need_no_process() -> None:
    async with smith() as at:
        assert "ArgumentValidationError" in (await at.failure("square", number="x")).message


async def test_a_job_that_takes_too_long_ends_its_process(tmp_path: Path) -> None:
    async with smith(processes=1) as at:
        await at.run("pid")  # its process has started
        failed = await at.failure("loop", folder=str(tmp_path))
        assert "ActionTimedOut: forge:loop took longer than 0.5 s" in failed.message
        assert not is_alive(int((tmp_path / "loops").read_text()))
        assert await at.run("square", number=3.0) == BigInt(9)


async def test_a_server_that_stops_ends_its_processes() -> None:
    async with smith() as at:
        pid = await at.run("pid")
        assert isinstance(pid, float)
        assert is_alive(int(pid))
    assert not is_alive(int(pid))


async def test_others_run_while_a_process_computes_and_it_ends_with_the_server(
    tmp_path: Path,
) -> None:
    async with anyio.create_task_group() as tasks:
        async with smith(grace_s=0.0) as at:
            loops = anyio.Path(tmp_path / "loops")
            tasks.start_soon(lambda: at.failure("loop_on", folder=str(tmp_path)))
            with anyio.fail_after(PATIENCE_S):
                while not (await loops.exists() and await loops.read_text()):
                    assert await at.run("double", number=2.0) == 4.0
        assert not is_alive(int(await loops.read_text()))


async def test_a_process_that_dies_is_missed_although_what_it_forked_lives_on(
    tmp_path: Path,
) -> None:
    try:
        async with smith() as at:
            failed = await at.failure("fork", folder=str(tmp_path))
            assert "the process that ran forge:fork died with exit code 3" in failed.message
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


async def test_a_job_of_a_version_that_is_gone_leaves_no_process() -> None:
    processes = Processes(4, jobs_each=10, result_bytes=1000)
    pids: list[int] = []

    async def run(tasks: TaskGroup) -> None:
        name = HandlerName("tests.server.runtime.forge", "pid")
        pids.append(int(float(await processes.run("forge:pid", name, EncodedValue(b"{}")))))
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, tasks)
        while not processes.busy:
            await anyio.lowlevel.checkpoint()
        await processes.aclose()
        with anyio.fail_after(PATIENCE_S):
            await anyio.sleep_forever()
    assert not is_alive(pids[0])


def test_a_handler_that_no_other_process_can_import_is_refused() -> None:
    class Hidden(GroupSpec):
        work = FunctionSpec.public_action(returns=int, process=True)

    @impl(Hidden.work)
    def work(args: NoArgs) -> int:
        return 1

    (mistake,) = Impl(layers()).provide(GroupImpl("hidden", Hidden, {"work": work})).mistakes()
    assert isinstance(mistake, HandlerNotFound)
    assert "test_processes" in mistake.message
    assert mistake.where is not None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
