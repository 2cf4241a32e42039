"""Whatever a transaction does, it sees what a dictionary would; and so do those after it."""

from __future__ import annotations

import tempfile
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from confect_core.values import UNDEFINED, BigInt, Interval, Value, decode_id, dumps, key_of
from confect_server.engine import Document, Transaction
from confect_server.store import Order
from tests.server.stores import Running, StoreKind, index_of, new_store

MISSING = "no rank at all"
RANKS = st.sampled_from(
    [MISSING, None, False, True, 0.0, -0.0, 1.0, 2.0, BigInt(1), "a", "a\0b", "b", b"a", ["a"]]
)
BOUNDS = st.sampled_from([b"", *(key_of((rank,)) for rank in (None, 0.0, 1.0, True, "a", "b"))])
INTERVALS = st.builds(Interval, BOUNDS, st.none() | BOUNDS)
ORDERS = st.sampled_from(["asc", "desc"])
PICKS = st.integers(0, 7)

Model = dict[bytes, Document]
Part = AbstractAsyncContextManager[Transaction]


def fields_of(rank: Value) -> dict[str, Value]:
    return {} if rank == MISSING else {"rank": rank}


def place(model: Model, id: bytes) -> bytes:
    document = model[id]
    return key_of((document.get("rank", UNDEFINED), document["_creationTime"], id))


def next_after(model: Model, interval: Interval, order: Order, last: bytes | None) -> bytes | None:
    ahead = [
        id
        for id in model
        if interval.contains(place(model, id))
        and (last is None or (place(model, id) > last) == (order == "asc"))
        and place(model, id) != last
    ]
    if not ahead:
        return None
    return (min if order == "asc" else max)(ahead, key=lambda id: place(model, id))


class Failed(Exception):
    """What undoes a part of a transaction."""


