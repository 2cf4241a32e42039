"""Actions: in threads, for so long and no longer, and for longer than their callers wait."""

from __future__ import annotations

import sys
from threading import Event, current_thread, main_thread
from typing import Any

import anyio
import pytest

from confect_core import ref
from confect_core.values import loads
from confect_server import ActionCtx, Actions, BlockingActionCtx, Settings
from confect_server.workers.errors import ActionGivenUp
from tests.server.runtime.workshop import PATIENCE_S, Work, until, workshop


async def test_a_blocking_handler_calls_other_functions_from_its_thread() -> None:
    async with workshop() as at:
        assert await at.run("half", number=6.0) == 3.0


async def test_a_blocking_handler_fails_with_its_declared_errors() -> None:
    async with workshop() as at:
        failed = await at.failure("half", number=3.0)
        assert failed.error_data is not None
        assert loads(failed.error_data) == {"_tag": "Odd", "number": 3.0}


async def test_others_run_while_a_handler_blocks() -> None:
    async with workshop() as at:
        blocks, may_end = Event(), Event()

        def block(ctx: BlockingActionCtx[Any]) -> str:
            assert current_thread() is not main_thread()
            blocks.set()
            return "ended" if may_end.wait(PATIENCE_S) else "nobody came"

        at.script.block = block
        answers: list[object] = []

        async def call() -> None:
            answers.append(await at.run("block"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await until(blocks)
            assert await at.run("double", number=2.0) == 4.0
            assert answers == []
            may_end.set()
        assert answers == ["ended"]


async def test_no_more_handlers_block_at_once_than_there_are_threads() -> None:
    async with workshop(Settings(actions=Actions(threads=1))) as at:
        runs: list[str] = []

        def block(ctx: BlockingActionCtx[Any]) -> str:
            runs.append("begins")
            ctx.run_mutation(ref("work:double", Work.double), number=1)
            runs.append("ends")
            return "done"

        at.script.block = block
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(at.run, "block")
        assert runs == ["begins", "ends"] * 5


async def test_asynchronous_work_is_done_on_the_loop_for_a_thread() -> None:
    async with workshop() as at:

        async def on_loop(ctx: ActionCtx[Any]) -> int:
            assert current_thread() is main_thread()
            return await ctx.run_mutation(ref("work:double", Work.double), number=21)

        at.script.block = lambda ctx: f"{ctx.wait(on_loop)} {ctx.now().year > 2000}"
        assert await at.run("block") == "42 True"


async def test_an_action_that_takes_too_long_is_cancelled_and_says_which_limit_it_was() -> None:
    async with workshop() as at:
        ended: list[str] = []

        async def wait(ctx: ActionCtx[Any]) -> str:
            try:
                return await _never(ctx)
            finally:
                ended.append("cancelled")

        at.script.wait = wait
        failed = await at.failure("wait_briefly")
        assert "ActionTimedOut: work:wait_briefly took longer than 0.02 s" in failed.message
        assert "timeout_s" in failed.message
        assert ended == ["cancelled"]


async def test_the_settings_limit_actions_whose_spec_says_nothing() -> None:
    async with workshop(Settings(actions=Actions(timeout_s=0.01))) as at:
        at.script.wait = _never
        assert "took longer than 0.01 s" in (await at.failure("wait")).message


async def test_a_thread_that_was_given_up_keeps_its_room_and_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with workshop() as at:
        may_end, refused = Event(), Event()

        def block(ctx: BlockingActionCtx[Any]) -> str:
            may_end.wait(PATIENCE_S)
            with pytest.raises(ActionGivenUp):
                ctx.run_mutation(ref("work:double", Work.double), number=1)
            with pytest.raises(ActionGivenUp):
                ctx.check()
            refused.set()
            return "too late"

        at.script.block = block
        threads = at.backend.threads
        while not threads.busy:  # on a busy machine the time may be up before there is a thread
            assert "ActionTimedOut" in (await at.failure("block_briefly")).message
        assert (threads.busy, threads.given_up) == (1, 1)
        may_end.set()
        await until(refused)
        with anyio.fail_after(PATIENCE_S):
            while threads.busy:
                await anyio.lowlevel.checkpoint()
        assert threads.given_up == 0
        assert "was given up, but its thread goes on" in caplog.text
        assert "s after it was given up" in caplog.text


async def test_a_call_that_a_thread_waits_for_ends_when_the_thread_is_given_up() -> None:
    async with workshop() as at:
        given_up = Event()

        def block(ctx: BlockingActionCtx[Any]) -> str:
            try:
                ctx.wait(lambda _: anyio.sleep_forever())
            except ActionGivenUp:
                given_up.set()
            return "too late"

        at.script.block = block
        with anyio.fail_after(PATIENCE_S):
            while not given_up.is_set():  # the time may be up before there is a thread
                assert "ActionTimedOut" in (await at.failure("block_briefly")).message


async def test_a_handler_that_exits_ends_its_action_and_not_the_server() -> None:
    async with workshop() as at:
        at.script.block = lambda _: sys.exit(3)
        assert "HandlerExited: work:block" in (await at.failure("block")).message
        assert await at.run("double", number=2.0) == 4.0


async def test_an_action_goes_on_when_its_caller_leaves() -> None:
    async with workshop() as at:
        runs, may_end, ended = anyio.Event(), anyio.Event(), anyio.Event()

        async def wait(ctx: ActionCtx[Any]) -> str:
            runs.set()
            await may_end.wait()
            ended.set()
            return "done"

        at.script.wait = wait
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at.run, "wait")
            await runs.wait()
            tasks.cancel_scope.cancel()
        may_end.set()
        with anyio.fail_after(PATIENCE_S):
            await ended.wait()


async def test_a_backend_that_stops_lets_its_actions_end() -> None:
    ended: list[str] = []
    async with anyio.create_task_group() as tasks, workshop() as at:
        runs = anyio.Event()

        async def wait(ctx: ActionCtx[Any]) -> str:
            runs.set()
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            double = ref("work:double", Work.double)
            ended.append(str(await ctx.run_mutation(double, number=4)))
            return "done"

        at.script.wait = wait
        tasks.start_soon(at.run, "wait")
        await runs.wait()
    assert ended == ["8"]


async def test_actions_that_do_not_end_in_time_are_stopped_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str] = []

    async def call() -> None:
        told.append((await at.failure("wait")).message)

    settings = Settings(actions=Actions(grace_s=0.01))
    async with anyio.create_task_group() as tasks, workshop(settings) as at:
        runs = anyio.Event()

        async def wait(ctx: ActionCtx[Any]) -> str:
            runs.set()
            return await _never(ctx)

        at.script.wait = wait
        tasks.start_soon(call)
        await runs.wait()
    assert "stopped after 0.01 s of grace: work:wait (running for" in caplog.text
    assert "ActionStopped: work:wait was cancelled 0.01 s after" in told[0]


async def _never(_: ActionCtx[Any]) -> str:
    await anyio.sleep_forever()
    return "never"
