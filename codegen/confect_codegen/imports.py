"""What a module would import, read from its source without running it.

Clients import specs, so nothing that a spec imports may load the server; and generation comes
before generated code. Both are asked of the source: by the time an import has failed it is too late
to tell the user which of their lines began it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from confect_codegen.discover import GENERATED, Project
from confect_codegen.errors import BrokenSource
from confect_core.errors import Where

_SERVER = frozenset({"confect_server", "confect_codegen"})


@dataclass(frozen=True)
class Import:
    """One name that a module binds by an import, and the line that does."""

    module: str
    attribute: str | None
    bound_as: str
    line: int


@dataclass(frozen=True)
class Leak:
    """A chain of imports that begins at a module for clients and ends where it must not."""

    chain: tuple[str, ...]
    imported: str
    where: Where

    @property
    def is_generated(self) -> bool:
        """Does the chain end in generated code, not in the server?"""
        return self.imported.split(".")[0] not in _SERVER


class Sources:
    """The imports of a project's modules, each read once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._imports: dict[tuple[str, bool], tuple[Import, ...]] = {}
        self._for_clients: dict[str, bool] = {}

    def leaks(self, *modules: str) -> Iterator[Leak]:
        """Every chain from these modules into the server or into generated code, each once."""
        seen: set[str] = set()
        for module in modules:
            for loaded in _with_parents(module):
                yield from self._walk(loaded, (), seen)

    def is_for_clients(self, module: str) -> bool:
        """May a module of the project be imported where there is no server?"""
        if module not in self._for_clients:
            leaks = self._is_forbidden(module) or any(self.leaks(module))
            self._for_clients[module] = not leaks
        return self._for_clients[module]

    def imports(self, module: str, *, for_typing: bool) -> tuple[Import, ...]:
        """What importing a module imports; `for_typing` adds what only type checkers see."""
        key = module, for_typing
        if key not in self._imports:
            self._imports[key] = tuple(self._read(module, for_typing=for_typing))
        return self._imports[key]

    def _read(self, module: str, *, for_typing: bool) -> Iterator[Import]:
        file = self._project.file_of(module)
        if file is None:
            return
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for node in _statements(_parsed(file).body, for_typing=for_typing):
            yield from _bindings(node, package)

    def _walk(self, module: str, chain: tuple[str, ...], seen: set[str]) -> Iterator[Leak]:
        if module in seen:
            return
        seen.add(module)
        chain = (*chain, module)
        file = self._project.file_of(module)
        for each in self.imports(module, for_typing=False):
            for target in self._targets(each):
                if self._is_forbidden(target):
                    yield Leak(chain, target, Where(str(file), each.line))
                    break
                if self._project.owns(target):
                    yield from self._walk(target, chain, seen)

    def _targets(self, imported: Import) -> Iterator[str]:
        """The modules that an import loads: parents first, a submodule last."""
        yield from _with_parents(imported.module)
        inner = f"{imported.module}.{imported.attribute}"
        if imported.attribute and (self._project.file_of(inner) or self._is_forbidden(inner)):
            yield inner

    def _is_forbidden(self, module: str) -> bool:
        generated = self._project.module(GENERATED)
        return (
            module.split(".")[0] in _SERVER
            or module == generated
            or module.startswith(f"{generated}.")
        )


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except SyntaxError as error:
        raise BrokenSource(error.msg, Where(str(file), error.lineno or 1)) from None


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def _statements(body: Iterable[ast.AST], *, for_typing: bool) -> Iterator[ast.AST]:
    """Everything that runs when a module is imported, which the bodies of functions do not."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and _is_type_checking(node.test) and not for_typing:
            yield from _statements(node.orelse, for_typing=for_typing)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
            yield from _statements(ast.iter_child_nodes(node), for_typing=for_typing)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _bindings(node: ast.AST, package: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, None, alias.asname or alias.name, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node, package)
        for alias in node.names:
            yield Import(module, alias.name, alias.asname or alias.name, node.lineno)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")
    kept = parents[: len(parents) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])
