"""The clock of a server: whoever sleeps by it wakes soon after it was set."""

from __future__ import annotations

import anyio
import pytest

from confect_server.runtime import clock as module
from confect_server.runtime.clock import SystemClock

MINUTE_S = 60.0


class Machine:
    """The time of a machine as it passes while somebody sleeps, and as somebody sets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.up_s = 1000.0
        self.clock_s = 1_700_000_000.0
        self.sets: dict[float, float] = {}
        monkeypatch.setattr(module, "monotonic", lambda: self.up_s)
        monkeypatch.setattr(module, "time_ns", lambda: int(self.clock_s * 1e9))
        monkeypatch.setattr(anyio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.up_s += seconds
        self.clock_s += seconds
        for at_s in [each for each in self.sets if each <= self.up_s]:
            self.clock_s += self.sets.pop(at_s)


@pytest.mark.parametrize("seconds", [0.25, 15.0, 40.0, MINUTE_S])
async def test_it_sleeps_for_as_long_as_it_is_asked_to(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    await SystemClock().sleep(seconds)
    assert machine.up_s == 1000.0 + seconds


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 2.0])
async def test_who_sleeps_wakes_soon_after_the_clock_was_set(
    by_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    machine.sets[1020.0] = by_s
    await SystemClock().sleep(10 * MINUTE_S)
    assert 1020.0 <= machine.up_s <= 1035.0


async def test_a_clock_that_is_corrected_a_little_wakes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(monkeypatch)
    machine.sets |= {1010.0: 0.3, 1040.0: -0.2}
    await SystemClock().sleep(MINUTE_S)
    assert machine.up_s == 1000.0 + MINUTE_S


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
async def test_a_sleep_that_is_over_before_it_begins_is_one(seconds: float) -> None:
    for _ in range(1_000):
        await SystemClock().sleep(seconds)