class Transactions(RuleBasedStateMachine):
    kind: StoreKind

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.running = Running(new_store(self.kind, Path(self.folder.name)))
        self.database = self.running.database
        self.committed: Model = {}
        self.pending: Model = {}
        self.transaction: Transaction | None = None
        self.ids: list[bytes] = []
        self.around: list[tuple[Transaction, Part, Model]] = []

    @initialize()
    def declare(self) -> None:
        self.running.run(self.database.declare({"items": {"by_rank": ("rank",)}}))
        self.table = self.database.catalog.table("items").number
        self.index = index_of(self.database, "items", "by_rank")

    def teardown(self) -> None:
        self.running.close()
        self.folder.cleanup()

    def begun(self) -> Transaction:
        if self.transaction is None:
            self.transaction = self.database.begin()
            self.pending = dict(self.committed)
        return self.transaction

    @rule(rank=RANKS)
    def insert(self, rank: Value) -> None:
        self.running.run(self._insert(rank))

    @rule(pick=PICKS, rank=RANKS)
    def replace(self, pick: int, rank: Value) -> None:
        self.running.run(self._replace(pick, rank))

    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        self.running.run(self._delete(pick))

    @rule(pick=PICKS)
    def get(self, pick: int) -> None:
        id = self._picked(pick)
        found = self.running.run(self.begun().get(self.table, id))
        assert dumps(found) == dumps(self.pending.get(id))

    @rule(
        interval=INTERVALS,
        order=ORDERS,
        at_most=st.none() | st.integers(0, 4),
        writes=st.dictionaries(
            st.integers(0, 5), st.tuples(PICKS, RANKS | st.just("delete"), st.booleans())
        ),
    )
    def read(
        self,
        interval: Interval,
        order: Order,
        at_most: int | None,
        writes: dict[int, tuple[int, Value, bool]],
    ) -> None:
        self.running.run(self._read(interval, order, at_most, writes))

    @precondition(lambda self: len(self.around) < 3)
    @rule()
    def enter(self) -> None:
        part = self.begun().nested()
        self.around.append((self.begun(), part, dict(self.pending)))
        self.transaction = self.running.run(part.__aenter__())

    @precondition(lambda self: self.around)
    @rule(fails=st.booleans())
    def leave(self, fails: bool) -> None:
        self.transaction, part, before = self.around.pop()
        self.running.run(left(part, Failed() if fails else None))
        if fails:
            self.pending = before

    @precondition(lambda self: self.transaction is not None and not self.around)
    @rule()
    def commit(self) -> None:
        transaction = self.begun()
        ts = self.running.run(self.database.commit(transaction))
        is_changed = dumps(names(self.pending)) != dumps(names(self.committed))
        assert (ts > transaction.begin_ts) == is_changed
        assert self.database.newest_ts == ts
        self.committed, self.transaction = self.pending, None
        for order in ("asc", "desc"):
            self.running.run(self._read(Interval.all(), order, None, {}))
        self.transaction = None

    @precondition(lambda self: self.transaction is not None and not self.around)
    @rule()
    def forget(self) -> None:
        self.transaction = None

    def _picked(self, pick: int) -> bytes:
        return self.ids[-1 - pick % len(self.ids)] if self.ids else b"?" * 16

    async def _insert(self, rank: Value) -> None:
        id = decode_id(await self.begun().insert(self.table, fields_of(rank)))[1]
        document = await self.begun().get(self.table, id)
        assert document is not None
        self.ids.append(id)
        self.pending[id] = document

    async def _replace(self, pick: int, rank: Value) -> None:
        id = self._picked(pick)
        is_there = await self.begun().replace(self.table, id, fields_of(rank))
        assert is_there == (id in self.pending)
        if is_there:
            system = {name: self.pending[id][name] for name in ("_id", "_creationTime")}
            self.pending[id] = {**fields_of(rank), **system}

    async def _delete(self, pick: int) -> None:
        id = self._picked(pick)
        assert await self.begun().delete(self.table, id) == (id in self.pending)
        self.pending.pop(id, None)

    async def _read(
        self,
        interval: Interval,
        order: Order,
        at_most: int | None,
        writes: dict[int, tuple[int, Value, bool]],
    ) -> None:
        found = self.begun().range(self.index, interval, order, at_most)
        last: bytes | None = None
        count = 0
        while at_most is None or count < at_most:
            id = next_after(self.pending, interval, order, last)
            row = await anext(found, None)
            if id is None:
                assert row is None
                return
            assert row is not None
            assert (row.id, dumps(row.document)) == (id, dumps(self.pending[id]))
            assert row.key == place(self.pending, id)
            last = row.key
            if count in writes:
                await self._write(*writes[count])
            count += 1
        assert await anext(found, None) is None

    async def _write(self, pick: int, rank: Value, is_undone: bool) -> None:
        if is_undone:
            await self._write_and_undo(pick, rank)
        elif rank == "delete":
            await self._delete(pick)
        elif pick == 0:
            await self._insert(rank)
        else:
            await self._replace(pick, rank)

    async def _write_and_undo(self, pick: int, rank: Value) -> None:
        around, before = self.begun(), dict(self.pending)
        with suppress(Failed):
            async with around.nested() as self.transaction:
                await self._write(pick, rank, False)
                raise Failed
        self.transaction, self.pending = around, before


async def left(part: Part, error: Failed | None) -> None:
    with suppress(Failed):
        await part.__aexit__(type(error) if error else None, error, None)


def names(model: Model) -> dict[str, Value]:
    return {id.hex(): document for id, document in model.items()}


class InMemory(Transactions):
    kind = "memory"


class InSqlite(Transactions):
    kind = "sqlite"


class InSuspending(Transactions):
    kind = "suspending"


TestInMemory = InMemory.TestCase
TestInMemory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestInSqlite = InSqlite.TestCase
TestInSqlite.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
TestInSuspending = InSuspending.TestCase
TestInSuspending.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
