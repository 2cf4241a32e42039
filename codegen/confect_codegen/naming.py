"""Under which names a project's modules keep its specs, its groups and its types.

Specs do not know their names, so they are looked for by identity in every module that was loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, TypeAlias, get_origin

from typing_extensions import TypeIs

from confect_codegen.imports import Sources
from confect_core import GroupSpec
from confect_core.spec import AnyFunction, AnyMiddleware, DeclaredFunction, Group

_GroupKey: TypeAlias = tuple[int, tuple[AnyMiddleware, ...]]


@dataclass(frozen=True)
class Name:
    """A name in a module, dotted where it is inside a class: `Notes.list_`."""

    module: str
    attribute: str

    @property
    def is_private(self) -> bool:
        """Would type checkers refuse it in another module?"""
        return any(part.startswith("_") for part in self.attribute.split("."))

    def __str__(self) -> str:
        return f"{self.module}.{self.attribute}"


class Names:
    """Every name that some modules give to a spec, a group or an annotated type.

    A name that a module only imports is not its to give: type checkers would refuse it there.
    """

    def __init__(self, modules: Iterable[ModuleType], sources: Sources) -> None:
        self._sources = sources
        self._functions: dict[int, list[Name]] = {}
        self._groups: dict[_GroupKey, list[Name]] = {}
        self._annotations: list[tuple[object, Name]] = []
        self._files: dict[str, str | None] = {}
        for module in sorted(modules, key=lambda each: each.__name__):
            self._files[module.__name__] = getattr(module, "__file__", None)
            self._read(module)

    def of_function(self, spec: AnyFunction) -> Name | None:
        """The name of a spec, in the module that declares it if that has one."""
        return self._best(self._functions.get(id(spec), []), spec.where.file)

    def of_group(self, group: Group) -> Name | None:
        """The name of a group; a group that is nested elsewhere under another name is the same."""
        return self._best(self._groups.get(_key_of(group), []), group.where.file)

    def of_annotation(self, annotation: object) -> Name | None:
        """The public name of an annotated type."""
        found = (name for each, name in self._annotations if each == annotation)
        return next((name for name in found if not name.is_private), None)

    def _best(self, names: list[Name], file: str) -> Name | None:
        def order(name: Name) -> tuple[bool, bool, int, str]:
            elsewhere = self._files[name.module] != file
            return name.is_private, elsewhere, name.attribute.count("."), str(name)

        return min(names, key=order, default=None)

    def _read(self, module: ModuleType) -> None:
        imports = self._sources.imports(module.__name__, for_typing=False)
        imported = {each.bound_as for each in imports}
        for attribute, value in vars(module).items():
            if attribute not in imported:
                self._note(Name(module.__name__, attribute), value)

    def _note(self, name: Name, value: object) -> None:
        identity = id(value)
        if isinstance(value, DeclaredFunction):
            self._functions.setdefault(identity, []).append(name)
        elif isinstance(value, Group):
            self._groups.setdefault(_key_of(value), []).append(name)
        elif get_origin(value) is Annotated:
            self._annotations.append((value, name))
        elif _is_group_class(value):
            self._groups.setdefault(_key_of(value.__confect_group__), []).append(name)
            for attribute, inner in _members(value):
                self._note(Name(name.module, f"{name.attribute}.{attribute}"), inner)


def _key_of(group: Group) -> _GroupKey:
    """What a group is the same by: the same functions behind other middleware are another one."""
    return id(group.functions), group.middleware


def _members(cls: type[GroupSpec]) -> Iterator[tuple[str, object]]:
    """What a group and the groups that it extends assign in their bodies."""
    for base in cls.__mro__:
        if _is_group_class(base):
            yield from ((name, value) for name, value in vars(base).items() if name[:2] != "__")


def _is_group_class(value: object) -> TypeIs[type[GroupSpec]]:
    return isinstance(value, type) and issubclass(value, GroupSpec) and value is not GroupSpec
