"""Which names functions, groups, tables and indexes may have."""

from __future__ import annotations

import builtins
import keyword
import re

from confect_core.errors import SpecError, Where
from confect_core.spec.errors import BadName, ReservedName

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_SHADOWING = frozenset(name for name in dir(builtins) if name.islower() and name[0] != "_")
_GROUP_API = frozenset({"make"})


def wire_name(attribute: str) -> str:
    """The name on the wire of a class attribute: `list_` travels as `list`."""
    return attribute.removesuffix("_") if attribute != "_" else attribute


def python_name(name: str) -> str:
    """The attribute under which refs offer a wire name: `class` is offered as `class_`."""
    return f"{name}_" if keyword.iskeyword(name) else name


def snake_case(name: str) -> str:
    """`UserProfiles` as `user_profiles`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def name_mistakes(what: str, name: str, where: Where | None = None) -> list[SpecError]:
    """What is wrong with a name that travels."""
    return [] if _NAME.fullmatch(name) else [BadName(what, name, where)]


def hides_builtin(attribute: str) -> bool:
    """Would a class attribute of this name hide a builtin from the rest of the class body?"""
    return attribute in _SHADOWING


def attribute_mistakes(what: str, attribute: str, where: Where | None = None) -> list[SpecError]:
    """What is wrong with the class attribute that gives a function or a group its name."""
    if hides_builtin(attribute):
        because = "it would hide the builtin from the rest of the class body"
    elif attribute in _GROUP_API:
        because = "GroupSpec itself has an attribute of that name"
    else:
        return name_mistakes(what, wire_name(attribute), where)
    hint = f"write {attribute}_; it is called {attribute!r} on the wire and in refs"
    return [ReservedName(what, attribute, because, hint, where)]


def reserved_mistakes(
    what: str, name: str, taken: frozenset[str], because: str, where: Where | None = None
) -> list[SpecError]:
    """What is wrong with a name that becomes an attribute beside those in `taken`."""
    mistakes = name_mistakes(what, name, where)
    if name in taken or keyword.iskeyword(name):
        mistakes.append(ReservedName(what, name, because, "choose another name", where))
    return mistakes
