"""What holds up the loop is noticed, and named with its function and its line."""

from __future__ import annotations

import inspect
import textwrap
import threading
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import anyio
import pytest

from confect_core import FunctionSpec, GroupSpec, NoArgs
from confect_server import GroupImpl, Impl, QueryCtx, impl, layers
from confect_server.errors import HeldUpTooLong
from confect_server.observe import Watchdog
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.settings import Limits, Settings
from confect_server.store import MemoryStore


class Busy(GroupSpec):
    compute = FunctionSpec.public_query(returns=int)


def computing(compute: Any) -> Impl[Any]:
    @impl(Busy.compute)
    async def handler(ctx: QueryCtx, args: NoArgs) -> int:
        compute()
        return 1

    return Impl(layers()).provide(GroupImpl("busy", Busy, {"compute": handler}))


class Time:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_handler_that_holds_up_the_loop_is_named_with_its_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = Time()
    dog, loop_thread = Watchdog(1.0, clock=now), threading.get_ident()

    def compute() -> None:
        now.now_s = 10.0
        looker = threading.Thread(target=dog.look, args=(loop_thread,))
        looker.start()
        looker.join()

    async with Backend.open(computing(compute), MemoryStore()) as backend:
        answer = await backend.executor.run_query("busy:compute", {}, CLIENT)
    assert isinstance(answer.outcome, Succeeded)
    (record,) = caplog.records
    told = f"busy:compute has held up the server for 9.8 s, at {__file__}:"
    assert record.getMessage().startswith(told)
    lines, first = inspect.getsourcelines(compute)
    line = int(record.getMessage().removeprefix(told).split()[0])
    assert first < line < first + len(lines)


async def test_a_loop_that_answers_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    now = Time()
    dog = Watchdog(1.0, clock=now)
    now.now_s = 1.0
    dog.look(threading.get_ident())
    assert caplog.records == []


async def test_what_holds_up_the_loop_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    now = Time()
    dog = Watchdog(1.0, clock=now)
    for now_s in (2.0, 3.0, 4.0):
        now.now_s = now_s
        dog.look(threading.get_ident())
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("computed_s", "records"), [(0.1, 0), (9.0, 1)])
async def test_a_process_that_was_stopped_is_not_held_up_but_one_that_computes_is(
    computed_s: float, records: int, caplog: pytest.LogCaptureFixture
) -> None:
    now, computed = Time(), Time()
    dog = Watchdog(1.0, clock=now, computed=computed)
    now.now_s, computed.now_s = 10.0, computed_s
    if not dog.stood_still():
        dog.look(threading.get_ident())
    assert len(caplog.records) == records
    now.now_s += 0.25
    assert not dog.stood_still()
    dog.look(threading.get_ident())
    assert len(caplog.records) == records
    now.now_s += 2.0
    computed.now_s += 2.0
    assert not dog.stood_still()
    dog.look(threading.get_ident())
    assert len(caplog.records) == 1  # of what begins later it tells as ever


async def test_the_loop_is_watched_from_a_thread_that_ends() -> None:
    looked = Event()

    class Eager(Watchdog):
        def look(self, thread_id: int) -> None:
            assert thread_id == threading.main_thread().ident
            looked.set()

    async with Eager(1.0).watching():
        assert await anyio.to_thread.run_sync(looked.wait, 30)
    assert "confect watchdog" not in {thread.name for thread in threading.enumerate()}


def forever() -> None:
    while True:
        pass


def asleep() -> None:
    time.sleep(60)


def in_a_library() -> None:
    while True:
        textwrap.wrap("what a library does on behalf of a handler " * 50)


def stubborn() -> None:
    ends = 0
    while ends < 3:
        try:
            forever()
        except HeldUpTooLong:
            ends += 1
    forever()


@pytest.mark.parametrize("compute", [forever, asleep, in_a_library, stubborn])
async def test_what_holds_up_the_loop_for_too_long_is_ended(compute: Callable[[], None]) -> None:
    async with (
        Watchdog(60.0, held_s=0.1).watching(),
        Backend.open(computing(compute), MemoryStore()) as backend,
    ):
        with anyio.fail_after(30):
            answer = await backend.executor.run_query("busy:compute", {}, CLIENT)
        assert isinstance(answer.outcome, Failed)
        assert "busy:compute has held up the server for" in answer.outcome.message
        again = await backend.executor.run_query("busy:nothing", {}, CLIENT)
        assert isinstance(again.outcome, Failed)
        assert "busy:nothing" in again.outcome.message


async def test_nothing_of_ours_is_ended_half_way() -> None:
    """A loop over the database is ended in the handler, never inside a transaction."""

    async def reading(ctx: QueryCtx, args: NoArgs) -> int:
        while True:
            await ctx.db.system.tables.collect()

    app = Impl(layers()).provide(GroupImpl("busy", Busy, {"compute": impl(Busy.compute)(reading)}))
    limits = Limits(ranges_read=2**60, documents_read=2**60, run_time_s=3600.0)
    async with (
        Watchdog(60.0, held_s=0.1).watching(),
        Backend.open(app, MemoryStore(), settings=Settings(limits=limits)) as backend,
    ):
        answer = await backend.executor.run_query("busy:compute", {}, CLIENT)
        assert isinstance(answer.outcome, Failed)
        assert "busy:compute has held up the server for" in answer.outcome.message
