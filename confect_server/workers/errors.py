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


class RaisedInProcess(ConfectError):
    """A handler in a worker process raised something that its spec does not declare."""

    def __init__(self, path: str, raised: str, stack: str) -> None:
        super().__init__(
            f"{path} raised {raised}\n{stack.rstrip()}",
            hint="the stack is that of the worker process",
        )


class WorkerDied(ConfectError):
    """A worker process that ended before its handler did."""

    def __init__(self, path: str, code: int) -> None:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        super().__init__(
            f"the process that ran {path} died with {how}",
            hint="it may have taken too much memory, or crashed in an extension; others go on",
        )
