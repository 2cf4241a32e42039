"""What can go wrong in a test of an application, beside what the application does."""

from __future__ import annotations

from collections.abc import Sequence

from confect_core.errors import ConfectError


class NotRunning(ConfectError):
    """A call of an application that was not started, or has ended."""

    def __init__(self) -> None:
        super().__init__(
            "the application is not running",
            hint="call it inside `async with TestApp(app) as t:`",
        )


class ProcessDied(ConfectError):
    """The process died, as the test wished, while this was going on."""

    def __init__(self) -> None:
        super().__init__(
            "the process died before this was answered",
            hint="the application runs again, on what was durable: look there what has happened",
        )


class CallFailed(ConfectError):
    """What a client is told of a call that failed; the failure itself is the cause of this."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(
            f"{path} failed: {message}",
            hint="a client knows no more than this; the cause of this error does",
        )


class NeverIdle(ConfectError):
    """Time cannot move on, because something runs without ever waiting for anything."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(
            f"the application never comes to rest: {', '.join(tasks)} goes on and on",
            hint="let what runs in a loop wait for something, or end it before time moves on",
        )
