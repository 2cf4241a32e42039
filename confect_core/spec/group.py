"""Groups: namespaces of declared functions, as a class or built step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, cast

from confect_core.errors import SpecError, Where, refuse
from confect_core.spec.declared import DeclaredFunction
from confect_core.spec.errors import DuplicateName, FunctionAndGroup, NotASpec
from confect_core.spec.middleware import AnyMiddleware
from confect_core.spec.names import attribute_mistakes, name_mistakes, snake_case, wire_name

AnyFunction: TypeAlias = DeclaredFunction[..., Any, Any]


@dataclass(frozen=True, eq=False)
class Group:
    """An immutable namespace of functions and of groups below it.

    Both forms of `GroupSpec` make one: the class form keeps it in `__confect_group__`, the builder
    form is it.
    """

    name: str
    where: Where
    functions: Mapping[str, AnyFunction] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, Group] = field(default_factory=lambda: MappingProxyType({}))
    middleware: tuple[AnyMiddleware, ...] = ()
    """What each of its functions is behind, and those of the groups below are not."""

    def add_function(self, name: str, spec: DeclaredFunction[..., Any, Any]) -> Group:
        """This group with one more function."""
        where = Where.of_caller()
        refuse(f"group {self.name!r}", self._mistakes_of_function(name, spec, where))
        return replace(self, functions=MappingProxyType({**self.functions, name: spec}))

    def behind(self, *middleware: AnyMiddleware) -> Group:
        """This group with its functions behind middleware, the first of them outermost.

        It comes before that of a function, and is not inherited by the groups below.
        """
        guarded = replace(self, middleware=(*self.middleware, *middleware))
        found = [guarded._mistakes_of_chain(*each) for each in self.functions.items()]
        refuse(f"group {self.name!r}", [mistake for several in found for mistake in several])
        return guarded

    def add_group(self, group: Group | type[GroupSpec]) -> Group:
        """This group with one more group below it."""
        node = group_of(group, self.name)
        where = Where.of_caller()
        mistakes: list[SpecError] = []
        if node.name in self.groups:
            mistakes.append(DuplicateName("groups", node.name, self.name, where))
        if node.name in self.functions:
            mistakes.append(FunctionAndGroup(node.name, self.name, where))
        refuse(f"group {self.name!r}", mistakes)
        return replace(self, groups=MappingProxyType({**self.groups, node.name: node}))

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Group]]:
        """This group and all below it, each with its path on the wire: `admin/users`."""
        path = f"{prefix}{self.name}"
        yield path, self
        for group in self.groups.values():
            yield from group.walk(f"{path}/")

    def mistakes(self) -> list[SpecError]:
        """Everything in its own functions that cannot be, now that all modules are loaded."""
        found = [mistake for each in self.middleware for mistake in each.mistakes()]
        return [*found, *(one for each in self.functions.values() for one in each.mistakes())]

    def _mistakes_of_function(self, name: str, spec: object, where: Where) -> list[SpecError]:
        mistakes = name_mistakes("function", name, where)
        if not isinstance(spec, DeclaredFunction):
            return [*mistakes, NotASpec(spec, self.name, where)]
        if name in self.functions:
            mistakes.append(DuplicateName("functions", name, self.name, where))
        if name in self.groups:
            mistakes.append(FunctionAndGroup(name, self.name, where))
        function = cast("AnyFunction", spec)
        return [*mistakes, *spec.early_mistakes(), *self._mistakes_of_chain(name, function)]

    def _mistakes_of_chain(self, name: str, function: AnyFunction) -> list[SpecError]:
        """What is wrong with what a function of this group is behind."""
        what, chain = f"{self.name}:{name}", function.passes(self.middleware)
        return [*chain.mistakes(what, function.where), *chain.unmet(what, function.where)]


_TWICE = "__confect_twice__"


class _Body(dict[str, Any]):
    """The body of a group's class while it runs; Python itself would let the last one win."""

    def __setitem__(self, name: str, value: Any) -> None:
        before = self.get(name)
        # what `behind` makes of a function is still that one
        if isinstance(before, DeclaredFunction) and before.where != getattr(value, "where", None):
            super().__setitem__(_TWICE, (*self.get(_TWICE, ()), (name, before, value)))
        super().__setitem__(name, value)


