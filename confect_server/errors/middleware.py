"""Mistakes in middleware and in write hooks."""

from __future__ import annotations

from collections.abc import Sequence

from confect_core.errors import ConfectError, DatabaseError, SpecError, Where


class NotProvided(ConfectError):
    """A handler takes a value that no middleware before it provides."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"no middleware before this function provides {what}",
            hint="put the function or its group behind the middleware that provides it, and run "
            "the type checker",
        )


class ValueNotProvided(SpecError):
    """A handler that asks for a value which no middleware before its function provides."""

    def __init__(self, function: str, what: str, where: Where | None = None) -> None:
        super().__init__(
            f"the handler of {function} asks for {what}, which no middleware before it provides",
            hint="put the function or its group behind the middleware that provides it",
            where=where,
        )


class MissingMiddleware(SpecError):
    """Functions behind a middleware that the application does not implement for their kind."""

    def __init__(
        self, middleware: str, kind: str, functions: Sequence[str], where: Where | None = None
    ) -> None:
        several = f"{functions[0]} and {len(functions) - 1} more" if functions[1:] else functions[0]
        super().__init__(
            f"nothing implements {middleware} for the {kind} {several}",
            hint=f"implement it with @middleware({middleware}), and pass that to Impl.behind",
            where=where,
        )


class ExtraMiddleware(SpecError):
    """An implemented middleware that no function is behind."""

    def __init__(self, middleware: str, where: Where | None = None) -> None:
        super().__init__(
            f"{middleware} is implemented, and no function of its kinds is behind it",
            hint=f"put a group behind it, `behind=[{middleware}]`, or leave out the implementation",
            where=where,
        )


class DuplicateMiddleware(SpecError):
    """A middleware that is implemented twice for one kind of functions."""

    def __init__(self, middleware: str, kind: str, where: Where | None = None) -> None:
        super().__init__(
            f"{middleware} is implemented twice for the kind {kind!r}",
            hint="give the application one implementation for each kind",
            where=where,
        )


class ProceededTwice(ConfectError):
    """A middleware that runs the function behind it a second time."""

    def __init__(self, middleware: str, where: Where) -> None:
        super().__init__(
            f"{middleware} proceeds a second time",
            hint="await proceed() once: a call has one answer",
            where=where,
        )


class NotItsAnswer(ConfectError):
    """A middleware that answers something other than what its function has answered."""

    def __init__(self, middleware: str, where: Where) -> None:
        super().__init__(
            f"{middleware} answers what is neither the answer of proceed() nor a Failure",
            hint="return what `await proceed()` gave, or a Failure of a declared error",
            where=where,
        )


class NotWhatItProvides(ConfectError):
    """A middleware that gives something other than it says it provides."""

    def __init__(self, middleware: str, provides: str, given: object, where: Where) -> None:
        super().__init__(
            f"{middleware} provides {provides}, and gives {given!r}",
            hint=f"answer, or proceed with, an instance of {provides}",
            where=where,
        )


class NotWatchable(SpecError):
    """A write hook of something that is no table of the application."""

    def __init__(self, hook: str, given: object, where: Where) -> None:
        shown: object = getattr(given, "__name__", given)
        super().__init__(
            f"{hook} watches {shown}, which is no table of the application",
            hint="watch the class of a table in the tables module, @on_write(Note); by its name "
            "only one that no class declares, if undeclared_tables are allowed",
            where=where,
        )


class PartlyWatched(SpecError):
    """A write hook of some variants of a table, which would be given the others, too."""

    def __init__(self, hook: str, table: str, missing: Sequence[str], where: Where) -> None:
        super().__init__(
            f"{hook} watches some variants of {table!r}, but not {', '.join(missing)}",
            hint="name the class of the table, or all of its variants joined with |",
            where=where,
        )


class HooksTooDeep(DatabaseError):
    """Write hooks whose own writes run hooks, and so on, too deep."""

    def __init__(self, table: str, hooks: Sequence[str], limit: int) -> None:
        super().__init__(
            f"a write to {table!r} runs hooks inside more than {limit} others: {' > '.join(hooks)}",
            hint="let the hook write only what changes something, for other writes run no hooks; "
            "calls of functions count as well, see `nesting` in [tool.confect.limits]",
        )
