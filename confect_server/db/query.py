"""`Query`: the documents in one range of one index, read as lazily as they are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from confect_core import Table
from confect_core.values import Interval
from confect_core.values.codec import Codec
from confect_server.engine import IndexDefinition, Transaction
from confect_server.errors import NotUnique

D = TypeVar("D", bound=Table)

Order = Literal["asc", "desc"]


@dataclass(frozen=True)
class Query(Generic[D]):
    """Documents of one table, in the order of an index; ascending unless told otherwise.

    Nothing is read before a result is asked for, and what is read, no more, is what a
    subscription or a conflict depends on.
    """

    _transaction: Transaction
    _codec: Codec[Any]
    _table: str
    _index: IndexDefinition
    _interval: Interval
    _order: Order = "asc"

    def order(self, order: Order) -> Query[D]:
        """The same documents, in this order."""
        return replace(self, _order=order)

    def __aiter__(self) -> AsyncIterator[D]:
        """Each document in turn; leaving the loop early reads no further."""
        return self._documents()

    async def collect(self) -> list[D]:
        """All documents of the range."""
        return [document async for document in self]

    async def take(self, count: int) -> list[D]:
        """The first `count` documents."""
        if count <= 0:
            return []
        return [document async for document in self._documents(at_most=count)]

    async def first(self) -> D | None:
        """The first document, or None if the range is empty."""
        documents = await self.take(1)
        return documents[0] if documents else None

    async def unique(self) -> D | None:
        """The only document, or None if there is none; refuses several with `NotUnique`."""
        documents = await self.take(2)
        if len(documents) > 1:
            raise NotUnique(self._table, self._index.name)
        return documents[0] if documents else None

    async def _documents(self, at_most: int | None = None) -> AsyncIterator[D]:
        rows = self._transaction.range(self._index, self._interval, self._order, at_most)
        async for row in rows:
            yield self._codec.decode(row.document)