class _ClassOfGroup(type):
    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **kwds: object) -> _Body:
        return _Body()


class GroupSpec(metaclass=_ClassOfGroup):
    """A namespace of functions: subclass it and assign function specs and groups to attributes.

        class Notes(GroupSpec):
            list_ = FunctionSpec.public_query(returns=list[Note])

    The group is named for its class in snake case, or by `class Notes(GroupSpec, name="memos")`.
    A trailing underscore keeps an attribute from hiding a builtin and does not travel. With
    `class Notes(GroupSpec, behind=[SignedIn])` every call of its functions passes a middleware;
    the groups below it say for themselves what they are behind. To compose groups in code, start
    from `GroupSpec.make("notes")`.
    """

    __confect_group__: ClassVar[Group]

    def __init_subclass__(
        cls, *, name: str | None = None, behind: Sequence[AnyMiddleware] = ()
    ) -> None:
        super().__init_subclass__()
        where = Where.of_caller()
        inherited = getattr(cls, "__confect_group__", Group("", where)).middleware
        group = _group_of_class(cls, name or snake_case(cls.__name__), where)
        cls.__confect_group__ = group.behind(*inherited, *behind)

    @staticmethod
    def make(name: str) -> Group:
        """An empty group, to be built with `add_function` and `add_group`."""
        where = Where.of_caller()
        refuse(f"group {name!r}", name_mistakes("group", name, where))
        return Group(name, where)


def group_of(group: Group | type[GroupSpec], inside: str) -> Group:
    """The node behind either form of a group."""
    if isinstance(group, Group):
        return group
    node = getattr(group, "__confect_group__", None)
    if isinstance(node, Group):
        return node
    raise NotASpec(group, inside, Where.of_caller(depth=2))


def _group_of_class(cls: type[GroupSpec], name: str, where: Where) -> Group:
    functions: dict[str, AnyFunction] = {}
    groups: dict[str, Group] = {}
    mistakes = name_mistakes("group", name, where)
    for attribute, before, after in vars(cls).get(_TWICE, ()):
        again: Where = getattr(after, "where", before.where)
        mistakes.append(DuplicateName("functions", wire_name(attribute), name, again))
    for attribute, value in _attributes_of(cls).items():
        if isinstance(value, DeclaredFunction):
            declared = cast("AnyFunction", value)
            mistakes += attribute_mistakes("function", attribute, declared.where)
            mistakes += declared.early_mistakes()
            mistakes += _mistakes_of_twin(wire_name(attribute), functions, groups, name, declared)
            functions[wire_name(attribute)] = declared
        elif isinstance(value, Group) or (isinstance(value, type) and issubclass(value, GroupSpec)):
            node = replace(group_of(value, name), name=wire_name(attribute))
            mistakes += attribute_mistakes("group", attribute, where)
            mistakes += _mistakes_of_twin(node.name, groups, functions, name, node)
            groups[node.name] = node
        elif not attribute.startswith("_"):
            mistakes.append(NotASpec(cast("Any", value), name, where))
    refuse(f"group {name!r}", mistakes)
    return Group(name, where, MappingProxyType(functions), MappingProxyType(groups))


def _attributes_of(cls: type[GroupSpec]) -> dict[str, Any]:
    """What the body of a group's class assigns, and those of the groups that it extends."""
    bodies = [vars(base) for base in reversed(cls.__mro__) if issubclass(base, GroupSpec)][1:]
    every = {name: value for body in bodies for name, value in body.items()}
    return {name: value for name, value in every.items() if not name.startswith("__")}


def _mistakes_of_twin(
    name: str,
    same: Mapping[str, AnyFunction] | Mapping[str, Group],
    other: Mapping[str, AnyFunction] | Mapping[str, Group],
    inside: str,
    newcomer: AnyFunction | Group,
) -> list[SpecError]:
    """Two attributes such as `list_` and `list` may give one name."""
    if name in same:
        what = "groups" if isinstance(newcomer, Group) else "functions"
        return [DuplicateName(what, name, inside, newcomer.where)]
    return [FunctionAndGroup(name, inside, newcomer.where)] if name in other else []
