"""Recurrences that cannot be; each is a class of its own."""

from __future__ import annotations

from confect_core.errors import SpecError, Where


class BadInterval(SpecError):
    """A job that would recur all the time."""

    def __init__(self, seconds: float, where: Where | None = None) -> None:
        super().__init__(
            f"a job cannot recur every {seconds:g} seconds",
            hint="let at least one second pass between runs",
            where=where,
        )


class BadCronExpression(SpecError):
    """Text that is no cron expression, or one that never comes."""

    def __init__(self, expression: str, problem: str, where: Where | None = None) -> None:
        super().__init__(
            f"{expression!r} is no cron expression: {problem}",
            hint="give five fields: minute, hour, day of month, month, day of week",
            where=where,
        )


class UnknownTimeZone(SpecError):
    """A time zone that nobody knows."""

    def __init__(self, timezone: str, where: Where | None = None) -> None:
        super().__init__(
            f"there is no time zone {timezone!r}",
            hint="name one as in Europe/Berlin; on systems without zones, install tzdata",
            where=where,
        )
