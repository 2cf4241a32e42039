"""What the class of a table says beside its fields: its name, its indexes, its variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import BaseModel

from confect_core.errors import Where
from confect_core.table_errors import IndexAsType


class Index:
    """Finds documents by fields, in their order; ties are in order of creation.

    Assign it in the body of a table: `by_author = Index("author")`. A dotted name reaches into a
    nested model.
    """

    def __init__(self, *fields: str) -> None:
        self.fields = fields
        self.where = Where.of_caller()

    def __getitem__(self, item: object) -> NoReturn:
        # `list = Index(...)` makes one of every `list[str]` further down in the class
        raise IndexAsType(self.where)


@dataclass
class TableUnion:
    """The variants of a table's documents, which a field tells apart; grows with each of them."""

    discriminator: str
    variants: list[type[BaseModel]] = field(default_factory=list[type[BaseModel]])
    is_in_use: bool = False
    """Was a type made of the variants that there were by then?"""


@dataclass(frozen=True)
class TableDefinition:
    """What the class of a table says beside its fields."""

    name: str
    model: type[BaseModel]
    indexes: Mapping[str, Index]
    where: Where
    union: TableUnion | None = None

    @property
    def documents(self) -> tuple[type[BaseModel], ...]:
        """The classes of the documents: the table's own, or its variants."""
        return (self.model,) if self.union is None else tuple(self.union.variants)
