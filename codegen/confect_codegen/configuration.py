"""How a project's server runs: the tables `[tool.confect.limits]` and the like, as `Settings`.

Names, types and defaults are those of the dataclasses, so that a setting is added there only.
"""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_type_hints

from confect_codegen.errors import BadConfiguration
from confect_core.errors import Where
from confect_server import Settings
from confect_server.settings import BadSetting

T = TypeVar("T")

_TABLE = "tool.confect"
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def settings_of(configured: dict[str, object], file: Path) -> Settings:
    """The settings that the tables below `[tool.confect]` give; the others have their defaults."""
    sections = _types(Settings)
    _refuse_unknown(configured, ["app", *sections], _TABLE, file)
    given: dict[str, Any] = {
        name: _section(sections[name], name, value, file) for name, value in configured.items()
    }
    return Settings(**given)


def line_in(file: Path, table: str, name: str) -> Where:
    """The line of `pyproject.toml` that sets this, as far as one can tell without its parser."""
    wanted, header, best = f"{table}.{name}", "", 1
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if text.startswith("["):
            header = path = text.strip("[").split("]")[0]
        elif "=" in text:
            path = f"{header}.{text.split('=')[0].strip()}"
        else:
            continue
        if path == wanted or path.startswith(f"{wanted}."):
            return Where(str(file), number)
        if wanted.startswith(f"{path}."):
            best = number
    return Where(str(file), best)


def _section(section: type[T], name: str, configured: object, file: Path) -> T:
    table = f"{_TABLE}.{name}"
    if not isinstance(configured, dict):
        raise BadConfiguration(f"{table} is no table", line_in(file, _TABLE, name))
    values = cast("dict[str, object]", configured)
    types = _types(section)
    _refuse_unknown(values, list(types), table, file)
    for key, value in values.items():
        if not _fits(value, types[key]):
            problem = f"{key} = {value!r} in [{table}] is not {_KINDS[types[key]]}"
            raise BadConfiguration(problem, line_in(file, table, key))
    try:
        return section(**values)
    except BadSetting as bad:
        raise BadConfiguration(bad.message, line_in(file, table, bad.name)) from None


def _fits(value: object, wanted: type) -> bool:
    if wanted in (int, float) and isinstance(value, (int, float)):
        is_kind = type(value) in ((int,) if wanted is int else (int, float))
        return is_kind and math.isfinite(value) and value >= 0
    return type(value) is wanted


def _refuse_unknown(values: dict[str, object], known: list[str], table: str, file: Path) -> None:
    unknown = [name for name in values if name not in known]
    if unknown:
        problem = f"[{table}] has no setting called {', '.join(unknown)}; it has {', '.join(known)}"
        raise BadConfiguration(problem, line_in(file, table, unknown[0]))


def _types(section: type) -> dict[str, type]:
    hints = get_type_hints(section)
    return {field.name: _present(hints[field.name]) for field in fields(section)}


def _present(hint: Any) -> type:
    """The type of a setting where it is set; one that can be None is so unless it is set."""
    present: type = next(each for each in (*get_args(hint), hint) if each is not NoneType)
    return present
