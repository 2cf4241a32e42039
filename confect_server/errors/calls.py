"""Calls that are refused, and runs that end otherwise than with an answer."""

from __future__ import annotations

from confect_core.errors import CallError, ConfectError, Where


class HeldUpTooLong(ConfectError):
    """A handler that kept everybody else waiting for too long, and was ended where it was."""

    def __init__(self, path: str, held_s: float, where: Where | None) -> None:
        super().__init__(
            f"{path} has held up the server for {held_s:.1f} s and was ended",
            hint="await what it waits for, or make it an action with blocking=True or "
            "process=True; held_s in [tool.confect.limits] says how long is too long",
            where=where,
        )


class FunctionNotFound(CallError):
    """A call of a function that does not exist, or that the caller may not know of."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"Could not find public function for '{path}'.",
            hint="check the path; internal functions are called from other functions only",
        )


class WrongKind(CallError):
    """A call of a function as something that it is not."""

    def __init__(self, path: str, called_as: str, is_a: str) -> None:
        super().__init__(
            f"Trying to execute {path} as {called_as}, but it is defined as {is_a}.",
            hint=f"call it as {is_a.lower()}",
        )


class RefOfOtherKind(ConfectError):
    """A function that another one calls as what it is not."""

    def __init__(self, path: str, called_as: str, is_a: str) -> None:
        method = {"paginated query": "run_page"}.get(is_a, f"run_{is_a}")
        super().__init__(
            f"{path} is called as a {called_as}, but its ref says that it is a {is_a}",
            hint=f"call it with ctx.{method}(...), and run the type checker",
        )


class MutationInQuery(ConfectError):
    """A query that calls a mutation."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"a query cannot call the mutation {path}: it reads one snapshot and is run again "
            "whenever that changes",
            hint="make the caller a mutation, or let the client call the mutation",
        )


class ActionInTransaction(ConfectError):
    """A query or a mutation that calls an action."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"a query or a mutation cannot call the action {path}: a transaction may run several "
            "times, and what an action does in the world is done each time",
            hint="schedule it from the mutation, ctx.scheduler.run_after(...), or make the caller "
            "an action, which calls queries and mutations",
        )


class FunctionGone(ConfectError):
    """A handle of a function that the application no longer has, or has as something else."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(
            f"a handle names the {kind} {path}, which the application does not have any more",
            hint="keep a function under its path for as long as handles of it are stored, and let "
            "the old one call the new one",
        )


class ActionTimedOut(ConfectError):
    """An action took longer than it may, and was cancelled where it waited."""

    def __init__(self, path: str, limit_s: float) -> None:
        super().__init__(
            f"{path} took longer than {limit_s:g} s and was cancelled",
            hint="give its spec another timeout_s, or raise timeout_s in [tool.confect.actions]",
        )


class ActionStopped(ConfectError):
    """An action that was still running when the server had waited for long enough to stop."""

    def __init__(self, path: str, grace_s: float) -> None:
        super().__init__(
            f"{path} was cancelled {grace_s:g} s after the server began to stop",
            hint="call it again if it may run twice, or raise grace_s in [tool.confect.actions]",
        )


class UndeclaredError(ConfectError):
    """A handler failed with a `TaggedError` that its spec does not declare."""

    def __init__(self, path: str, error: str) -> None:
        super().__init__(
            f"{path} failed with {error}, which its spec does not declare",
            hint="add the error to `error=` of the function's spec",
        )


class NotDeterministic(ConfectError):
    """A query that answers one thing and then another, though it was given the same."""

    def __init__(self, path: str, first: str, second: str, reason: str) -> None:
        super().__init__(
            f"{path} ran twice on the same data: {first} the first time, and {second} the second",
            hint=f"{reason}; an answer is shared until what it read is written",
        )
