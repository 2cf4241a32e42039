"""`Imports`: the imports of one generated file, gathered while the rest of it is written."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from confect_codegen.emit.layout import WIDTH

_OURS = ("confect_core", "confect_server")


class Imports:
    """Gives each imported thing the name that it has in the file, and keeps those names apart.

    `taken` are the names that the file defines itself: attributes, parameters, functions.
    """

    def __init__(self, package: str, taken: Collection[str]) -> None:
        self._package = package
        self._bound: dict[str, tuple[str, str | None]] = {}
        self._taken = taken

    def module(self, module: str) -> str:
        """A module of the project under a short name: `notes_spec`."""
        inner = module.removeprefix(f"{self._package}.")
        return self._bind(inner.replace(".", "_"), module, None)

    def name(self, module: str, name: str, preferred: str | None = None) -> str:
        """A name of another module."""
        return self._bind(preferred or name, module, name)

    def builtin(self, name: str) -> str:
        """A builtin, through its module where the file has another meaning for its name."""
        if name not in self._taken:
            return name
        return f"{self._bind('builtins', 'builtins', None)}.{name}"

    def lines(self) -> list[str]:
        """The import statements, sorted as isort sorts them, an empty line between sections."""
        sections: dict[int, list[str]] = {0: ["from __future__ import annotations"]}
        for statement in sorted(self._statements(), key=lambda each: each.order):
            sections.setdefault(statement.section, []).extend(statement.lines)
        first, *rest = (sections[number] for number in sorted(sections))
        return [*first, *(line for section in rest for line in ("", *section))]

    def _bind(self, wanted: str, module: str, name: str | None) -> str:
        local = wanted
        while local in self._taken or self._bound.get(local, (module, name)) != (module, name):
            local += "_"
        self._bound[local] = (module, name)
        return local

    def _statements(self) -> Iterator[_Statement]:
        together: dict[str, list[str]] = {}
        for local, (module, name) in self._bound.items():
            section = self._section(module)
            if name is None:
                renamed = "" if local == module else f" as {local}"
                yield _Statement(section, module, (f"import {module}{renamed}",))
            elif name == local:
                together.setdefault(module, []).append(name)
            else:
                line = f"from {module} import {name} as {local}"
                yield _Statement(section, module, (line,), first=name)
        for module, names in together.items():
            names.sort(key=_member)
            yield _Statement(self._section(module), module, _from(module, names), first=names[0])

    def _section(self, module: str) -> int:
        top = module.split(".")[0]
        if top in sys.stdlib_module_names:
            return 1
        return 3 if top in (self._package, *_OURS) else 2


@dataclass(frozen=True)
class _Statement:
    section: int
    module: str
    lines: tuple[str, ...]
    first: str | None = None

    @property
    def order(self) -> tuple[int, bool, str, tuple[int, str, str]]:
        """Plain imports first, then by module, then by the first name that is taken from it."""
        first = _member(self.first) if self.first else (0, "", "")
        return self.section, self.first is not None, self.module, first


def _from(module: str, names: list[str]) -> tuple[str, ...]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return (line,)
    return (f"from {module} import (", *(f"    {name}," for name in names), ")")


def _member(name: str) -> tuple[int, str, str]:
    """Constants first, then classes, then the rest; each in the order of the alphabet."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name.lower(), name
