"""The builder form of implementations: put together in code, and compared with the spec once.

    notes = GroupImpl.make(Notes).provide(FunctionImpl.make(Notes.get, get), ...)
    app = Impl.make(spec, live, data_model).provide(notes, users).finalize()

What each part is given is compared with the whole tree at the end, so that everything missing,
extra and given twice is told at once. What comes out is what generated code makes.
"""
# pyright: reportInvalidTypeVarUse=false
# an argument that is left out leaves its variable unsolved, and so at its default, `Never`

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Never, TypeAlias, overload

from typing_extensions import TypeVar

from confect_core import GroupSpec, Spec
from confect_core.errors import ConfectError, Where
from confect_core.spec import Group
from confect_core.spec.group import group_of
from confect_server.errors import (
    DuplicateImplementation,
    ExtraImplementation,
    MissingImplementation,
)
from confect_server.function_impl import FunctionImpl
from confect_server.plain import PlainFunction

N = TypeVar("N")
# what each of several arguments asks for: mypy would join two services in one variable to `Service`
M1 = TypeVar("M1", default=Never)
M2 = TypeVar("M2", default=Never)
M3 = TypeVar("M3", default=Never)
M4 = TypeVar("M4", default=Never)
M5 = TypeVar("M5", default=Never)
M6 = TypeVar("M6", default=Never)
M7 = TypeVar("M7", default=Never)
M8 = TypeVar("M8", default=Never)
M9 = TypeVar("M9", default=Never)
M10 = TypeVar("M10", default=Never)
M11 = TypeVar("M11", default=Never)
M12 = TypeVar("M12", default=Never)
M13 = TypeVar("M13", default=Never)
N_co = TypeVar("N_co", covariant=True, default=Never)

_Part: TypeAlias = "FunctionImpl[Any, Any, N] | GroupParts[N]"


@dataclass(frozen=True, eq=False)
class GroupParts(Generic[N_co]):
    """Implementations of a group and of groups below it, which need not be all of them yet."""

    spec: Group | type[GroupSpec]
    where: Where
    parts: tuple[_Part[N_co], ...] = ()

    # the first line is for pyright, which knows nothing of several variables that are all `Never`
    @overload
    def provide(self, *parts: _Part[Never]) -> GroupParts[N_co]: ...
    @overload
    def provide(
        self: GroupParts[N],
        p1: _Part[M1] = ...,
        p2: _Part[M2] = ...,
        p3: _Part[M3] = ...,
        p4: _Part[M4] = ...,
        p5: _Part[M5] = ...,
        p6: _Part[M6] = ...,
        p7: _Part[M7] = ...,
        p8: _Part[M8] = ...,
        p9: _Part[M9] = ...,
        p10: _Part[M10] = ...,
        p11: _Part[M11] = ...,
        p12: _Part[M12] = ...,
        /,
        *more: _Part[M13],
    ) -> GroupParts[N | M1 | M2 | M3 | M4 | M5 | M6 | M7 | M8 | M9 | M10 | M11 | M12 | M13]: ...
    def provide(self, *parts: Any) -> GroupParts[Any]:
        """These implementations and more, of functions and of groups below.

        Of more than twelve at once, those after the twelfth ask for the same services, or for none;
        `.provide(...).provide(...)` takes as many as there are.
        """
        more: GroupParts[Any] = replace(self, parts=(*self.parts, *parts))
        return more

    def _needs(self) -> N_co:
        # never called: it is how type checkers learn which services the parts ask for
        raise NotImplementedError


class Assembly:
    """What was provided for each group of a spec, by its path, and all that does not fit it."""

    def __init__(self, spec: Spec) -> None:
        self.given: dict[str, dict[str, FunctionImpl[Any, Any, Any]]] = {}
        """The implementations of each group's functions, by their names."""
        self.mistakes: list[ConfectError] = []
        self._spec = spec
        self._places: dict[str, Where] = {}

    def take(self, parts: GroupParts[Any]) -> None:
        """Note what was provided for a group at the root, and for those below it."""
        self._take(parts, self._spec.groups, "", "the application")

    def take_whole(self, path: str, where: Where, *, needs_spec: bool) -> None:
        """Note a group that is known to be whole."""
        if needs_spec and path not in dict(self._spec.walk()):
            self.mistakes.append(ExtraImplementation(f"group {path!r}", "the application", where))
        self._arrive(path, where)

    def finish(self) -> None:
        """Note what was provided for no function of the spec."""
        for path, group in self._spec.walk():
            if path in self._places and path not in self.given:
                continue  # it came whole
            given = self.given.get(path, {})
            self.mistakes += [
                MissingImplementation(f"{path}:{name}", function.where)
                for name, function in group.functions.items()
                if name not in given
            ]

    def _take(
        self, parts: GroupParts[Any], known: Mapping[str, Group], prefix: str, inside: str
    ) -> None:
        own = group_of(parts.spec, inside)
        group = self._meant(own, known, prefix)
        if group is None:
            self.mistakes.append(ExtraImplementation(f"group {own.name!r}", inside, parts.where))
            return
        path = f"{prefix}{group.name}"
        self._arrive(path, parts.where)
        self.given.setdefault(path, {})
        for part in parts.parts:
            if isinstance(part, GroupParts):
                self._take(part, group.groups, f"{path}/", f"group {path!r}")
            else:
                self._take_function(part, group, path)

    def _meant(self, own: Group, known: Mapping[str, Group], prefix: str) -> Group | None:
        """The group as the tree has it: under another name, if an attribute there gives it one."""
        same = [each for each in known.values() if each.functions is own.functions]

        def is_second_choice(group: Group) -> tuple[bool, bool]:
            return f"{prefix}{group.name}" in self._places, group.name != own.name

        return min(same, key=is_second_choice, default=None)

    def _take_function(
        self, function: FunctionImpl[Any, Any, Any], group: Group, path: str
    ) -> None:
        given = self.given[path]
        names = [name for name, spec in group.functions.items() if spec is function.spec]
        for name in names:
            if name in given:
                first = given[name].where
                mistake = DuplicateImplementation(f"{path}:{name}", first, function.where)
                self.mistakes.append(mistake)
            given[name] = function
            noted = PlainFunction.noted_on(function.handler)
            mismatch = noted and noted.mismatch(f"{path}:{name}", function.spec)
            if mismatch:
                self.mistakes.append(mismatch)
        if not names:
            what = f"{function.name} for {function.spec!r}"
            self.mistakes.append(ExtraImplementation(what, f"group {path!r}", function.where))

    def _arrive(self, path: str, where: Where) -> None:
        if path in self._places:
            first = self._places[path]
            self.mistakes.append(DuplicateImplementation(f"group {path!r}", first, where))
        self._places[path] = where
