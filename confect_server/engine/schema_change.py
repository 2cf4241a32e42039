"""`SchemaChange`: from the tables that there are to the tables that an application declares.

While the old version goes on reading and writing, every stored document of a table whose shape has
changed is checked, and new indexes are filled: from the commit that makes them on every transaction
writes into them, and what was there before is entered in steps, each a small transaction that notes
how far it got, so that a crash costs one step. Then, while nobody else commits in any process, what
was written meanwhile is checked too, and one transaction puts the new schema in force: tables,
shapes, indexes that can be read from now on, indexes that are gone. A document that does not fit
ends the change before that, and then it leaves nothing but the numbers of indexes that it made.

Rejected: to record the whole table as read by the last transaction instead of letting it run alone;
a table that is always written to would never be changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import anyio
import anyio.lowlevel

from confect_core.values import Interval, Value
from confect_server.engine.catalog import (
    BACKFILLS,
    EMPTY_CATALOG,
    INDEXES,
    TABLES,
    Catalog,
    IndexState,
    TableEntry,
    index_document,
    number_of,
    table_document,
)
from confect_server.engine.errors import Conflict
from confect_server.engine.index import BY_CREATION_TIME, IndexDefinition
from confect_server.engine.pauses import PausePoint
from confect_server.engine.schema_plan import DeclaredTable, SchemaPlan
from confect_server.engine.snapshot import Found, rest_of
from confect_server.engine.transaction import Transaction

if TYPE_CHECKING:
    from confect_server.engine.committer import Turn
    from confect_server.engine.database import Database

_STEP = 200
"""How many documents a step reads: a few milliseconds."""
_MOST_ALONE = 500
"""How many documents are checked while nobody else commits."""
_FREE_ATTEMPTS = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Backfill:
    """How far the filling of a new index has come."""

    table: str
    index: str
    done: int
    total: int


class SchemaChange:
    """Brings a database to what an application declares; doing it again changes nothing."""

    def __init__(
        self,
        database: Database,
        tables: Mapping[str, DeclaredTable],
        written_since: Callable[[int, int], frozenset[bytes]],
        tell: Callable[[Backfill], None],
    ) -> None:
        self._database = database
        self._tables = tables
        self._written_since = written_since
        self._tell = tell
        self._checked: set[int] = set()  # the tables whose stored documents were looked at
        self._planned = SchemaPlan(database.catalog, tables)

    async def apply(self) -> None:
        """Return once the schema is in force; raises whatever the check of a document raises."""
        while not self._plan(self._database.catalog).is_empty:
            if await self._applied():
                return

    async def _applied(self) -> bool:
        """Prepare the change and put it in force; False if it has to be prepared again."""
        since_ts = await self._check_stored()
        await self._database.pauses.reached(PausePoint.SCHEMA_CHECKED)
        await self._in_transaction(self._begin_indexes)
        try:
            since_ts = await self._fill_indexes(since_ts)
            while True:
                since_ts = await self._check_written(since_ts)
                async with self._database.turn() as turn:
                    end = await self._put_in_force(since_ts, turn)
                if end != "check more":
                    return end == "in force"
        except Conflict:
            return False
        except Exception:
            await self._in_transaction(self._give_indexes_up)
            raise

    async def _in_transaction(self, attempt: Callable[[Transaction], Awaitable[T]]) -> T:
        for _ in range(_FREE_ATTEMPTS):
            with suppress(Conflict):
                transaction = self._database.begin()
                result = await attempt(transaction)
                await self._database.commit(transaction)
                return result
        async with self._database.turn() as turn:
            transaction = self._database.begin(turn=turn)
            result = await attempt(transaction)
            await self._database.commit(transaction, turn)
            return result

    def _plan(self, catalog: Catalog) -> SchemaPlan:
        """What has to happen to a catalog; found anew only if it is another one.

        It is asked for at every step, and to compare two shapes takes longer than to check a
        document.
        """
        if self._planned.catalog is not catalog:
            self._planned = SchemaPlan(catalog, self._tables)
        return self._planned

    # Documents.

    async def _check_stored(self) -> int:
        """Check every document of the tables whose shape changes; since when more may be written.

        What is written meanwhile is checked in between: the log does not know it for ever.
        """
        since_ts = self._database.newest_ts
        self._checked = set()
        for table, shape in self._plan(self._database.catalog).to_check:
            rest = Interval.all()
            while True:
                transaction = self._database.begin(is_read_only=True)
                by_time = table.indexes[BY_CREATION_TIME]
                found = [each async for each in transaction.range(by_time, rest, at_most=_STEP)]
                for each in found:
                    shape.check(each.document, transaction.catalog)
                if len(found) < _STEP:
                    break
                rest = rest_of(rest, found[-1].key, "asc")
                await anyio.lowlevel.checkpoint()
                since_ts = await self._check_written(since_ts)
            self._checked.add(table.number)
        return since_ts

    async def _check_written(self, since_ts: int) -> int:
        """Check what was written meanwhile, until little is left for the last step."""
        while True:
            newest_ts = self._database.newest_ts
            transaction = self._database.begin(newest_ts, is_read_only=True)
            if await self._check_changed(transaction, since_ts, None) <= _MOST_ALONE:
                return newest_ts
            since_ts = newest_ts

    async def _check_changed(
        self, transaction: Transaction, since_ts: int, at_most: int | None
    ) -> int:
        """Check what was written after `since_ts`, unless it is too much; how much it is."""
        plan = self._plan(transaction.catalog)
        written = [
            (table, shape, self._written_since(table.number, since_ts))
            for table, shape in plan.to_check
        ]
        count = sum(len(ids) for _, _, ids in written)
        if at_most is not None and count > at_most:
            return count
        for table, shape, ids in written:
            for id in ids:
                document = await transaction.get(table.number, id)
                if document is not None:
                    shape.check(document, transaction.catalog)
        return count

    # Indexes.

    async def _begin_indexes(self, transaction: Transaction) -> None:
        """Make what is to be filled, and give up what an earlier change has left half filled."""
        plan = self._plan(transaction.catalog)
        rows = await _rows_of(transaction, INDEXES)
        for index in plan.half_filled_for_nobody:
            await _set_state(transaction, rows[index.number], index, "removed")
            await _delete_progress(transaction, index)
        number = transaction.catalog.next_index
        for table, name, fields in plan.to_fill:
            index = IndexDefinition(number, name, table.number, fields, is_ready=False)
            number += 1
            await transaction.insert(INDEXES, index_document(index, "backfilling"))
            total = await transaction.count(table.number)
            await transaction.insert(BACKFILLS, _progress(index, 0, total, None))

    async def _fill_indexes(self, since_ts: int) -> int:
        """Fill what is half filled; since when something may be written that is not checked."""
        await self._database.pauses.reached(PausePoint.INDEX_BEGUN)
        for table, index in self._plan(self._database.catalog).half_filled:
            while not await self._in_transaction(partial(self._step, table, index)):
                await self._database.pauses.reached(PausePoint.INDEX_STEPPED)
                await anyio.lowlevel.checkpoint()
                since_ts = await self._check_written(since_ts)
        return since_ts

    async def _step(
        self, table: TableEntry, index: IndexDefinition, transaction: Transaction
    ) -> bool:
        """Enter some more documents into an index; is it complete now?

        They are found by a transaction of their own, so that only their own change is in the way of
        the step, and not the many that are inserted behind the last one.
        """
        progress = (await _rows_of(transaction, BACKFILLS)).get(index.number)
        if progress is None or progress.document["is_complete"]:
            return True  # another process fills it too, or gave it up
        cursor = cast("bytes | None", progress.document["cursor"])
        rest = Interval.all() if cursor is None else rest_of(Interval.all(), cursor, "asc")
        looking = self._database.begin(is_read_only=True)
        by_time = table.indexes[BY_CREATION_TIME]
        found = [each async for each in looking.range(by_time, rest, at_most=_STEP)]
        for each in found:
            document = await transaction.get(table.number, each.id)
            if document is not None:
                transaction.backfill(index, each.id, document)
        done = int(cast("float", progress.document["done"])) + len(found)
        total = max(done, int(cast("float", progress.document["total"])))
        last = found[-1].key if found else cursor
        is_complete = len(found) < _STEP
        fields = _progress(index, done, total, last, is_complete=is_complete)
        await transaction.replace(BACKFILLS, progress.id, fields)
        self._tell(Backfill(table.name, index.name, done, total))
        return is_complete

    async def _give_indexes_up(self, transaction: Transaction) -> None:
        """Remove what this change has begun to fill."""
        plan = self._plan(transaction.catalog)
        rows = await _rows_of(transaction, INDEXES)
        for _, index in plan.half_filled:
            await _set_state(transaction, rows[index.number], index, "removed")
            await _delete_progress(transaction, index)

    # All at once.

    async def _put_in_force(
        self, since_ts: int, turn: Turn
    ) -> Literal["in force", "check more", "prepare again"]:
        """Check the last documents and write the schema, unless too much has happened."""
        transaction = self._database.begin(turn=turn)
        plan = self._plan(transaction.catalog)
        is_checked = all(table.number in self._checked for table, _ in plan.to_check)
        if plan.to_fill or not is_checked or not await _are_complete(transaction, plan):
            return "prepare again"
        if await self._check_changed(transaction, since_ts, _MOST_ALONE) > _MOST_ALONE:
            return "check more"
        await _write(transaction, plan)
        await self._database.pauses.reached(PausePoint.SCHEMA_WRITTEN)
        await self._database.commit(transaction, turn)
        return "in force"


async def _are_complete(transaction: Transaction, plan: SchemaPlan) -> bool:
    progress = await _rows_of(transaction, BACKFILLS)
    return all(
        index.number in progress and progress[index.number].document["is_complete"]
        for _, index in plan.half_filled
    )


async def _write(transaction: Transaction, plan: SchemaPlan) -> None:
    """Write the schema that is to be in force."""
    tables = await _rows_of(transaction, TABLES)
    indexes = await _rows_of(transaction, INDEXES)
    for table, text in plan.to_describe:
        row = table_document(table.name, table.number, text)
        await transaction.replace(TABLES, tables[table.number].id, row)
    for index in (*plan.to_remove, *plan.half_filled_for_nobody):
        await _set_state(transaction, indexes[index.number], index, "removed")
    for _, index in plan.half_filled:
        await _set_state(transaction, indexes[index.number], index, "ready")
        await _delete_progress(transaction, index)
    number = transaction.catalog.next_index
    for table_no, (name, declared) in enumerate(
        plan.to_make.items(), start=transaction.catalog.next_table
    ):
        await transaction.insert(TABLES, table_document(name, table_no, declared.text))
        for index_name, fields in declared.wanted.items():
            index = IndexDefinition(number, index_name, table_no, fields)
            await transaction.insert(INDEXES, index_document(index))
            number += 1


async def _set_state(
    transaction: Transaction, row: Found, index: IndexDefinition, state: IndexState
) -> None:
    await transaction.replace(INDEXES, row.id, index_document(index, state))


async def _delete_progress(transaction: Transaction, index: IndexDefinition) -> None:
    row = (await _rows_of(transaction, BACKFILLS)).get(index.number)
    if row is not None:
        await transaction.delete(BACKFILLS, row.id)


async def _rows_of(transaction: Transaction, table_no: int) -> dict[int, Found]:
    """The documents of a table of the catalog, by the numbers of what they are about."""
    by_time = EMPTY_CATALOG.indexes_of(table_no)[0]
    found = transaction.range(by_time, Interval.all())
    return {number_of(each.document): each async for each in found}


def _progress(
    index: IndexDefinition,
    done: int,
    total: int,
    cursor: bytes | None,
    *,
    is_complete: bool = False,
) -> dict[str, Value]:
    """How the catalog stores how far an index is filled."""
    return {
        "number": float(index.number),
        "done": float(done),
        "total": float(total),
        "cursor": cursor,
        "is_complete": is_complete,
    }
