"""Breaking long lines the way ruff and black do, for the few shapes that generated code has.

A line is tried flat; then the first brackets in it are opened, with what they hold on one line;
then with one item per line. Running a formatter instead would make it a dependency of every
project, and its version a part of what is generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 100
_STEP = 4


@dataclass(frozen=True)
class Brackets:
    """`opening`, items with commas between them, `closing`."""

    opening: str
    items: tuple[Node, ...]
    closing: str

    @property
    def is_display(self) -> bool:
        """Is this the display of a dictionary, which opens to one item per line at once?"""
        return self.opening == "{"

    @property
    def is_signature(self) -> bool:
        """Are these the parameters of a function, where even one gets a comma?"""
        return self.opening.startswith(("def ", "async def "))


@dataclass(frozen=True)
class Choice:
    """A union: items with `|` between them."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Run:
    """Parts one after the other."""

    parts: tuple[Node, ...]


Node: TypeAlias = str | Brackets | Choice | Run


def run(*parts: Node) -> Run:
    """Parts one after the other."""
    return Run(parts)


def brackets(opening: str, items: list[Node], closing: str) -> Brackets:
    """`opening`, items with commas between them, `closing`."""
    return Brackets(opening, tuple(items), closing)


def flat(node: Node) -> str:
    """A node on one line."""
    match node:
        case str():
            return node
        case Brackets(opening, items, closing):
            return f"{opening}{', '.join(map(flat, items))}{closing}"
        case Choice(items):
            return " | ".join(map(flat, items))
        case Run(parts):
            return "".join(map(flat, parts))


def lay(node: Node, indent: int = 0, tail: str = "") -> list[str]:
    """The lines of a node at this indent, with `tail` at the end of the last one."""
    line = f"{' ' * indent}{flat(node)}{tail}"
    if len(line) <= WIDTH:
        return [line]
    match node:
        case str():
            return [line]
        case Brackets():
            return _open(node, indent, tail)
        case Choice(items):
            return _one_operand_per_line(items, indent, tail)
        case Run(parts):
            return _break_first(parts, indent, tail)


def _open(node: Brackets, indent: int, tail: str) -> list[str]:
    inner = indent + _STEP
    together = ", ".join(map(flat, node.items))
    if len(node.items) == 1 and node.is_signature:
        together += ","
    if inner + len(together) <= WIDTH and not node.is_display:
        body = [f"{' ' * inner}{together}"]
    elif len(node.items) == 1 and node.closing == "]":
        # a comma would make a tuple of the only parameter of a type
        body = lay(node.items[0], inner)
    else:
        body = [line for item in node.items for line in lay(item, inner, ",")]
    return [f"{' ' * indent}{node.opening}", *body, f"{' ' * indent}{node.closing}{tail}"]


def _one_operand_per_line(items: tuple[Node, ...], indent: int, tail: str) -> list[str]:
    lines = lay(items[0], indent)
    for item in items[1:]:
        lines += lay(Run(("| ", item)), indent)
    return [*lines[:-1], lines[-1] + tail]


def _break_first(parts: tuple[Node, ...], indent: int, tail: str) -> list[str]:
    for position, part in enumerate(parts):
        before, after = parts[:position], parts[position + 1 :]
        if isinstance(part, Run):
            return _break_first((*before, *part.parts, *after), indent, tail)
        if isinstance(part, Brackets) and part.items:
            opened = Brackets("".join(map(flat, before)) + part.opening, part.items, part.closing)
            lines = _open(opened, indent, "")
            return [*lines[:-1], *lay(Run((part.closing, *after)), indent, tail)]
        if isinstance(part, Choice):
            start = f"{' ' * indent}{''.join(map(flat, before))}("
            end = f"{' ' * indent}){''.join(map(flat, after))}{tail}"
            return [start, *lay(part, indent + _STEP), end]
    return [f"{' ' * indent}{''.join(map(flat, parts))}{tail}"]
