"""Middleware: what calls pass before they reach a function, declared without its logic."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, Never, TypeAlias, cast, get_args, get_origin

from typing_extensions import TypeVar, get_original_bases

from confect_core.errors import SpecError, Where, refuse
from confect_core.provided import Provided
from confect_core.spec.args import Args
from confect_core.spec.declared_errors import DeclaredErrors
from confect_core.spec.errors import (
    ArgsNotExtended,
    BehindTwice,
    NotArgs,
    NotMiddleware,
    NotProvidable,
    PlainBehind,
    UncoveredKind,
    UnknownKind,
    UnmetRequirement,
)

E_co = TypeVar("E_co", covariant=True, default=Never)
Provides_co = TypeVar("Provides_co", covariant=True, default=None)
Requires_co = TypeVar("Requires_co", covariant=True, default=Never)
Takes_co = TypeVar("Takes_co", covariant=True, default=Args)

CoveredKind: TypeAlias = Literal["query", "mutation", "action"]
"""The kinds of functions that a middleware may be in front of; a paginated query is a query."""

KINDS: tuple[CoveredKind, ...] = ("query", "mutation", "action")


class Middleware(Generic[E_co, Provides_co, Requires_co, Takes_co]):
    """What calls pass before they reach a function: subclass it, put groups and functions behind.

        class SignedIn(Middleware[NotSignedIn | Banned, CurrentUser]):
            '''For those who are signed in.'''

        class Notes(GroupSpec, behind=[SignedIn]):
            list_ = FunctionSpec.public_query(returns=list[Note])

    The first parameter are the errors that it fails with, `Never` if there are none; they join
    those of each function behind it. The second is what it provides to them, a `Provided`, and the
    third what it requires of middleware before it, several joined with `|`. The fourth is a model
    of arguments that those of each function behind it extend, so that it may look at them:

        class InTenant(Middleware[NoSuchTenant, Tenant, CurrentUser, ByTenant]): ...

    With `kinds` it is for functions of these kinds only.
    """

    errors: ClassVar[DeclaredErrors] = DeclaredErrors()
    provides: ClassVar[type[Provided] | None] = None
    requires: ClassVar[tuple[type[Provided], ...]] = ()
    takes: ClassVar[type[Args]] = Args
    kinds: ClassVar[frozenset[CoveredKind]] = frozenset(KINDS)
    where: ClassVar[Where]

    def __init_subclass__(cls, *, kinds: Collection[CoveredKind] | None = None) -> None:
        super().__init_subclass__()
        cls.where = Where.of_caller()
        if kinds is not None:
            cls.kinds = frozenset(kinds)
        for base in get_original_bases(cls):
            if get_origin(base) is Middleware:
                cls._declare(*get_args(base))
        refuse(f"middleware {cls.__name__}", cls._early_mistakes())

    @classmethod
    def mistakes(cls) -> list[SpecError]:
        """Everything in its errors that cannot be, now that all modules are loaded."""
        found = cls.errors.uncarryable()
        for mistake in found:
            mistake.where = mistake.where or cls.where
        return found

    @classmethod
    def _early_mistakes(cls) -> list[SpecError]:
        taken = [cls.provides, *cls.requires]
        strangers = [each for each in taken if each is not None and not _is_provided(each)]
        unknown = sorted(cls.kinds - {*KINDS})
        return [
            *cls.errors.mistakes(cls.where),
            *(NotProvidable(cls.__name__, each, cls.where) for each in strangers),
            *([] if _is_args(cls.takes) else [NotArgs(cls.takes, cls.where)]),
            *(UnknownKind(cls.__name__, each, KINDS, cls.where) for each in unknown),
        ]

    @classmethod
    def _declare(
        cls,
        error: object = Never,
        provides: object = None,
        requires: object = Never,
        takes: object = Args,
    ) -> None:
        cls.errors = DeclaredErrors.of(error)
        nothing = provides is None or provides is type(None)
        cls.provides = None if nothing else cast("type[Provided]", provides)
        several = () if requires is Never else get_args(requires) or (requires,)
        cls.requires = cast("tuple[type[Provided], ...]", several)
        cls.takes = cast("type[Args]", takes)

    def _types(self) -> tuple[E_co, Provides_co, Requires_co, Takes_co]:
        # never called: it is how type checkers learn the variance of the parameters
        raise NotImplementedError


AnyMiddleware: TypeAlias = type[Middleware[object, object, object, object]]


@dataclass(frozen=True)
class Chain:
    """The middleware of one function, outermost first."""

    middleware: tuple[AnyMiddleware, ...]
    kind: CoveredKind
    own_errors: DeclaredErrors | None
    """What the function itself declares; a plain function cannot declare any."""
    args: type[Args] = Args
    """What the function takes."""

    @property
    def joined(self) -> DeclaredErrors:
        """The errors that the middleware adds to those of the function."""
        return DeclaredErrors().joined(*(each.errors for each in self.middleware))

    @property
    def provided(self) -> tuple[type[Provided], ...]:
        """What the handler may ask for."""
        return tuple(each.provides for each in self.middleware if each.provides is not None)

    def mistakes(self, name: str, where: Where) -> list[SpecError]:
        """Everything in the order and the choice of middleware that cannot be."""
        if not self.middleware:
            return []
        if self._strangers:
            return [NotMiddleware(name, each, where) for each in self._strangers]
        if self.own_errors is None:
            return [PlainBehind(name, self.middleware[0].__name__, where)]
        return [
            *(BehindTwice(name, each, where) for each in self._twice()),
            *(
                UncoveredKind(name, self.kind, each.__name__, each.kinds, where)
                for each in self.middleware
                if self.kind not in each.kinds
            ),
            *(
                ArgsNotExtended(name, self.args, each.__name__, each.takes, where)
                for each in self.middleware
                if _is_args(self.args) and not issubclass(self.args, each.takes)
            ),
            *self.own_errors.joined(self.joined).ambiguous(where),
        ]

    def unmet(self, name: str, where: Where) -> list[SpecError]:
        """What its middleware requires that none before it provides; its group has to be known."""
        if self._strangers:
            return []
        offered: set[object] = set()
        found: list[SpecError] = []
        for each in self.middleware:
            missing = [one.__name__ for one in each.requires if one not in offered]
            found += [UnmetRequirement(name, each.__name__, one, where) for one in missing]
            offered.add(each.provides)
        return found

    @property
    def _strangers(self) -> list[object]:
        """What users without a type checker take for middleware."""
        return [each for each in self.middleware if not _is_middleware(each)]

    def _twice(self) -> list[str]:
        every = self.middleware
        return [each.__name__ for each in dict.fromkeys(every) if every.count(each) > 1]


def _is_provided(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, Provided)


def _is_args(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, Args)


def _is_middleware(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, Middleware)
