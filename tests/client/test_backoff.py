"""How long a client waits before it connects again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_client.backoff import FIRST_S, LONGEST_OFFLINE_S, LONGEST_S, Backoff


def middling() -> float:
    """Neither more nor less by chance."""
    return 0.5


def test_each_failure_doubles_the_wait_up_to_a_longest() -> None:
    backoff = Backoff(middling)
    waits = [backoff.next_s("closed") for _ in range(2_000)]
    assert waits[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert waits[-1] == LONGEST_S


@pytest.mark.parametrize(
    ("reason", "first_s"),
    [
        ("InternalServerError", 1.0),
        ("TooManyConcurrentMutations", 3.0),
        ("ExpiredInQueue: it took too long", 3.0),
        ("restart", FIRST_S),
        ("", FIRST_S),
    ],
)
def test_a_server_that_is_in_trouble_is_left_alone_for_longer(reason: str, first_s: float) -> None:
    backoff = Backoff(middling)
    assert backoff.next_s(reason) == first_s
    assert backoff.next_s(reason) == 2 * first_s


def test_a_machine_without_a_network_tries_often_enough_to_notice_that_it_is_back() -> None:
    backoff = Backoff(middling)
    waits = [backoff.next_s("no network", is_offline=True) for _ in range(20)]
    assert waits[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert waits[-1] == LONGEST_OFFLINE_S
    assert backoff.next_s("nobody there") == LONGEST_S


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 40))
def test_chance_makes_a_wait_a_half_longer_or_shorter(chance: float, failures: int) -> None:
    backoff, plain = Backoff(lambda: chance), Backoff(middling)
    for _ in range(failures):
        backoff.next_s("closed")
        plain.next_s("closed")
    wait_s, plain_s = backoff.next_s("closed"), plain.next_s("closed")
    assert 0.5 * plain_s <= wait_s <= 1.5 * plain_s


def test_a_connection_that_was_well_for_a_while_is_no_failure() -> None:
    backoff = Backoff(middling)
    backoff.next_s("closed")
    backoff.lasted(backoff.next_s("closed"))
    assert backoff.next_s("closed") == FIRST_S


def test_a_connection_that_ends_sooner_than_was_waited_for_it_is_a_failure() -> None:
    backoff = Backoff(middling)
    waits: list[float] = []
    for _ in range(20):
        waits.append(backoff.next_s("closed"))
        backoff.lasted(0.05)
    assert waits[-1] == LONGEST_S
