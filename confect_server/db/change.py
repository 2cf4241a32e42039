"""`Change`: what a write has done to one document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

from confect_core import Id

D_co = TypeVar("D_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Change(Generic[D_co]):
    """What a write has done to one document."""

    table: str
    """The name of the table."""
    id: Id[D_co]
    before: D_co | None
    """The document as it was, None if the write has inserted it."""
    after: D_co | None
    """The document as it is now, None if the write has deleted it."""

    @property
    def is_insert(self) -> bool:
        """Has the write added the document?"""
        return self.before is None

    @property
    def is_update(self) -> bool:
        """Was the document there before, and is it still?"""
        return self.before is not None and self.after is not None

    @property
    def is_delete(self) -> bool:
        """Has the write removed the document?"""
        return self.after is None
