"""Long lines are broken as ruff breaks them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from confect_codegen.emit.layout import WIDTH, Choice, Node, brackets, flat, lay, run


def names(count: int, length: int = 12) -> list[Node]:
    return [f"{'n' * (length - 2)}{number:02}" for number in range(count)]


def parameters(count: int) -> list[Node]:
    return [run(f"{flat(name)}: ", brackets("list[", ["int"], "]")) for name in names(count)]


def shapes(count: int) -> list[Node]:
    union = Choice(tuple(names(count)))
    dictionary = brackets("{", [f'"{flat(each)}": 1' for each in names(count)], "}")
    return [
        run("x = call", brackets("(", names(count), ")")),
        run("x = call", brackets("(", ["1", dictionary], ")")),
        run("x = ", brackets("Generic[", [union], "]")),
        run("x = ", brackets("Generic[", ["A", union], "]")),
        run("def f", brackets("(", ["self", "*", *parameters(count)], ")"), " -> None: ..."),
        run("def f", brackets("(", ["self"], ")"), " -> ", brackets("G[", [union], "]"), ": ..."),
        run("def f", brackets("(", ["*", *parameters(count)], ")"), " -> ", union, ": ..."),
        run("def f", brackets("(", ["self", run("x: ", union, " = None")], ")"), ": ..."),
    ]


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 8, 20])
def test_ruff_would_lay_it_out_the_same_way(count: int) -> None:
    written = "".join("\n".join(lay(shape)) + "\n" for shape in shapes(count))

    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", str(WIDTH)]
    formatted = subprocess.run(
        [*command, "-"], input=written, capture_output=True, text=True, check=True
    ).stdout

    def without_empty_lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if line]

    assert without_empty_lines(written) == without_empty_lines(formatted)
