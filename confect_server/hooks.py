"""Write hooks: functions that run inside a mutation whenever it writes to a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Generic, Never, TypeAlias, Union, cast, get_args, get_origin

from typing_extensions import TypeForm, TypeIs, TypeVar

from confect_core import Table
from confect_core.errors import SpecError, Where
from confect_core.tables import definition_of
from confect_server.ctx import MutationCtx
from confect_server.db import Change, OpenTables
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

    def mistakes(self, tables: Iterable[type[Table]]) -> Iterator[SpecError]:
        """Everything in what it watches that cannot be, in an application with these tables."""
        known = {definition_of(each).name for each in tables}
        for each in self.documents:
            if not _is_table(each) or definition_of(each).name not in known:
                yield NotWatchable(self.name, each, self.where)
            elif missing := _unwatched(each, self.documents):
                yield PartlyWatched(self.name, definition_of(each).name, missing, self.where)

    def _needs(self) -> N_co:
        # never called: it is how type checkers learn which services the hook asks for
        raise NotImplementedError


HooksByTable: TypeAlias = Mapping[int, tuple[WriteHook[Any], ...]]
"""The hooks of each table that is watched, by its number."""


def on_write(
    tables: TypeForm[D], /
) -> Callable[[Callable[[MutationCtx[N, Any], Change[D]], Awaitable[None]]], WriteHook[N]]:
    """Run a function inside the mutation after each write to a table, or to several joined by `|`.

        @on_write(Note)
        async def audit(ctx: MutationCtx, change: Change[Note]) -> None:
            await ctx.db.entries.insert(note=change.id, is_new=change.is_insert)

        app = Impl(live).provide(notes).watch(audit)

    It sees every insert, patch, replace and delete, those of nested mutations too, and is undone
    with them; a write that changes nothing is none. What it raises fails the write, and undoes what
    hooks before it wrote. It may write itself, which runs hooks again. A table with variants is
    watched by its class or by all of its variants.
    """
    where = Where.of_caller()
    documents = tuple(_classes_of(tables))

    def watch(
        handler: Callable[[MutationCtx[N, Any], Change[D]], Awaitable[None]],
    ) -> WriteHook[N]:
        return WriteHook(documents, handler, where)

    return watch


def hooks_by_table(hooks: Iterable[WriteHook[Any]], tables: OpenTables) -> HooksByTable:
    """The hooks of each table in the order in which they were given."""
    found: dict[int, dict[WriteHook[Any], None]] = {}
    for hook in hooks:
        for each in hook.documents:
            access = tables.of_document(cast("type[Table]", each))
            found.setdefault(access.number, {})[hook] = None
    return {number: tuple(several) for number, several in found.items()}


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
