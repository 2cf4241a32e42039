"""From a type at run time to the text that names it, with the imports which that needs.

Two readers want two texts. Type checkers want the type alone: `Annotated[str, Field(max_length=3)]`
is `str`. The codec of a plain function's call runs, so there an annotation which changes what
travels has to be named as the user named it.
"""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal, NewType, TypeAlias, Union, cast, get_args, get_origin

from annotated_types import BaseMetadata
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from confect_codegen.emit.imports import Imports
from confect_codegen.emit.layout import Brackets, Choice, Node, brackets, flat, run
from confect_codegen.naming import Name
from confect_core.values import ABSENT, CommitTs, Int64

Named: TypeAlias = Callable[[object], Name | None]
"""Finds the name under which the user keeps an annotated type."""


class Unprintable(Exception):
    """This part of a type has no name that generated code could use."""

    def __init__(self, part: object) -> None:
        super().__init__(str(part))
        self.part = part


class PrivatePart(Exception):
    """This part of a type has a private name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class AnnotationPrinter:
    """Names types for one file."""

    def __init__(
        self, package: str, imports: Imports, *, runs: bool = False, named: Named | None = None
    ) -> None:
        self._package = package
        self._imports = imports
        self._runs = runs
        self._named = named or _no_name

    def node(self, annotation: object) -> Node:
        """The type as it is written; raises `Unprintable` and `PrivatePart`."""
        if annotation is None or annotation is types.NoneType:
            return "None"
        if annotation is Any:
            return self._imports.name("typing", "Any")
        if isinstance(annotation, NewType) or _is_alias(annotation):
            return self._alias(annotation)
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is not None:
            return self._generic(annotation, origin, args)
        if isinstance(annotation, type):
            return self._class(cast("type[object]", annotation))
        raise Unprintable(annotation)

    def text(self, annotation: object) -> str:
        """The same on one line."""
        return flat(self.node(annotation))

    def of_class(self, cls: type[object]) -> str:
        """A class by its name."""
        return self._member(cls.__module__, cls.__qualname__, cls)

    def literal(self, value: object) -> str | None:
        """The expression of a constant, or None if the value is no constant."""
        if value is ABSENT:
            return self._imports.name("confect_core", "ABSENT")
        if isinstance(value, Enum):
            return f"{self.of_class(type(value))}.{value.name}"
        if isinstance(value, str | bytes):
            return _quoted(value) if type(value) in (str, bytes) else None
        if type(value) is float and not math.isfinite(value):
            return None
        if value is None or type(value) in (bool, int, float) or value == ():
            return repr(value)
        return None

    def _generic(self, annotation: object, origin: Any, args: tuple[Any, ...]) -> Node:
        if origin is Annotated:
            return self._annotated(annotation, *args)
        if origin in (Union, types.UnionType):
            return union(*(self.node(each) for each in args))
        if origin is Literal:
            return self._literals(args)
        head = self._alias(origin) if _is_alias(origin) else self.of_class(origin)
        parameters: list[Node] = ["..." if each is ... else self.node(each) for each in args]
        return brackets(f"{head}[", parameters or ["()"], "]")

    def _alias(self, alias: Any) -> str:
        return self._member(alias.__module__, alias.__name__, alias)

    def _annotated(self, annotation: object, inner: object, *metadata: object) -> Node:
        if not self._runs:
            return self.node(inner)
        if annotation == Int64:
            return self._imports.name("confect_core", "Int64")
        if annotation == CommitTs:
            return self._imports.name("confect_core", "CommitTs")
        name = self._named(annotation)
        if name is not None:
            return f"{self._imports.module(name.module)}.{name.attribute}"
        if all(_only_constrains(each) for each in metadata):
            return self.node(inner)
        raise Unprintable(annotation)

    def _literals(self, values: tuple[object, ...]) -> Node:
        absent: list[Node] = []
        if any(each is ABSENT for each in values):
            absent = [self._imports.name("confect_core", "Absent")]
        rest = [each for each in values if each is not ABSENT]
        if not rest:
            return absent[0]
        texts = [self.literal(each) or _unprintable(each) for each in rest]
        literal = Brackets(f"{self._imports.name('typing', 'Literal')}[", tuple(texts), "]")
        return union(literal, *absent)

    def _class(self, cls: type[object]) -> Node:
        if issubclass(cls, BaseModel) and cls.__pydantic_generic_metadata__["origin"]:
            metadata = cls.__pydantic_generic_metadata__
            origin = cast("type[object]", metadata["origin"])
            parameters = [self.node(each) for each in metadata["args"]]
            return brackets(f"{self.of_class(origin)}[", parameters, "]")
        return self.of_class(cls)

    def _member(self, module: str, qualname: str, thing: object) -> str:
        if any(part.startswith("_") for part in qualname.split(".")) and module != "builtins":
            raise PrivatePart(f"{module}.{qualname}")
        first, *rest = qualname.split(".")
        if module == "builtins":
            return self._imports.builtin(qualname)
        if _lookup(module, qualname) is not thing:
            raise Unprintable(thing)
        if module.split(".")[0] == self._package:
            return f"{self._imports.module(module)}.{qualname}"
        home = _home(module, first)
        return ".".join([self._imports.name(home, first), *rest])


def parts_of(annotation: object) -> list[object]:
    """The type and everything inside its brackets; a generic model counts as its origin."""
    if get_origin(annotation) is Literal:
        return [annotation]
    itself: object = annotation
    inside: tuple[object, ...] = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        metadata = annotation.__pydantic_generic_metadata__
        itself, inside = metadata["origin"] or annotation, metadata["args"]
    return [itself, *(part for each in inside for part in parts_of(each))]


def union(*nodes: Node) -> Node:
    """Any of these types, each mentioned once, `None` at the end."""
    operands: dict[Node, None] = {}
    for node in nodes:
        operands.update(dict.fromkeys(node.items if isinstance(node, Choice) else (node,)))
    ordered = sorted(operands, key=lambda each: each == "None")
    return ordered[0] if len(ordered) == 1 else Choice(tuple(ordered))


def parameter(name: str, node: Node, default: str | None = None) -> Node:
    """`name: node = default`."""
    return run(f"{name}: ", node, f" = {default}" if default is not None else "")


def _is_alias(annotation: object) -> bool:
    # the class of `type X = ...` differs between typing and typing_extensions
    return type(annotation).__name__ == "TypeAliasType"


def _home(module: str, name: str) -> str:
    """The shortest public module that offers the same thing."""
    parts = module.split(".")
    thing = _lookup(module, name)
    candidates = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return next(each for each in candidates if _lookup(each, name) is thing)


def _lookup(module: str, qualname: str) -> object:
    found: object = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _only_constrains(metadata: object) -> bool:
    if isinstance(metadata, FieldInfo):
        return all(_only_constrains(each) for each in metadata.metadata)
    return isinstance(metadata, BaseMetadata | str)


def _no_name(_: object) -> None:
    return None


def _unprintable(value: object) -> str:
    raise Unprintable(value)


def _quoted(value: str | bytes) -> str:
    """The literal in double quotes, unless single ones save a backslash."""
    text = repr(value)
    start = text.index(text[-1])
    body = text[start + 1 : -1]
    if text[-1] == '"' or body.count('"') > body.count("\\'"):
        return text
    requoted = body.replace("\\'", "'").replace('"', '\\"')
    return f'{text[:start]}"{requoted}"'
