"""Function paths: `[directory/]module[.js][:function]`, in the one form that is used inside.

Clients spell one function in several ways (`notes:list`, `notes.js:list`; `notes` for
`notes:default`), so a path is normalised where it comes in and compared only after that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from confect_core.protocol.errors import BadFunctionPath

DEFAULT_FUNCTION = "default"
"""The function that a path without `:function` names."""

_LONGEST_NAME = 64
_COMPONENT = re.compile(r"[A-Za-z0-9_.]+")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class FunctionPath:
    """A function's place: a module without extension, and the function in it."""

    module: str
    function: str

    @staticmethod
    def parse(text: str) -> FunctionPath:
        """The normalised path that a text spells; raises `BadFunctionPath`."""
        return _parse(text)

    @property
    def is_system(self) -> bool:
        """Whether the path lies in `_system/`, which only administrators may call."""
        return self.module.startswith("_system/")

    def within(self, component: str | None) -> str:
        """The text of the path in a component; one that is named is a path that no client has."""
        if not component:  # the root component, which is the application, is called ""
            return f"{self.module}:{self.function}"
        return f"_components/{component}/{self}"

    def __str__(self) -> str:
        return f"{self.module}:{self.function}"


@lru_cache(maxsize=4096)
def _parse(text: str) -> FunctionPath:
    module, colon, function = text.rpartition(":")
    if not colon:
        module, function = text, DEFAULT_FUNCTION
    components = module.split("/")
    components[-1] = _without_extension(text, components[-1])
    for component in components:
        _check_component(text, component)
    _check_function(text, function)
    return FunctionPath("/".join(components), function)


def _without_extension(path: str, name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name
    if extension != "js":
        raise BadFunctionPath(path, f"its module has the extension {extension!r}, not 'js'")
    return stem


def _check_component(path: str, name: str) -> None:
    if len(name) > _LONGEST_NAME:
        raise BadFunctionPath(path, f"{name!r} is longer than {_LONGEST_NAME} characters")
    if not _COMPONENT.fullmatch(name) or not any(char.isalnum() for char in name):
        raise BadFunctionPath(path, f"{name!r} is not the name of a module or a directory")


def _check_function(path: str, name: str) -> None:
    if len(name) > _LONGEST_NAME:
        raise BadFunctionPath(path, f"{name!r} is longer than {_LONGEST_NAME} characters")
    if not _FUNCTION.fullmatch(name) or not name.strip("_"):
        raise BadFunctionPath(path, f"{name!r} is not the name of a function")
