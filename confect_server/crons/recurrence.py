"""`Recurrence`: when a job that recurs is due.

A recurrence is a value: two of the same kind with the same parts are equal, so a job whose
recurrence did not change is not started over when the application is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from confect_core.errors import Where
from confect_server.crons.errors import BadCronExpression, BadInterval, UnknownTimeZone

_LEAST = timedelta(seconds=1)
_FIELDS = 5

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True)
class Every:
    """Again and again with the same time in between; the first time at once."""

    interval: timedelta

    def __post_init__(self) -> None:
        if self.interval < _LEAST:
            raise BadInterval(self.interval.total_seconds(), Where.outside(__name__))

    def first(self, now: datetime) -> datetime:
        """When a job that is registered now runs first."""
        return now

    def next_after(self, due: datetime, now: datetime) -> datetime:
        """The first run after now, in the rhythm of one that was due; what was missed is left."""
        missed = max((now - due) // self.interval, 0)
        return due + (missed + 1) * self.interval


@dataclass(frozen=True)
class Calendar:
    """Whenever a cron expression of five fields matches, on the clocks of a time zone.

    Where clocks are put forward, a job that falls into the gap runs when it ends; where they are
    put back, a job of fixed hours runs once.
    """

    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        where = Where.outside(__name__)
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UnknownTimeZone(self.timezone, where) from None
        if len(self.expression.split()) != _FIELDS:
            raise BadCronExpression(self.expression, "it has not five fields", where)
        try:
            next(CronSim(self.expression, datetime(2000, 1, 1, tzinfo=zone)))
        except CronSimError as error:
            raise BadCronExpression(self.expression, str(error), where) from None
        except StopIteration:
            raise BadCronExpression(self.expression, "it never comes", where) from None

    def first(self, now: datetime) -> datetime:
        """When a job that is registered now runs first."""
        return self.next_after(now, now)

    def next_after(self, due: datetime, now: datetime) -> datetime:
        """The first run after now; what was missed since one was due is left."""
        local = max(due, now).astimezone(ZoneInfo(self.timezone))
        return next(CronSim(self.expression, local)).astimezone(UTC)


Recurrence: TypeAlias = Every | Calendar
"""When a job is due."""


def hourly(*, minute: int = 0) -> Calendar:
    """Once an hour."""
    return Calendar(f"{minute} * * * *")


def daily(*, hour: int, minute: int = 0, timezone: str = "UTC") -> Calendar:
    """Once a day."""
    return Calendar(f"{minute} {hour} * * *", timezone)


def weekly(*, day: Weekday, hour: int, minute: int = 0, timezone: str = "UTC") -> Calendar:
    """Once a week."""
    return Calendar(f"{minute} {hour} * * {day}", timezone)


def monthly(*, day: int, hour: int, minute: int = 0, timezone: str = "UTC") -> Calendar:
    """Once a month; months without such a day are left out."""
    return Calendar(f"{minute} {hour} {day} * *", timezone)
