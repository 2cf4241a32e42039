"""What cannot be about environment variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from confect_core.errors import CallError, ConfectError, SpecError


class BadVariables(ConfectError):
    """Variables that an application declares and that are missing or have the wrong values."""

    code: ClassVar[str] = "BadEnvironment"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            f"the environment does not fit what the application declares: {'; '.join(problems)}",
            hint="`confect env set NAME=VALUE` stores one; else it is taken from the environment "
            "of the server's process",
        )
        self.problems = tuple(problems)


class UndeclaredEnvironment(ConfectError):
    """Settings that a handler reads and that the application does not declare."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the application does not declare the environment {name}",
            hint=f"write Impl(...).environment({name})",
        )


class ImpossibleVariable(SpecError):
    """A field of settings whose variable nobody could set."""

    def __init__(self, environment: str, name: str) -> None:
        super().__init__(
            f"{environment} reads a variable that cannot be: {name[:40]!r}",
            hint="use letters, digits and underscores for the field or its alias",
        )


class VariableRefused(CallError):
    """A change of variables that is not made."""

    code: ClassVar[str] = "EnvVarRefused"


class BadVariableName(VariableRefused):
    """A name that no variable can have."""

    code = "EnvVarNameInvalid"

    def __init__(self, name: str, longest: int) -> None:
        super().__init__(
            f"{name[:40]!r} is no name of a variable",
            hint=f"use letters, digits and underscores, not a digit first, at most {longest}",
        )


class VariableTooLong(VariableRefused):
    """A value that is too long."""

    code = "EnvVarValueTooLong"

    def __init__(self, name: str, size: int, most: int) -> None:
        super().__init__(
            f"the value of {name} has {size:,} bytes; at most {most:,} are allowed",
            hint="store a document instead, or where the rest is to be found",
        )


class TooManyVariables(VariableRefused):
    """More variables than there may be."""

    code = "EnvVarLimitReached"

    def __init__(self, count: int, most: int) -> None:
        super().__init__(
            f"there would be {count:,} variables; at most {most:,} are allowed",
            hint="remove some, or keep in a table what is not a setting",
        )


class VariablesTooLong(VariableRefused):
    """Variables that are too long all together."""

    code = "EnvVarLimitReached"

    def __init__(self, size: int, most: int) -> None:
        super().__init__(
            f"all variables would have {size:,} bytes; at most {most:,} are allowed",
            hint="remove some, or keep in a table what is not a setting",
        )
