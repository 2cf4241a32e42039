"""What is said of classes, functions and assigned names, read from their source.

A class and a function keep their docstring, an attribute does not: what stands below `text: str`
or below `list_ = FunctionSpec...` is only in the source.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from confect_codegen.naming import Name


class Docstrings:
    """The docstrings of modules that are loaded, each module read once."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, str]] = {}

    def of(self, name: Name) -> str:
        """What is said of a name, nothing if it is nothing."""
        if name.module not in self._said:
            self._said[name.module] = dict(_said(name.module))
        return self._said[name.module].get(name.attribute, "")

    def of_field(self, model: type[object], field: str) -> str:
        """What a class says of an attribute, or the first of its parents to say anything."""
        names = [Name(each.__module__, f"{each.__qualname__}.{field}") for each in model.__mro__]
        said = [self.of(name) for name in names]
        return next((each for each in said if each), "")


def _said(module: str) -> Iterator[tuple[str, str]]:
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or not file.endswith(".py"):
        return
    yield from _in_body(ast.parse(Path(file).read_bytes()).body, "")


def _in_body(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{statement.name}", ast.get_docstring(statement) or ""
        if isinstance(statement, ast.ClassDef):
            yield from _in_body(statement.body, f"{prefix}{statement.name}.")
        for name in _assigned(statement):
            yield f"{prefix}{name}", _text(following)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    yield from (each.id for each in targets if isinstance(each, ast.Name))


def _text(statement: ast.stmt | None) -> str:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return ""
    value = statement.value.value
    return value if isinstance(value, str) else ""
