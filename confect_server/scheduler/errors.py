"""What cannot be scheduled; each is a class of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from confect_core.errors import CallError, SpecError, Where


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

    def __init__(self, distance: timedelta, most: timedelta) -> None:
        super().__init__(
            f"a function cannot be run {distance.days:,} days from now; {most.days:,} are the most",
            hint="schedule a function that schedules the next one when the time is closer",
        )


class NotSchedulable(CallError):
    """A query, or a page of one, where a mutation or an action is run later."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(
            f"{path} is a {kind}, and nobody would get its answer",
            hint="schedule a mutation or an action",
        )


class BadCronName(SpecError):
    """A name for a cron that not everything can show."""

    def __init__(self, name: str, where: Where | None = None) -> None:
        super().__init__(
            f"{name!r} is no name for a cron",
            hint="use printable ASCII characters, such as 'daily digest'",
            where=where,
        )


class DuplicateCron(SpecError):
    """Two crons of one name."""

    def __init__(self, name: str, where: Where | None = None) -> None:
        super().__init__(
            f"the application declares more than one cron {name!r}",
            hint="give each of them a name of its own",
            where=where,
        )


class CronOfNothing(SpecError):
    """A cron of a function that the application does not implement."""

    def __init__(self, name: str, path: str, where: Where | None = None) -> None:
        super().__init__(
            f"cron {name!r} runs {path}, which the application does not provide",
            hint="provide the group of the function to the Impl, or remove the cron",
            where=where,
        )


class BadCronArguments(SpecError):
    """A cron whose function cannot be called like that."""

    def __init__(self, name: str, problem: str, where: Where | None = None) -> None:
        super().__init__(
            f"cron {name!r} cannot be run: {problem}",
            hint="name a mutation or an action and pass what it takes; run the type checker",
            where=where,
        )


class CronNameTaken(CallError):
    """A cron that is registered under the name of another one."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is a cron {name!r} already",
            hint="delete it first, or choose another name",
        )


class NoSuchCron(CallError):
    """A cron that is deleted and does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no cron {name!r}", hint="look at ctx.crons.list() for those there are"
        )


class CronIsDeclared(CallError):
    """A cron of the application that a mutation wants to delete."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"cron {name!r} is declared by the application, and would be back with the next start",
            hint="remove it from Impl.recur(...)",
        )
