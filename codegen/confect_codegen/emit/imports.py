"""`Imports`: the imports of one generated file, gathered while the rest of it is written."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable

from confect_codegen.emit.layout import brackets, lay

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
        sections: dict[int, list[str]] = {}
        for section, lines in sorted(self._statements(), key=lambda each: each[0]):
            sections.setdefault(section, []).extend(lines)
        chosen = [lines for _, lines in sorted(sections.items())]
        return [
            line for lines in (["from __future__ import annotations"], *chosen) for line in ["", *lines]
        ][1:]

    def _bind(self, wanted: str, module: str, name: str | None) -> str:
        local = wanted
        while local in self._taken or self._bound.get(local, (module, name)) != (module, name):
            local += "_"
        self._bound[local] = (module, name)
        return local

    def _statements(self) -> Iterable[tuple[tuple[int, bool, str, bool, str], list[str]]]:
        together: dict[str, list[str]] = {}
        for local, (module, name) in self._bound.items():
            section = self._section(module)
            if name is None:
                text = f"import {module}" + ("" if local == module else f" as {local}")
                yield (section, False, module, False, local), [text]
            elif name == local:
                together.setdefault(module, []).append(name)
            else:
                text = f"from {module} import {name} as {local}"
                yield (section, True, module, True, f"{_member(name)}"), [text]
        for module, names in together.items():
            members = brackets("(", [*sorted(names, key=_member)], ")")
            yield (self._section(module), True, module, False, ""), _from(module, members.items)

    def _section(self, module: str) -> int:
        top = module.split(".")[0]
        if top in sys.stdlib_module_names:
            return 1
        return 3 if top in (self._package, *_OURS) else 2


def _member(name: str) -> tuple[int, str, str]:
    """Constants first, then classes, then the rest; each in the order of the alphabet."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name.lower(), name
