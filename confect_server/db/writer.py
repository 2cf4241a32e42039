"""Writing: the typed face of a transaction that may also change documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, Generic, Literal, Protocol, TypeAlias, cast

from typing_extensions import ParamSpec, TypeVar

from confect_core import Id, Table
from confect_core.values import Value
from confect_server.db.open_tables import TableAccess
from confect_server.db.reader import DatabaseReader, Key, TableReader
from confect_server.engine import Document
from confect_server.errors import NoSuchDocument

P = ParamSpec("P")
D = TypeVar("D", bound=Table)


class Unchanged(Enum):
    """The type of `UNCHANGED`; an enum so that type checkers keep it apart from any value."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
"""What a field that a patch does not mention stands for."""

NotChanged: TypeAlias = Literal[Unchanged.UNCHANGED]


class Writes(Protocol):
    """What changes documents: a transaction, or one in which hooks run with the writes."""

    async def insert(self, table_no: int, fields: dict[str, Value]) -> str:
        """Add a document and give its id."""
        ...

    async def replace(self, table_no: int, id: bytes, fields: dict[str, Value]) -> bool:
        """Give a document new fields; False if there is no such document."""
        ...

    async def change(
        self, table_no: int, id: bytes, fields_from: Callable[[Document], dict[str, Value]]
    ) -> bool:
        """Give a document fields that are found from those it has; False if there is none."""
        ...

    async def delete(self, table_no: int, id: bytes) -> bool:
        """Remove a document; False if there is no such document."""
        ...


class DatabaseWriter(DatabaseReader):
    """What `ctx.db` offers in a mutation; the generated subclass has an attribute for a table."""

    # in the class, because few applications watch what is written
    _watched: Writes | None = None
    """What writes instead of the transaction itself."""

    def table(self, table: Callable[P, D]) -> TableWriter[P, D]:
        """One table by its class, for code that knows no generated names."""
        return TableWriter(self, cast("type[D]", table))

    async def insert(self, document: D) -> Id[D]:
        """Add a document that was made by its class, and give its id."""
        access = self._tables.of_document(type(document))
        return cast("Id[D]", await self._writes.insert(access.number, access.encode(document)))

    async def delete(self, id: Id[Any]) -> None:
        """Delete a document; refuses one that does not exist with `NoSuchDocument`."""
        access, internal = self._located(id)
        await self._delete(access, internal, id)

    async def _delete(self, access: TableAccess, internal: bytes, id: str) -> None:
        if not await self._writes.delete(access.number, internal):
            raise NoSuchDocument("delete", id)

    @property
    def _writes(self) -> Writes:
        return self._watched or self._transaction


class TableWriter(TableReader[D, Key], Generic[P, D, Key]):
    """Reads and writes one table; `P` are its fields as the keyword arguments of its class."""

    async def insert(self, *args: P.args, **fields: P.kwargs) -> Id[D]:
        """Add a document and give its id."""
        document = self._access.make(*args, **fields)
        encoded = self._access.encode(document)
        return cast("Id[D]", await self._writes.insert(self._access.number, encoded))

    async def change(self, id: Id[Key], changes: Mapping[str, object]) -> None:
        """Change the fields that are mentioned; the generated `patch` is typed for each of them.

        An optional field is removed by its default. A missing document is refused.
        """
        mentioned = {name: value for name, value in changes.items() if value is not UNCHANGED}

        def changed(row: Document) -> dict[str, Value]:
            current = self._access.codec.decode(row)
            fields = {name: getattr(current, name) for name in _fields_of(current)}
            return self._access.encode(self._access.make(**{**fields, **mentioned}))

        number, internal = self._access.number, self._internal(id)
        if not await self._writes.change(number, internal, changed):
            raise NoSuchDocument("patch", id)

    async def replace(self, id: Id[Key], *args: P.args, **fields: P.kwargs) -> None:
        """Give a document a new content; it keeps its id and its creation time."""
        if not await self._put(id, self._access.make(*args, **fields)):
            raise NoSuchDocument("replace", id)

    async def delete(self, id: Id[Key]) -> None:
        """Delete a document; refuses one that does not exist with `NoSuchDocument`."""
        db = cast("DatabaseWriter", self._db)
        await db._delete(self._access, self._internal(id), id)

    @property
    def _writes(self) -> Writes:
        return cast("DatabaseWriter", self._db)._writes

    async def _put(self, id: Id[Key], document: Table) -> bool:
        internal = self._internal(id)
        fields = self._access.encode(document)
        return await self._writes.replace(self._access.number, internal, fields)


def _fields_of(document: Table) -> list[str]:
    return [name for name in type(document).model_fields if name not in ("id", "creation_time")]
