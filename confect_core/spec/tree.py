"""The whole offer of a backend: a tree of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from confect_core.errors import SpecError, Where, refuse
from confect_core.spec.errors import DuplicateName
from confect_core.spec.group import AnyFunction, Group, GroupSpec, group_of


@dataclass(frozen=True, eq=False)
class Spec:
    """An immutable tree of groups: `spec = Spec.make().add(Notes).add(Users)`."""

    groups: Mapping[str, Group] = field(default_factory=lambda: MappingProxyType({}))

    @staticmethod
    def make() -> Spec:
        """A spec that offers nothing yet."""
        return Spec()

    def add(self, group: Group | type[GroupSpec]) -> Spec:
        """This spec with one more group at its root."""
        node = group_of(group, "the spec")
        if node.name in self.groups:
            where = Where.of_caller()
            refuse("the spec", [DuplicateName("groups", node.name, "the spec", where)])
        return replace(self, groups=MappingProxyType({**self.groups, node.name: node}))

    def walk(self) -> Iterator[tuple[str, Group]]:
        """Every group with its path on the wire, parents before children."""
        for group in self.groups.values():
            yield from group.walk()

    def functions(self) -> Iterator[tuple[str, AnyFunction]]:
        """Every function with its path on the wire: `admin/users:list`."""
        for path, group in self.walk():
            for name, function in group.functions.items():
                yield f"{path}:{name}", function

    def mistakes(self) -> list[SpecError]:
        """Everything in the tree that cannot be, now that all of it is loaded."""
        return [mistake for _, group in self.walk() for mistake in group.mistakes()]
