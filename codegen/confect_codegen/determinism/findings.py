"""Finding what queries and mutations must not use, in their handlers and in what these call.

The application is loaded, so a name leads to the very object that it stands for, whatever it was
imported as; the source says where it is used. Functions of the project that a handler refers to
are looked at in turn, nearest first, so each finding is told with the shortest way to it.
"""

from __future__ import annotations

import ast
import inspect
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeAlias

from confect_codegen.determinism.errors import ChangesState, NotReproducible, UsesChance
from confect_codegen.determinism.rules import Rule, Rules
from confect_codegen.determinism.scope import Instance, Scope, dotted
from confect_codegen.determinism.sources import Definition, ParsedFiles, is_allowed
from confect_codegen.discover import Project
from confect_core.errors import Where
from confect_core.spec.group import group_of
from confect_server import Impl

_CHANGING = frozenset(
    """
    add append appendleft clear discard extend extendleft insert pop popitem popleft remove reverse
    rotate setdefault sort subtract update
    """.split()  # noqa: SIM905  # a list of twenty texts is longer than the page
)
_CONTAINERS = (list, dict, set, deque, bytearray)

_Node = ast.expr | ast.stmt


_Reached: TypeAlias = tuple[FunctionType, tuple[str, ...]]
"""A function, and the functions through which it is reached."""


def findings(project: Project, application: Impl[Any]) -> list[NotReproducible]:
    """Everything that the queries and mutations of an application must not use, each once."""
    files, rules = ParsedFiles(), Rules()
    waiting = deque(_roots(application))
    seen: set[object] = set()
    found: list[NotReproducible] = []
    while waiting:
        function, chain = waiting.popleft()
        if function.__code__ in seen or not _is_users(project, function.__code__):
            continue
        seen.add(function.__code__)
        look = _Look(function, chain, files, rules)
        found += look.findings()
        waiting += look.referred()
    return found


def _roots(application: Impl[Any]) -> Iterator[_Reached]:
    """Everything that runs in a transaction, by the names that are told."""
    for name, handler in _handlers(application):
        for function in _functions_in(handler):
            yield function, (name,)


def _handlers(application: Impl[Any]) -> Iterator[tuple[str, object]]:
    for path, group in application.groups.items():
        specified = {name: each.handler for name, each in group.functions.items()}
        kinds = {name: each.kind for name, each in group_of(group.spec, path).functions.items()}
        for name, handler in {**specified, **group.plain}.items():
            if kinds[name] != "action":
                yield f"{path}:{name}", handler
    for middleware in application.middleware.given:
        if middleware.kinds != ("action",):
            yield f"the middleware {middleware.spec.__name__}", middleware.handler
    for hook in application.hooks:
        yield f"the hook {hook.name}", hook.handler


class _Look:
    """One look at one function."""

    def __init__(
        self, function: FunctionType, chain: tuple[str, ...], files: ParsedFiles, rules: Rules
    ) -> None:
        self._chain = chain
        self._file = function.__code__.co_filename
        self._lines = files.lines(self._file)
        self._rules = rules
        node = files.node_of(function)
        self._nodes = [] if node is None else list(_executed(node))
        self._scope = None if node is None else Scope(function, node)
        self._called = {id(each.func) for each in self._nodes if isinstance(each, ast.Call)}

    def findings(self) -> Iterator[NotReproducible]:
        """What this function itself must not use."""
        if self._scope is None:
            return
        broken: dict[ast.AST, tuple[Rule, str]] = {}
        for node in self._nodes:
            if found := self._broken(node, self._scope):
                broken[node] = found
        for node in self._nodes:
            if node not in broken:
                continue
            rule, used = broken[node]
            inner = (broken.get(each) for each in ast.walk(node) if each is not node)
            is_told = any(each is not None and each[0] is rule for each in inner)
            if not is_told and not is_allowed(rule.rule, node, self._lines):
                yield rule(used, self._chain, self._where(node))

    def referred(self) -> Iterator[_Reached]:
        """The functions that this one refers to: called here, or handed on to be called."""
        if self._scope is None:
            return
        for node in self._nodes:
            if isinstance(node, ast.Name | ast.Attribute):
                for function in _functions_in(self._scope.object_of(node)):
                    yield function, (*self._chain, function.__qualname__)

    def _broken(self, node: _Node, scope: Scope) -> tuple[Rule, str] | None:
        changed = _changed(node, scope)
        if changed is not None:
            return ChangesState, changed
        if isinstance(node, ast.Call):
            has_arguments = bool(node.args or node.keywords)
            called = scope.object_of(node.func)
            if self._rules.is_unseeded(called, has_arguments=has_arguments):
                return UsesChance, f"{dotted(node.func)}() without a seed"
        if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
            return None
        used = scope.object_of(node)
        if (isinstance(used, type) or used is print) and id(node) not in self._called:
            return None  # only named, as in isinstance
        return None if used is None else self._rules.broken_by(used, dotted(node))

    def _where(self, node: _Node) -> Where:
        line = self._lines[node.lineno - 1]
        start = len(line.encode()[: node.col_offset].decode())
        is_one_line = node.end_lineno == node.lineno and node.end_col_offset is not None
        end = len(line.encode()[: node.end_col_offset].decode()) if is_one_line else len(line)
        return Where(self._file, node.lineno, (start, end))


def _executed(function: Definition) -> Iterator[_Node]:
    """Everything in the body of a function but annotations, which say nothing of what it does."""
    waiting: list[ast.AST] = (
        [function.body] if isinstance(function, ast.Lambda) else [*function.body]
    )
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr | ast.stmt):
            yield node
        said = {id(getattr(node, name, None)) for name in ("annotation", "returns")}
        waiting += [each for each in ast.iter_child_nodes(node) if id(each) not in said]


def _changed(node: _Node, scope: Scope) -> str | None:
    """The variable that outlives the call and is changed here, if one is."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return f"the variable {node.id} of the module" if node.id in scope.rebound else None
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        owner = scope.object_of(node.value)
        is_shared = owner is not None and not isinstance(owner, Instance)
        return f"{dotted(node.value)}, which outlives the call" if is_shared else None
    if isinstance(node, ast.Call):
        return _changed_by_call(node, scope)
    return None


def _changed_by_call(node: ast.Call, scope: Scope) -> str | None:
    if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        owner, name = scope.object_of(node.func.value), dotted(node.func.value)
        return f"{name}, which outlives the call" if isinstance(owner, _CONTAINERS) else None
    if scope.object_of(node.func) is next and node.args:
        given = scope.object_of(node.args[0])
        is_iterator = hasattr(type(given), "__next__")
        return f"{dotted(node.args[0])}, which outlives the call" if is_iterator else None
    return None


def _functions_in(used: object) -> Iterator[FunctionType]:
    """The functions that run if this is called."""
    if isinstance(used, type):
        for name in ("__init__", "__post_init__", "__new__"):
            yield from _functions_in(vars(used).get(name))
        return
    inner: object = getattr(used, "__func__", used)  # of a static method or a class method
    function = inspect.unwrap(inner) if callable(inner) else None
    if type(function) is FunctionType:
        yield function


def _is_users(project: Project, code: CodeType) -> bool:
    path = Path(code.co_filename)
    return path.is_relative_to(project.folder) and not path.is_relative_to(project.generated)
