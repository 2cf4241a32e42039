"""Writing: the typed face of a transaction that may also change documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeAlias, cast

from typing_extensions import ParamSpec, TypeVar

from confect_core import Id, Table
from confect_core.values import Value
from confect_server.db.open_tables import TableAccess
from confect_server.db.reader import DatabaseReader, TableReader
from confect_server.errors import NoSuchDocument

P = ParamSpec("P")
D = TypeVar("D", bound=Table)
SYSTEM_FIELDS = frozenset({"_id", "_creationTime"})


class Unchanged(Enum):
    """The type of `UNCHANGED`; an enum so that type checkers keep it apart from any value."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
"""What a field that a patch does not mention stands for."""

NotChanged: TypeAlias = Literal[Unchanged.UNCHANGED]


class DatabaseWriter(DatabaseReader):
    """What `ctx.db` offers in a mutation; the generated subclass has an attribute for a table."""

    def table(self, table: Callable[P, D]) -> TableWriter[P, D]:
        """One table by its class, for code that knows no generated names."""
        return TableWriter(self, cast("type[D]", table))

    async def delete(self, id: Id[Any]) -> None:
        """Delete a document; refuses one that does not exist with `NoSuchDocument`."""
        access, internal = self._located(id)
        await self._delete(access, internal, id)

    async def _delete(self, access: TableAccess, internal: bytes, id: str) -> None:
        if not await self._transaction.delete(access.number, internal):
            raise NoSuchDocument("delete", id)


class TableWriter(TableReader[D], Generic[P, D]):
    """Reads and writes one table; `P` are its fields as the keyword arguments of its class."""

    async def insert(self, *args: P.args, **fields: P.kwargs) -> Id[D]:
        """Add a document and give its id."""
        document = self._model(*args, **fields)
        id = await self._db._transaction.insert(self._access.number, self._fields(document))
        return cast("Id[D]", id)

    async def change(self, id: Id[D], changes: Mapping[str, object]) -> None:
        """Change the fields that are mentioned; the generated `patch` is typed for each of them.

        An optional field is removed by its default. A missing document is refused.
        """
        current = await self.get(id)
        if current is None:
            raise NoSuchDocument("patch", id)
        changed = {name: value for name, value in changes.items() if value is not UNCHANGED}
        fields = {name: getattr(current, name) for name in self._field_names}
        await self._put(id, self._model(**{**fields, **changed}))

    async def replace(self, id: Id[D], *args: P.args, **fields: P.kwargs) -> None:
        """Give a document a new content; it keeps its id and its creation time."""
        if not await self._put(id, self._model(*args, **fields)):
            raise NoSuchDocument("replace", id)

    async def delete(self, id: Id[D]) -> None:
        """Delete a document; refuses one that does not exist with `NoSuchDocument`."""
        db = cast("DatabaseWriter", self._db)
        await db._delete(self._access, self._internal(id), id)

    async def _put(self, id: Id[D], document: Table) -> bool:
        internal = self._internal(id)
        transaction = self._db._transaction
        return await transaction.replace(self._access.number, internal, self._fields(document))

    @property
    def _model(self) -> Callable[..., Table]:
        return self._access.model

    @property
    def _field_names(self) -> list[str]:
        return [
            name for name in self._access.model.model_fields if name not in ("id", "creation_time")
        ]

    def _fields(self, document: Table) -> dict[str, Value]:
        encoded = cast("dict[str, Value]", self._access.codec.encode(document))
        return {name: value for name, value in encoded.items() if name not in SYSTEM_FIELDS}
