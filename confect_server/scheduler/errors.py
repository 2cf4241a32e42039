"""What cannot be scheduled; each is a class of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from confect_core.errors import CallError


class NegativeDelay(CallError):
    """A function that is to be run before now."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(
            f"a function cannot be run {-delay.total_seconds():g} seconds ago",
            hint="give run_after a timedelta of zero or more",
        )


class NaiveTime(CallError):
    """A time of which nobody knows where in the world it is meant."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            f"{at.isoformat()} is a time without a zone",
            hint="give run_at an aware datetime, such as ctx.now() + timedelta(hours=1)",
        )


class TooFarAway(CallError):
    """A time that lies years from now."""

    def __init__(self, at: datetime, most: timedelta) -> None:
        super().__init__(
            f"{at.isoformat()} is more than {most.days // 365} years from now",
            hint="schedule a function that schedules the next one when the time is closer",
        )


class NotSchedulable(CallError):
    """A query, or a page of one, where a mutation or an action is run later."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(
            f"{path} is a {kind}, and nobody would get its answer",
            hint="schedule a mutation or an action",
        )
