"""The errors that a function or a middleware declares."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Never, cast, get_args

from confect_core.errors import SpecError, TaggedError, Where
from confect_core.spec.errors import DuplicateTag, NotAnError, ReservedName
from confect_core.values.codec import Codec


@dataclass(frozen=True)
class DeclaredErrors:
    """Classes of errors, each with the codec that carries it."""

    classes: tuple[type[TaggedError], ...] = ()

    @classmethod
    def of(cls, error: object | None) -> DeclaredErrors:
        """The errors that a declaration names, several joined with `|`."""
        if error is None or error is Never:
            return cls()
        return cls(cast("Any", get_args(error) or (error,)))

    def joined(self, *others: DeclaredErrors) -> DeclaredErrors:
        """These and others, each class once."""
        every = (self, *others)
        return DeclaredErrors(tuple(dict.fromkeys(one for each in every for one in each.classes)))

    @cached_property
    def codecs(self) -> dict[str, Codec[TaggedError]]:
        """How each of them travels, by its tag."""
        return {error.tag: Codec(error, what=error.tag) for error in self.classes}

    def mistakes(self, where: Where) -> list[SpecError]:
        """Everything that these classes cannot be, alone and together."""
        strangers = [
            NotAnError(error, where)
            for error in self.classes
            if not (isinstance(error, type) and issubclass(error, TaggedError))  # pyright: ignore[reportUnnecessaryIsInstance]  # users without a type checker
        ]
        if strangers:
            return [*strangers]
        return [*_reserved_fields(self.classes, where), *self.ambiguous(where)]

    def uncarryable(self) -> list[SpecError]:
        """The fields of errors that cannot travel."""
        return [mistake for codec in self.codecs.values() for mistake in codec.mistakes()]

    def ambiguous(self, where: Where) -> list[SpecError]:
        """The tags that several of the classes have."""
        tags = [error.tag for error in self.classes]
        return [DuplicateTag(tag, where) for tag in sorted({t for t in tags if tags.count(t) > 1})]


def _reserved_fields(errors: tuple[type[TaggedError], ...], where: Where) -> list[SpecError]:
    """The fields of errors that would hide what every exception has."""
    because = "every error has an attribute of that name"
    return [
        ReservedName(f"field of {error.tag}", name, because, "rename the field", where)
        for error in errors
        for name in inspect.get_annotations(error)
        if hasattr(TaggedError, name) or name == "tag"
    ]
