"""What can go wrong with an action that runs elsewhere."""

from __future__ import annotations

from confect_core.errors import ConfectError


class ActionGivenUp(ConfectError):
    """A blocking handler that goes on although nobody waits for its answer any more."""

    def __init__(self) -> None:
        super().__init__(
            "this action was given up: it took too long, or the server stops",
            hint="let the handler end; in a long loop, ask ctx.check() now and then",
        )


class HandlerExited(ConfectError):
    """A handler in a thread or in a process that tried to end the program."""

    def __init__(self, path: str, how: str) -> None:
        super().__init__(
            f"{path} ended with {how}", hint="return, or raise an error; a handler is no program"
        )
