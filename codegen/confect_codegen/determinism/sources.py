"""The sources of functions: their trees, their lines, and what comments on these allow."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import FunctionType
from typing import TypeAlias

_ALLOWED = re.compile(r"#\s*confect:\s*allow\[([^\]]*)\]")

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
"""Where a function is written."""


class ParsedFiles:
    """Files of source, each read once."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[list[str], dict[tuple[int, str], Definition]]] = {}

    def lines(self, file: str) -> list[str]:
        """The lines of a file."""
        return self._parsed(file)[0]

    def node_of(self, function: FunctionType) -> Definition | None:
        """Where a function is defined; None if its file says something else by now."""
        code = function.__code__
        return self._parsed(code.co_filename)[1].get((code.co_firstlineno, code.co_name))

    def _parsed(self, file: str) -> tuple[list[str], dict[tuple[int, str], Definition]]:
        if file not in self._files:
            text = Path(file).read_text(encoding="utf-8")
            definitions = {
                _key(node): node
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            }
            self._files[file] = text.splitlines(), definitions
        return self._files[file]


def is_allowed(rule: str, node: ast.expr | ast.stmt, lines: list[str]) -> bool:
    """Does a comment on one of its lines allow what this node does?"""
    for line in lines[node.lineno - 1 : node.end_lineno or node.lineno]:
        comment = _ALLOWED.search(line)
        if comment and rule in (each.strip() for each in comment[1].split(",")):
            return True
    return False


def _key(node: Definition) -> tuple[int, str]:
    """The first line and the name, as the code of the function has them."""
    if isinstance(node, ast.Lambda):
        return node.lineno, "<lambda>"
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return first, node.name
