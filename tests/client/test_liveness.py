"""Whether this machine or this program has slept, by two clocks of which each may lie."""

from __future__ import annotations

from confect_client.liveness import SLEPT_S, Liveness

TICK_S = 5.0


class Clocks:
    """A wall clock and a monotonic one that a test moves."""

    def __init__(self) -> None:
        self.wall_s = 1_800_000_000.0
        self.monotonic_s = 1_000.0
        self.liveness = Liveness(lambda: self.wall_s, lambda: self.monotonic_s)

    def pass_(self, wall_s: float, monotonic_s: float) -> bool:
        self.wall_s += wall_s
        self.monotonic_s += monotonic_s
        return self.liveness.has_slept(TICK_S)


def test_time_that_passes_as_it_should_is_no_sleep() -> None:
    clocks = Clocks()
    assert not any(clocks.pass_(TICK_S + late, TICK_S + late) for late in (0, 0.1, SLEPT_S, 0))


def test_a_machine_that_was_suspended_has_slept_once() -> None:
    clocks = Clocks()
    assert clocks.pass_(3_600, TICK_S)
    assert not clocks.pass_(TICK_S, TICK_S)


def test_a_program_that_was_stopped_has_slept() -> None:
    assert Clocks().pass_(60, 60)


def test_a_clock_that_is_set_back_is_no_sleep() -> None:
    clocks = Clocks()
    assert not clocks.pass_(-3_600, TICK_S)
    assert not clocks.pass_(TICK_S, TICK_S)
