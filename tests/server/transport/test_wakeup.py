from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_server.transport.sync.wakeup import Wakeup


async def test_what_was_told_before_counts_once() -> None:
    wakeup = Wakeup()
    wakeup.set()
    wakeup.set()
    await wakeup.wait()
    with anyio.move_on_after(0.01) as waited:
        await wakeup.wait()
    assert waited.cancelled_caught


async def test_a_sleeper_is_woken_each_time_that_it_is_told() -> None:
    wakeup, woken = Wakeup(), 0

    async def sleep() -> None:
        nonlocal woken
        while True:
            await wakeup.wait()
            woken += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep)
        for told in range(3):
            await anyio.wait_all_tasks_blocked()
            assert woken == told
            wakeup.set()
            wakeup.set()
        await anyio.wait_all_tasks_blocked()
        assert woken == 3
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("is_told", [False, True])
async def test_a_sleeper_that_is_cancelled_loses_nothing(is_told: bool) -> None:
    wakeup = Wakeup()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wakeup.wait)
        await checkpoint()
        if is_told:
            wakeup.set()
        tasks.cancel_scope.cancel()
    wakeup.set()
    await wakeup.wait()
