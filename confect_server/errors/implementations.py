"""Implementations that do not fit what is declared, or what is installed."""

from __future__ import annotations

from collections.abc import Sequence

from confect_core.errors import ConfectError, SpecError, Where


class WrongImplementations(ConfectError):
    """Implementations that do not fit the spec of their group."""

    def __init__(
        self, group: str, missing: Sequence[str], extra: Sequence[str], wrong: Sequence[str]
    ) -> None:
        told = [
            f"{what} {', '.join(names)}"
            for what, names in (("misses", missing), ("adds", extra), ("swaps", wrong))
            if names
        ]
        super().__init__(
            f"the implementation of {group!r} {'; '.join(told)}",
            hint="run `confect codegen` and pass one @impl for each function of the group",
        )


class NotAGroupImpl(ConfectError):
    """Something that is provided to an application and implements no group."""

    def __init__(self, given: object) -> None:
        shown: object = getattr(given, "__name__", given)
        super().__init__(
            f"{shown} is provided to the application, and is no implementation of a group",
            hint="provide what the group's constructor in _generated/impls.py gives, or "
            "GroupImpl.make(...) to Impl.make(...)",
        )


class BadHandler(SpecError):
    """A handler that cannot be called with what it is given."""

    def __init__(self, what: str, given: str, problem: str, where: Where | None = None) -> None:
        super().__init__(
            f"the handler of {what} cannot be called: {problem}",
            hint=f"let it take ({given}), and run the type checker",
            where=where,
        )


class OtherDatabase(SpecError):
    """A handler that is typed by tables which the application does not have."""

    def __init__(self, what: str, module: str, where: Where | None = None) -> None:
        super().__init__(
            f"the handler of {what} reads the tables of {module}, and the application has others",
            hint=f"give the application `data_model` of {module}: generated groups carry it, "
            "Impl.make takes it as its third argument",
            where=where,
        )


class DuplicateGroup(ConfectError):
    """A group that is provided twice."""

    def __init__(self, group: str) -> None:
        super().__init__(f"group {group!r} is provided twice", hint="provide it once")


class MissingImplementation(ConfectError):
    """A declared function that nothing implements."""

    def __init__(self, path: str, where: Where) -> None:
        super().__init__(
            f"{path} is declared and not implemented",
            hint="provide its group with FunctionImpl.make(<its spec>, <a handler>)",
            where=where,
        )


class ExtraImplementation(ConfectError):
    """An implementation of what is not declared where it is provided."""

    def __init__(self, what: str, inside: str, where: Where) -> None:
        super().__init__(
            f"{what} is provided to {inside}, which declares nothing of the kind",
            hint="provide it to the group that declares it, or declare it",
            where=where,
        )


class DuplicateImplementation(ConfectError):
    """A function or a group that is provided twice."""

    def __init__(self, path: str, first: Where, where: Where) -> None:
        super().__init__(
            f"{path} is implemented twice, first at {first}", hint="provide it once", where=where
        )


class BadPlainFunction(SpecError):
    """A plain function that no call could be made of."""

    def __init__(self, function: str, problem: str, where: Where) -> None:
        super().__init__(
            f"{function} cannot be a plain function: {problem}",
            hint="write `async def`, a ctx first, then parameters and a result with annotations "
            "that are imported at run time",
            where=where,
        )


class PlainMismatch(SpecError):
    """A plain function behind a spec of another kind or visibility."""

    def __init__(self, path: str, is_a: str, declared: str, where: Where) -> None:
        super().__init__(
            f"{path} is declared as {declared}, but its function is {is_a}",
            hint="let the decorator of the function and the constructor of its spec say the same",
            where=where,
        )


class NoOpenTelemetry(ConfectError):
    """The settings ask for spans, and what makes them is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "opentelemetry is set in [tool.confect.observing], and is not installed",
            hint="install confect-py[server,otel], or leave the setting out",
        )
