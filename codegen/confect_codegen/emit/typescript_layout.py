"""Breaking long types the way prettier does, for the few shapes that `api.ts` has.

A type is written flat if it fits; otherwise its outermost part is opened. Prettier leaves an object
open that its author opened, so that is said of each.
"""

from __future__ import annotations

import inspect
import re

from confect_codegen.emit.typescript_nodes import (
    Applied,
    ArrayOf,
    Field,
    Object,
    Record,
    Reference,
    Tuple,
    Type,
    Union,
    constant,
)

WIDTH = 80
_STEP = 2
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def lay(prefix: str, node: Type, suffix: str, indent: int = 0) -> list[str]:
    """The lines of a type between what comes before it and after it."""
    pad = " " * indent
    text = _flat(node)
    if text is not None and len(pad + prefix + text + suffix) <= WIDTH:
        return [f"{pad}{prefix}{text}{suffix}"]
    match node:
        case str():
            return [f"{pad}{prefix}{node}{suffix}"]
        case Reference():
            raise AssertionError(f"{node} was not given its name")
        case Object(fields):
            return _opened(prefix + "{", _members(fields, indent + _STEP), "}" + suffix, indent)
        case Record(value):
            inner = lay("[key: string]: ", value, ";", indent + _STEP)
            return _opened(prefix + "{", inner, "}" + suffix, indent)
        case Tuple(items):
            inner = [line for each in items for line in _item(each, indent + _STEP)]
            return _opened(prefix + "[", inner, "]" + suffix, indent)
        case ArrayOf(Union(items)):
            inner = _operands(items, "", indent + _STEP)
            return _opened(prefix + "(", inner, ")[]" + suffix, indent)
        case ArrayOf(item):
            return lay(prefix, item, "[]" + suffix, indent)
        case Union((Object() | Record() as only, "null")):
            return lay(prefix, only, " | null" + suffix, indent)
        case Union(items):
            if not prefix:
                return _operands(items, suffix, indent)
            below = f"{pad}{' ' * _STEP}{text}{suffix}"
            if text is None or len(below) > WIDTH:
                return [pad + prefix.rstrip(), *_operands(items, suffix, indent + _STEP)]
            return [pad + prefix.rstrip(), below]
        case Applied(name, arguments):
            return _applied(prefix + name, arguments, suffix, indent)


def comment(text: str, indent: int = 0) -> list[str]:
    """The lines of a comment for readers of the types, none if there is nothing to say."""
    pad = " " * indent
    lines = inspect.cleandoc(text).replace("*/", "*\\/").splitlines()
    if not lines:
        return []
    if len(lines) == 1 and len(f"{pad}/** {lines[0]} */") <= WIDTH:
        return [f"{pad}/** {lines[0]} */"]
    return [f"{pad}/**", *(f"{pad} * {line}".rstrip() for line in lines), f"{pad} */"]


def _flat(node: Type) -> str | None:
    """A type on one line, or nothing if it has to have several."""
    match node:
        case str():
            return node
        case Object(fields, is_open):
            return _flat_object(fields, is_open) if fields else "{}"
        case Record(value):
            text = _flat(value)
            return None if text is None else f"{{ [key: string]: {text} }}"
        case ArrayOf(item):
            text = _flat(item)
            if text is None:
                return None
            return f"({text})[]" if isinstance(item, Union) else f"{text}[]"
        case Tuple(items):
            return _joined("[", items, ", ", "]")
        case Union(items):
            return _joined("", items, " | ", "")
        case Applied(name, arguments):
            return _joined(f"{name}<", arguments, ", ", ">")
        case Reference():
            raise AssertionError(f"{node} was not given its name")


def _flat_object(fields: tuple[Field, ...], is_open: bool) -> str | None:
    if is_open or any(each.doc for each in fields):
        return None
    types = tuple(each.type for each in fields)
    if any(_flat(each) is None for each in types):
        return None
    members = [f"{_name(each)}: {_flat(each.type)}" for each in fields]
    return f"{{ {'; '.join(members)} }}"


def _joined(start: str, items: tuple[Type, ...], separator: str, end: str) -> str | None:
    texts = [_flat(each) for each in items]
    known = [each for each in texts if each is not None]
    return start + separator.join(known) + end if len(known) == len(texts) else None


def _opened(start: str, inner: list[str], end: str, indent: int) -> list[str]:
    pad = " " * indent
    return [pad + start, *inner, pad + end]


def _members(fields: tuple[Field, ...], indent: int) -> list[str]:
    lines: list[str] = []
    for each in fields:
        lines += comment(each.doc, indent)
        lines += lay(f"{_name(each)}: ", each.type, ";", indent)
    return lines


def _name(field: Field) -> str:
    name = field.name if _IDENTIFIER.fullmatch(field.name) else constant(field.name)
    return f"{name}?" if field.is_optional else name


def _item(node: Type, indent: int) -> list[str]:
    """The lines of one item of a tuple."""
    lines = lay("", node, ",", indent)
    if len(lines) == 1 or not isinstance(node, Union):
        return lines
    return _opened("(", _operands(node.items, "", indent + _STEP), "),", indent)


def _operands(items: tuple[Type, ...], suffix: str, indent: int) -> list[str]:
    lines = [line for each in items for line in lay("| ", each, "", indent)]
    return [*lines[:-1], lines[-1] + suffix]


def _applied(start: str, arguments: tuple[Type, ...], suffix: str, indent: int) -> list[str]:
    if len(arguments) == 1 and isinstance(arguments[0], str | Object):
        return lay(f"{start}<", arguments[0], f">{suffix}", indent)
    *others, last = arguments
    inner = [line for each in others for line in lay("", each, ",", indent + _STEP)]
    inner += lay("", last, "", indent + _STEP)
    return _opened(f"{start}<", inner, f">{suffix}", indent)
