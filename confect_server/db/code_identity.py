"""Which code a validator is, so that another one in its place is noticed.

Its qualified name and a digest of what it does: its bytecode, and the constants and functions of
its own package that it refers to. So a limit that changes inside of a validator is seen, unless it
comes from elsewhere. Another version of Python has other bytecode, which is seen as a change, too:
then documents are validated once more than needed. The source would not be: it may be edited
between its import and this look at it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from enum import Enum
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

_DIGITS = 12


def identity_of(value: object) -> str:
    """The same text for the same code or constant, in every process."""
    return _identity(value, set())


def _identity(value: Any, seen: set[int]) -> str:
    if isinstance(value, FunctionType):
        return f"{_name(value)}#{_digest(value, seen)}"
    if isinstance(value, MethodType):
        return _identity(value.__func__, seen)
    if isinstance(value, partial):
        call = cast("partial[object]", value)
        given = [*map(repr, call.args), *(f"{key}={item!r}" for key, item in call.keywords.items())]
        return f"{_identity(call.func, seen)}({', '.join(given)})"
    if isinstance(value, re.Pattern):
        pattern = cast("re.Pattern[str]", value)
        return f"/{pattern.pattern!r}/{pattern.flags}"
    if isinstance(value, Enum):
        return f"{_name(type(value))}.{value.name}"
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return repr(value)
    if isinstance(value, list | tuple):
        items = cast("list[object]", value)
        return f"[{', '.join(_identity(each, seen) for each in items)}]"
    if isinstance(value, set | frozenset):
        members = cast("set[object]", value)
        return f"{{{', '.join(sorted(_identity(each, seen) for each in members))}}}"
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value).items()
        return f"{{{', '.join(f'{key!r}: {_identity(each, seen)}' for key, each in entries)}}}"
    return _identity_of_object(value, seen)


def _identity_of_object(value: object, seen: set[int]) -> str:
    """A class or something without a name, such as a callable that holds its own limits."""
    if hasattr(value, "__qualname__"):
        return _name(value)
    if isinstance(value, ModuleType):
        return value.__name__
    if id(value) in seen:
        return _name(type(value))
    seen.add(id(value))
    held = getattr(value, "__dict__", {})
    call = vars(type(value)).get("__call__")
    does = _identity(call, seen) if isinstance(call, FunctionType) else ""
    return f"{_name(type(value))}({_identity(held, seen)}){does}"


def _name(named: Any) -> str:
    # a method of a builtin type has no module
    return f"{getattr(named, '__module__', 'builtins')}.{named.__qualname__}"


def _digest(function: FunctionType, seen: set[int]) -> str:
    if id(function) in seen:
        return "again"
    seen.add(id(function))
    parts = [
        *_parts_of_code(function.__code__, function.__doc__),
        _identity(function.__defaults__, seen),
        _identity(function.__kwdefaults__, seen),
        *(_identity(each, seen) for each in _held(function)),
        *(_identity(each, seen) for each in _referred(function)),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]


def _parts_of_code(code: CodeType, doc: str | None) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    yield code.co_exceptiontable.hex()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts_of_code(constant, None)
        elif constant is None or constant != doc:
            yield identity_of(constant)


def _held(function: FunctionType) -> Iterator[object]:
    """What a function closes over, as far as it is known by now."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            yield None


def _referred(function: FunctionType) -> Iterator[object]:
    """The constants and the functions of the same package that a function names."""
    package = function.__module__.partition(".")[0]
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        is_own = isinstance(value, FunctionType) and value.__module__.partition(".")[0] == package
        if is_own or _is_constant(value):
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_constant(value: object) -> bool:
    if isinstance(value, tuple | list | set | frozenset):
        return all(_is_constant(each) for each in cast("tuple[object, ...]", value))
    return isinstance(value, bool | int | float | str | bytes | re.Pattern | Enum)
