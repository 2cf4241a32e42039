"""`Implementations`: the middleware that an application implements, found by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confect_core.errors import SpecError
from confect_core.spec import AnyMiddleware, Chain, CoveredKind, Group
from confect_server.errors import DuplicateMiddleware, ExtraMiddleware, MissingMiddleware
from confect_server.middleware.call import MiddlewareImpl


@dataclass(frozen=True)
class Implementations:
    """What implements middleware, in the order in which it was given."""

    given: tuple[MiddlewareImpl[Any, Any], ...] = ()

    def with_one(self, implemented: MiddlewareImpl[Any, Any]) -> Implementations:
        """These and one more."""
        return Implementations((*self.given, implemented))

    def of(self, chain: Chain) -> tuple[MiddlewareImpl[Any, Any], ...]:
        """What implements the middleware of a function, in the same order."""
        found = {(each.spec, kind): each for each in self.given for kind in each.kinds}
        return tuple(found[middleware, chain.kind] for middleware in chain.middleware)

    def mistakes(self, groups: Mapping[str, Group]) -> list[SpecError]:
        """What is missing for these groups, what is there in vain, what is there twice."""
        used = _used(groups)
        found: list[SpecError] = [*self._missing(used)]
        for position, each in enumerate(self.given):
            name = each.spec.__name__
            if not any((each.spec, kind) in used for kind in each.kinds):
                found.append(ExtraMiddleware(name, each.where))
            before = {
                kind
                for other in self.given[:position]
                for kind in other.kinds
                if other.spec is each.spec
            }
            twice = [kind for kind in each.kinds if kind in before]
            found += [DuplicateMiddleware(name, kind, each.where) for kind in twice]
        return found

    def _missing(
        self, used: Mapping[tuple[AnyMiddleware, CoveredKind], list[str]]
    ) -> Iterator[SpecError]:
        implemented = {(each.spec, kind) for each in self.given for kind in each.kinds}
        for (middleware, kind), functions in used.items():
            if (middleware, kind) not in implemented:
                yield MissingMiddleware(middleware.__name__, kind, functions, middleware.where)


def _used(groups: Mapping[str, Group]) -> dict[tuple[AnyMiddleware, CoveredKind], list[str]]:
    """The functions behind each middleware, by their kind."""
    used: dict[tuple[AnyMiddleware, CoveredKind], list[str]] = {}
    for path, group in groups.items():
        for name, function in group.functions.items():
            chain = function.passes(group.middleware)
            for each in chain.middleware:
                used.setdefault((each, chain.kind), []).append(f"{path}:{name}")
    return used
