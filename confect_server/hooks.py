"""Write hooks: functions that run inside a mutation whenever it writes to a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Generic, Never, Union, cast, get_args, get_origin, overload

from typing_extensions import TypeForm, TypeIs, TypeVar

from confect_core import Table
from confect_core.errors import SpecError, Where
from confect_core.tables import definition_of
from confect_core.values.codec import Codec
from confect_server.ctx import MutationCtx
from confect_server.db import (
    Change,
    DataModel,
    OpenTables,
    UndeclaredDocument,
    UndeclaredTablesWriter,
)
from confect_server.db.undeclared import codec_of
from confect_server.engine import Catalog
from confect_server.errors import NotWatchable, PartlyWatched

D = TypeVar("D", bound=Table)
N = TypeVar("N")
N_co = TypeVar("N_co", covariant=True, default=Never)


@dataclass(frozen=True, eq=False)
class WriteHook(Generic[N_co]):
    """A function that runs after each write to some tables; `N` are the services it asks for."""

    documents: tuple[object, ...]
    handler: Callable[[MutationCtx[Any, Any], Change[Any]], Awaitable[None]]
    where: Where

    @property
    def name(self) -> str:
        """What the function is called."""
        return self.handler.__name__

    def mistakes(self, model: DataModel) -> Iterator[SpecError]:
        """Everything in what it watches that cannot be, in an application with these tables."""
        known = {definition_of(each).name for each in model.tables}
        for each in self.documents:
            if isinstance(each, str):
                if each in known or not issubclass(model.writer, UndeclaredTablesWriter):
                    yield NotWatchable(self.name, each, self.where)
            elif not _is_table(each) or definition_of(each).name not in known:
                yield NotWatchable(self.name, each, self.where)
            elif missing := _unwatched(each, self.documents):
                yield PartlyWatched(self.name, definition_of(each).name, missing, self.where)

    def _needs(self) -> N_co:
        # never called: it is how type checkers learn which services the hook asks for
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class WatchedTable:
    """A table with its hooks, in the order in which they were given, and what decodes for them."""

    name: str
    codec: Codec[Any]
    hooks: tuple[WriteHook[Any], ...]


@dataclass(frozen=True, eq=False)
class WatchedTables:
    """The tables that are watched: declared ones by their numbers, others by their names."""

    by_number: Mapping[int, WatchedTable]
    by_name: Mapping[str, WatchedTable]

    @classmethod
    def of(cls, hooks: Iterable[WriteHook[Any]], tables: OpenTables) -> WatchedTables:
        """What these hooks watch in an open database."""
        declared: dict[int, dict[WriteHook[Any], None]] = {}
        undeclared: dict[str, dict[WriteHook[Any], None]] = {}
        for hook in hooks:
            for each in hook.documents:
                if isinstance(each, str):
                    undeclared.setdefault(each, {})[hook] = None
                else:
                    number = tables.of_document(cast("type[Table]", each)).number
                    declared.setdefault(number, {})[hook] = None
        opened = {number: tables.by_number[number] for number in declared}
        return cls(
            {
                number: WatchedTable(table.name, table.codec, tuple(declared[number]))
                for number, table in opened.items()
            },
            {
                name: WatchedTable(name, codec_of(name), tuple(several))
                for name, several in undeclared.items()
            },
        )

    def __bool__(self) -> bool:
        return bool(self.by_number or self.by_name)

    def find(self, table_no: int, catalog: Catalog) -> WatchedTable | None:
        """The table with a number, if it is watched; who declares none may make it any time."""
        if table_no in self.by_number or not self.by_name:
            return self.by_number.get(table_no)
        named = (name for name in self.by_name if catalog.has(name))
        found = (each for each in named if catalog.table(each).number == table_no)
        return next((self.by_name[name] for name in found), None)


@overload
def on_write(
    table: str, /
) -> Callable[
    [Callable[[MutationCtx[N, Any], Change[UndeclaredDocument]], Awaitable[None]]], WriteHook[N]
]: ...
@overload
def on_write(
    tables: TypeForm[D], /
) -> Callable[[Callable[[MutationCtx[N, Any], Change[D]], Awaitable[None]]], WriteHook[N]]: ...
def on_write(tables: Any, /) -> Any:
    """Run a function inside the mutation after each write to a table, or to several joined by `|`.

        @on_write(Note)
        async def audit(ctx: MutationCtx, change: Change[Note]) -> None:
            await ctx.db.entries.insert(note=change.id, is_new=change.is_insert)

        app = Impl(live).provide(notes).watch(audit)

    It sees every insert, patch, replace and delete, those of nested mutations too, and is undone
    with them; a write that changes nothing is none. What it raises fails the write, and undoes what
    hooks before it wrote. It may write itself, which runs hooks again. A table with variants is
    watched by its class or by all of its variants, one that no class declares by its name.
    """
    where = Where.of_caller()
    documents = tuple(_classes_of(tables))

    def watch(handler: Any) -> WriteHook[Any]:
        return WriteHook(documents, handler, where)

    return watch


def _classes_of(form: Any) -> Iterator[object]:
    """The classes that a union joins, also under the name of an alias."""
    value = getattr(form, "__value__", form)
    if get_origin(value) in (Union, UnionType):
        for each in get_args(value):
            yield from _classes_of(each)
    else:
        yield value


def _is_table(given: object) -> TypeIs[type[Table]]:
    return isinstance(given, type) and issubclass(given, Table) and given is not Table


def _unwatched(document: Any, watched: tuple[object, ...]) -> list[str]:
    """The variants of its table that a hook would be given, and does not say so."""
    definition = definition_of(document)
    if definition.union is None or definition.model in watched:
        return []
    return [each.__name__ for each in definition.union.variants if each not in watched]
