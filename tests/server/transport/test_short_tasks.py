from __future__ import annotations

from contextvars import ContextVar

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_server.transport.sync.short_tasks import ShortTasks

_going_on: ContextVar[str] = ContextVar("what goes on", default="nothing")


class Log:
    """What happened, in its order."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def wait(self, name: str) -> None:
        self.said.append(f"{name} waits")
        try:
            await anyio.sleep_forever()
        finally:
            self.said.append(f"{name} ends")


async def test_the_others_end_with_the_main_task() -> None:
    tasks, log = ShortTasks(), Log()

    async def main() -> None:
        tasks.start(log.wait("one"))
        tasks.start(log.wait("two"))
        await checkpoint()
        await checkpoint()

    await tasks.around(main())
    assert log.said == ["one waits", "two waits", "one ends", "two ends"]


async def test_a_stop_ends_the_main_task_and_nobody_around_it() -> None:
    tasks, log = ShortTasks(), Log()

    async def stop() -> None:
        tasks.stop()
        tasks.stop()

    async def main() -> None:
        tasks.start(stop())
        await log.wait("main")

    await tasks.around(main())
    await checkpoint()  # a cancellation that is left over would end this test here
    assert log.said == ["main waits", "main ends"]


async def test_what_a_task_raises_ends_all_and_is_raised() -> None:
    tasks, log = ShortTasks(), Log()

    async def fail() -> None:
        raise ValueError("no")

    async def main() -> None:
        tasks.start(log.wait("other"))
        tasks.start(fail())
        await log.wait("main")

    with pytest.raises(ValueError, match="no"):
        await tasks.around(main())
    assert sorted(log.said) == ["main ends", "main waits", "other ends", "other waits"]


async def test_a_cancellation_from_outside_ends_all_and_waits_for_what_is_shielded() -> None:
    tasks, log, may_end = ShortTasks(), Log(), anyio.Event()

    async def write() -> None:
        with anyio.CancelScope(shield=True):
            await may_end.wait()
            log.said.append("written")

    async def main() -> None:
        tasks.start(write())
        await log.wait("main")

    async with anyio.create_task_group() as group:
        group.start_soon(tasks.around, main())
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            for _ in range(5):
                await checkpoint()
            assert log.said == ["main waits", "main ends"]
            may_end.set()
    assert log.said[-1] == "written"


async def test_nothing_is_started_after_the_end() -> None:
    tasks, log = ShortTasks(), Log()
    await tasks.around(checkpoint())
    tasks.start(log.wait("late"))
    await checkpoint()
    assert log.said == []


async def test_a_task_knows_nothing_of_what_goes_on_where_it_is_started() -> None:
    tasks, told = ShortTasks(), list[str]()

    async def tell() -> None:
        told.append(_going_on.get())

    async def main() -> None:
        before = _going_on.set("a mutation of somebody else")
        tasks.start(tell())
        _going_on.reset(before)
        await checkpoint()
        await checkpoint()

    await tasks.around(main())
    assert told == ["nothing"]
