"""What holds up the loop is noticed, and named with its function and its line."""

from __future__ import annotations

import inspect
import threading
from threading import Event
from typing import Any

import anyio
import pytest

from confect_core import FunctionSpec, GroupSpec, NoArgs
from confect_server import GroupImpl, Impl, QueryCtx, impl, layers
from confect_server.observe import Watchdog
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Succeeded
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
    time = Time()
    dog, loop_thread = Watchdog(1.0, time), threading.get_ident()

    def compute() -> None:
        time.now_s = 10.0
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
    time = Time()
    dog = Watchdog(1.0, time)
    time.now_s = 1.0
    dog.look(threading.get_ident())
    assert caplog.records == []


async def test_what_holds_up_the_loop_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    dog = Watchdog(1.0, time)
    for now_s in (2.0, 3.0, 4.0):
        time.now_s = now_s
        dog.look(threading.get_ident())
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("computed_s", "records"), [(0.1, 0), (9.0, 1)])
async def test_a_process_that_was_stopped_is_not_held_up_but_one_that_computes_is(
    computed_s: float, records: int, caplog: pytest.LogCaptureFixture
) -> None:
    time, computed = Time(), Time()
    dog = Watchdog(1.0, time, computed)
    time.now_s, computed.now_s = 10.0, computed_s
    if not dog.stood_still():
        dog.look(threading.get_ident())
    assert len(caplog.records) == records
    time.now_s += 0.25
    assert not dog.stood_still()
    dog.look(threading.get_ident())
    assert len(caplog.records) == records
    time.now_s += 2.0
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
