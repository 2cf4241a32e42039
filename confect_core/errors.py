"""Errors: what users declare, and what Confect itself refuses.

Two families, never mixed::

    Exception
    ├── TaggedError            declared by users in specs; a record; crosses the wire
    └── ConfectError           ours; one class per mistake
        ├── SpecError          a spec, a table or a schema that cannot be   (confect_core)
        ├── ValueRefused       a value that the wire cannot carry           (confect_core.values)
        ├── ProtocolError      a message that is none                       (confect_core.protocol)
        ├── ClientError        a call that got no answer                    (confect_client)
        ├── DatabaseError      a read or a write that cannot be             (confect_server)
        ├── CallError          a call that the server refuses               (confect_server)
        └── ProjectError       a project that cannot be generated or served (confect_codegen)

Several mistakes found together are raised as one `Mistakes`, an exception group.
Anything else that escapes is a defect: logged with its traceback, opaque to clients.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from types import FrameType
from typing import Any, ClassVar, cast

from pydantic import Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import dataclass_transform


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the user's code."""

    file: str
    line: int
    columns: tuple[int, int] | None = field(default=None, compare=False)
    """Which part of the line, from and to; the whole line if it is not known."""

    @classmethod
    def of_caller(cls, depth: int = 1) -> Where:
        """The line that called the function `depth` frames above the one that asks."""
        frame = sys._getframe(depth + 1)
        return cls(frame.f_code.co_filename, frame.f_lineno)

    @classmethod
    def outside(cls, module: str) -> Where:
        """The nearest line that called into a module from elsewhere."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__") == module:
            frame = frame.f_back
        return cls(frame.f_code.co_filename, frame.f_lineno) if frame else cls.of_caller()

    @classmethod
    def of_class(cls, module: str) -> Where:
        """The line of the class statement that runs in a module, whatever metaclasses it has."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__") != module:
            frame = frame.f_back
        return cls(frame.f_code.co_filename, frame.f_lineno) if frame else cls.of_caller()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class ConfectError(Exception):
    """A mistake that Confect recognises: what happened, where, and what to do about it."""

    tag: ClassVar[str] = "ConfectError"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.tag = cls.__name__

    def __init__(self, message: str, *, hint: str, where: Where | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message} ({self.hint})"


class SpecError(ConfectError):
    """A spec, a table or a schema that cannot be what it says."""


class ValueRefused(ConfectError):
    """A value that the wire cannot carry."""


class ProtocolError(ConfectError):
    """A message that is not one of the protocol's."""


class ClientError(ConfectError):
    """A call that got no answer, or an answer that is none."""


class DatabaseError(ConfectError):
    """A read or a write that cannot be done."""


class CallError(ConfectError):
    """A call that the server refuses to run."""


class ProjectError(ConfectError):
    """A project that cannot be generated or served as it stands."""


class Mistakes(ExceptionGroup[ConfectError]):
    """Several mistakes found in one look, each of them its own error."""

    def derive(self, excs: Sequence[ConfectError]) -> Mistakes:  # type: ignore[override]
        # typeshed lets a group be split into groups of any exceptions; ours hold ConfectErrors
        return Mistakes(self.message, excs)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {error}" for error in self.exceptions)])


def refuse(what: str, mistakes: Sequence[ConfectError]) -> None:
    """Raise nothing, the one mistake, or all of them together as `Mistakes`."""
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise Mistakes(f"{what} has {len(mistakes)} mistakes", mistakes)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class TaggedError(Exception):
    """Base of every declared error: subclasses list their fields, and callers get the same class.

    Frozen for the type checker only: a frozen exception could not receive its traceback.

        class NoteNotFound(TaggedError):
            note_id: Id[Note]
    """

    tag: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.tag = cls.__name__
        pydantic_dataclass(kw_only=True, frozen=False, config={"extra": "forbid"})(cls)
        # errors are equal by their fields, which may be lists; what raises and logs hashes them
        type.__setattr__(cls, "__hash__", TaggedError.__hash__)

    def __hash__(self) -> int:
        return hash(self.tag)

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in _fields_of(self).items())
        return f"{self.tag}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        # an exception is otherwise copied from its positional arguments, and these have none
        return _restored, (type(self), _fields_of(self))


def _fields_of(error: TaggedError) -> dict[str, object]:
    names = [each.name for each in fields(cast("Any", error))]
    return {name: getattr(error, name) for name in names}


def _restored(error: type[TaggedError], fields: dict[str, object]) -> TaggedError:
    return error(**fields)
