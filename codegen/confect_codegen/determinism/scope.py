"""`Scope`: what the names in a function stand for, as far as that is known without running it."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from types import FunctionType, ModuleType

from confect_codegen.determinism.rules import attribute_of, module_of


@dataclass(frozen=True)
class Instance:
    """Something that a call of this class gives."""

    cls: type[object]


class Scope:
    """The names that one function sees.

    What is bound in the function stands for nothing that is known, apart from what it imports: so
    a parameter that is called `time` is not the module.
    """

    def __init__(self, function: FunctionType, node: ast.AST) -> None:
        self._names: dict[str, object] = {**vars(builtins), **function.__globals__}
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            if _is_filled(cell):
                self._names[name] = cell.cell_contents
        self.rebound = frozenset(_rebound(function, node))
        """The names of the module that the function binds anew."""
        for name in _bound(node) - self.rebound:
            self._names.pop(name, None)
        for each in ast.walk(node):
            self._names.update(_imported(each, function))

    def object_of(self, node: ast.expr) -> object | None:
        """What an expression stands for, an `Instance` for what a class makes, else None."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.object_of(node.value)
            return None if owner is None else attribute_of(_with_attributes(owner), node.attr)
        if isinstance(node, ast.Call):
            called = self.object_of(node.func)
            return Instance(called) if isinstance(called, type) else None
        return None


def dotted(node: ast.expr) -> str:
    """An expression as it is written, without what is in parentheses."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}(…)"
    return node.id if isinstance(node, ast.Name) else "…"


def _with_attributes(owner: object) -> object:
    """What has the attributes of an object: itself if it is a module or a class, else its class."""
    if isinstance(owner, Instance):
        return owner.cls
    return owner if isinstance(owner, type | ModuleType) else type(owner)


def _is_filled(cell: object) -> bool:
    try:
        return getattr(cell, "cell_contents", None) is not None
    except ValueError:  # it gets its value only later
        return False


def _rebound(function: FunctionType, node: ast.AST) -> set[str]:
    """Names that the function, or one inside it, binds around itself."""
    around = function.__code__.co_freevars  # any other `nonlocal` is of a function inside
    names: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Global):
            names.update(each.names)
        elif isinstance(each, ast.Nonlocal):
            names.update(name for name in each.names if name in around)
    return names


def _bound(node: ast.AST) -> set[str]:
    bound: set[str] = set()
    for each in ast.walk(node):
        match each:
            case ast.arg(arg=name):
                bound.add(name)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bound.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if each is not node:
                bound.add(name)
            case _:
                pass
    return bound


def _imported(node: ast.AST, function: FunctionType) -> dict[str, object]:
    """What an import inside of a function binds."""
    names: dict[str, object] = {}
    if isinstance(node, ast.Import):
        for alias in node.names:
            module = module_of(alias.name if alias.asname else alias.name.split(".")[0])
            names[alias.asname or alias.name.split(".")[0]] = module
    elif isinstance(node, ast.ImportFrom):
        package = function.__globals__.get("__package__") or ""
        parents = package.rsplit(".", node.level - 1)[0] if node.level else ""
        name = ".".join(part for part in (parents, node.module) if part)
        for alias in node.names:
            found = attribute_of(module_of(name), alias.name) or module_of(f"{name}.{alias.name}")
            names[alias.asname or alias.name] = found
    return names
