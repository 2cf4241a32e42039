"""`Declarations`: the types that `api.ts` declares under names of their own.

Each has two forms, as it is received and as it is sent. Where these differ, be it only in what they
refer to, the one that is sent has a name of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from confect_codegen.emit import typescript_nodes as ts
from confect_codegen.emit.source import camel_case

_SENT = "Input"


@dataclass
class Declaration:
    """A type of the file: how it is named, what is said of it, and both of its forms."""

    name: str
    doc: str
    sent: ts.Type = "any"
    received: ts.Type = "any"
    tags: set[str] = field(default_factory=set[str])
    """The fields that tell it apart from other variants, and so have to be sent."""

    @property
    def as_sent(self) -> ts.Type:
        """What may be sent, of which a variant says which one it is."""
        if not isinstance(self.sent, ts.Object):
            return self.sent
        fields = (
            replace(each, is_optional=each.is_optional and each.name not in self.tags)
            for each in self.sent.fields
        )
        return ts.Object(tuple(fields))


class Declarations:
    """The types of one file by what they are declared for, each name given once."""

    def __init__(self, taken: frozenset[str]) -> None:
        self._taken = set(taken)
        self._all: dict[object, Declaration] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._all

    def __getitem__(self, key: object) -> Declaration:
        return self._all[key]

    def declare(self, key: object, wanted: str, doc: str) -> Declaration:
        """A new type, named as it is wanted if nothing else is; its forms are still to be given."""
        start = name = camel_case(re.sub(r"\W+", "_", wanted))
        number = 2
        while self._taken & {name, f"{name}{_SENT}"}:
            name, number = f"{start}{number}", number + 1
        self._taken |= {name, f"{name}{_SENT}"}
        self._all[key] = Declaration(name, doc)
        return self._all[key]

    def named(self, node: ts.Type) -> ts.Type:
        """A type with the names of all that it refers to, once everything is declared."""
        return self._named(node, self._double())

    def used_by(self, *roots: ts.Type) -> Iterator[tuple[str, str, ts.Type]]:
        """The name, the docstring and the type of all that these refer to, directly or not."""
        double = self._double()
        used = self._referred(roots, double)
        for key, each in self._all.items():
            if (key, False) in used:
                yield each.name, each.doc, self._named(each.received, double)
            if (key, True) in used:
                doc = f"`{each.name}` as it is sent: what has a default may be left out."
                yield f"{each.name}{_SENT}", doc, self._named(each.as_sent, double)

    def _double(self) -> set[object]:
        """Those whose forms differ."""
        double = {
            key for key, each in self._all.items() if ts.as_received(each.as_sent) != each.received
        }
        refers = {
            key: {one.key for one in ts.references(each.sent)} for key, each in self._all.items()
        }
        while more := {key for key in refers.keys() - double if refers[key] & double}:
            double |= more
        return double

    def _referred(
        self, roots: tuple[ts.Type, ...], double: set[object]
    ) -> set[tuple[object, bool]]:
        """What is referred to, and whether the form that is sent is."""
        used: set[tuple[object, bool]] = set()
        waiting = [*roots]
        while waiting:
            for each in ts.references(waiting.pop()):
                is_sent = each.is_sent and each.key in double
                if (each.key, is_sent) not in used:
                    used.add((each.key, is_sent))
                    found = self._all[each.key]
                    waiting.append(found.sent if is_sent else found.received)
        return used

    def _named(self, node: ts.Type, double: set[object]) -> ts.Type:
        if isinstance(node, ts.Reference):
            is_apart = node.is_sent and node.key in double
            return f"{self._all[node.key].name}{_SENT if is_apart else ''}"
        return ts.mapped(node, lambda part: self._named(part, double))
