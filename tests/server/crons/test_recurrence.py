"""When recurring jobs are due: rhythms, calendars, time zones, and clocks that are moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_core.errors import SpecError
from confect_server.crons import Calendar, Every, Recurrence, daily, hourly, monthly, weekly
from confect_server.crons.errors import BadCronExpression, BadInterval, UnknownTimeZone

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2080, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def runs(recurrence: Recurrence, start: str, count: int) -> list[datetime]:
    """The next runs after a moment, each found from the one before it."""
    found = [at(start)]
    for _ in range(count):
        found.append(recurrence.next_after(found[-1], found[-1]))
    return found[1:]


def test_an_interval_begins_at_once_and_keeps_its_rhythm() -> None:
    every = Every(timedelta(minutes=5))
    start = at("2026-01-01T00:00:30+00:00")
    assert every.first(start) == start
    late = start + timedelta(minutes=1)
    assert every.next_after(start, late) == start + timedelta(minutes=5)


@given(MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=40)), st.integers(0, 10**8))
def test_missed_runs_of_an_interval_are_left_out(
    due: datetime, interval: timedelta, late_s: int
) -> None:
    now = due + timedelta(seconds=late_s)
    following = Every(interval).next_after(due, now)
    assert now < following <= now + interval
    assert (following - due) % interval == timedelta(0)


@given(MOMENTS, MOMENTS)
def test_a_calendar_goes_on_after_now_whatever_was_missed(due: datetime, now: datetime) -> None:
    following = daily(hour=3, timezone="America/New_York").next_after(due, now)
    assert max(due, now) < following <= max(due, now) + timedelta(hours=49)


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (hourly(minute=15), "2026-01-01T00:15:00+00:00"),
        (daily(hour=9, minute=30), "2026-01-01T09:30:00+00:00"),
        (daily(hour=9, timezone="Asia/Tokyo"), "2026-01-02T00:00:00+00:00"),
        (weekly(day="mon", hour=8), "2026-01-05T08:00:00+00:00"),
        (weekly(day="sun", hour=8), "2026-01-04T08:00:00+00:00"),
        (monthly(day=31, hour=0), "2026-01-31T00:00:00+00:00"),
        (Calendar("*/20 9-17 * * mon-fri"), "2026-01-01T09:00:00+00:00"),
        (Calendar("0 12 L * *"), "2026-01-31T12:00:00+00:00"),
    ],
)
def test_the_first_run(recurrence: Calendar, expected: str) -> None:
    assert recurrence.first(at("2026-01-01T00:00:00+00:00")) == at(expected)


def test_months_without_such_a_day_are_left_out() -> None:
    found = runs(monthly(day=31, hour=0), "2026-01-31T00:00:00+00:00", 3)
    assert [each.month for each in found] == [3, 5, 7]


def test_a_job_in_the_gap_of_clocks_put_forward_runs_once_when_it_ends() -> None:
    found = runs(daily(hour=2, minute=30, timezone="Europe/Berlin"), "2026-03-28T12:00+01:00", 2)
    assert found == [at("2026-03-29T03:00+02:00"), at("2026-03-30T02:30+02:00")]


def test_a_job_of_the_hour_that_clocks_repeat_runs_once() -> None:
    found = runs(daily(hour=2, minute=30, timezone="Europe/Berlin"), "2026-10-24T12:00+02:00", 2)
    assert found == [at("2026-10-25T02:30+02:00"), at("2026-10-26T02:30+01:00")]


def test_a_job_of_every_hour_runs_in_each_hour_when_clocks_are_put_back() -> None:
    found = runs(Calendar("0 * * * *", "Europe/Berlin"), "2026-10-25T01:00+02:00", 3)
    assert [after - before for before, after in pairwise(found)] == [timedelta(hours=1)] * 2


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Every(timedelta(0)), BadInterval),
        (lambda: Every(timedelta(milliseconds=999)), BadInterval),
        (lambda: Calendar("* * * *"), BadCronExpression),
        (lambda: Calendar("0 * * * * *"), BadCronExpression),
        (lambda: Calendar("60 * * * *"), BadCronExpression),
        (lambda: Calendar("0 0 30 2 *"), BadCronExpression),
        (lambda: daily(hour=24), BadCronExpression),
        (lambda: daily(hour=1, timezone="Europe/Atlantis"), UnknownTimeZone),
        (lambda: daily(hour=1, timezone="../etc"), UnknownTimeZone),
    ],
)
def test_what_cannot_recur_is_refused(make: Callable[[], object], error: type[SpecError]) -> None:
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("make", [lambda: Calendar("never"), lambda: daily(hour=99)])
def test_a_refusal_names_the_line_of_the_user(make: Callable[[], object]) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert refused.value.where is not None
    assert refused.value.where.file == __file__


def test_equal_recurrences_are_equal() -> None:
    assert daily(hour=3) == Calendar("0 3 * * *")
    assert Every(timedelta(hours=1)) != Every(timedelta(hours=2))
