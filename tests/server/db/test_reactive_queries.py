"""Whatever a query asks: if nobody told it of a commit, it would find the same again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core import Id, PaginationOptions
from confect_core.values.codec import Codec
from confect_server import Expr, Query, Range, field_of
from confect_server.db import DatabaseReader, TableReader
from confect_server.errors import NotUnique
from tests.server.db.opened import Opened, User, opened

Order: TypeAlias = Literal["asc", "desc"]
Ending: TypeAlias = Literal["collect", "take", "first", "unique", "paginate", "count", "leave"]
Filter: TypeAlias = Callable[[User], bool] | Expr[bool] | None

AGE = field_of(User, lambda user: user.age)
FILTERS: list[Filter] = [None, AGE % 2 == 1, (AGE > 1) & ~(AGE == 3), lambda user: user.age > 2]
USERS = Codec(list[User], what="users")


@dataclass(frozen=True)
class Asked:
    """A query over users, as an application might write it."""

    index: str
    low: int
    width: int
    order: Order
    filter: int
    ending: Ending
    count: int

    async def run(self, db: DatabaseReader) -> object:
        """What the query finds, in a form that equals itself only."""
        users = db.table(User)
        if self.ending == "count":
            return await users.count()
        try:
            return await self._end(self._query(users))
        except NotUnique:
            return "several"

    def _query(self, users: TableReader[User]) -> Query[User]:
        query = users.query()
        if self.index == "by_age":
            query = users.by("by_age", age=Range(gte=self.low, lt=self.low + self.width))
        elif self.index == "by_name":
            query = users.by("by_name", name=str(self.low))
        query = query.order(self.order)
        condition = FILTERS[self.filter]
        return query if condition is None else query.filter(condition)

    async def _end(self, query: Query[User]) -> object:
        if self.ending == "paginate":
            page = await query.paginate(PaginationOptions(num_items=self.count))
            return USERS.encode(page.page), page.continue_cursor, page.is_done
        if self.ending == "take":
            return USERS.encode(await query.take(self.count))
        if self.ending == "collect":
            return USERS.encode(await query.collect())
        if self.ending == "leave":
            found: list[User] = []
            async for user in query:
                found.append(user)
                if user.age == self.low:
                    break
            return USERS.encode(found)
        only = await (query.first() if self.ending == "first" else query.unique())
        return None if only is None else USERS.encode([only])


class Watch:
    """A subscribed query; a page of it keeps its end from run to run."""

    def __init__(self, world: Opened, asked: Asked) -> None:
        self._world = world
        self._asked = asked
        self._journal: str | None = None
        self._result: object = None
        self.is_told = True

    async def catch_up(self) -> None:
        """Run again, and be told of what is written from then on."""
        self.is_told = False
        transaction = self._world.database.begin(is_read_only=True)
        paging = self._world.paging(self._journal)
        self._result = await self._asked.run(
            DatabaseReader(transaction, self._world.tables, paging)
        )
        self._journal = paging.journal
        self._world.database.subscribe(transaction.reads, transaction.begin_ts, self._told)

    async def check(self) -> None:
        """What was found is what is there, unless it was told that it is not."""
        if not self.is_told:
            assert await self._asked.run(self._world.db_with(self._journal)) == self._result

    def _told(self, ts: int) -> None:
        self.is_told = True


ages = st.integers(0, 6)
endings = st.sampled_from(
    ["collect", "take", "first", "unique", "paginate", "paginate", "count", "leave"]
)
queries = st.builds(
    Asked,
    st.sampled_from(["all", "by_age", "by_age", "by_name"]),
    ages,
    st.integers(0, 4),
    st.sampled_from(["asc", "desc"]),
    st.integers(0, len(FILTERS) - 1),
    endings,
    st.integers(1, 3),
)
writes = st.lists(
    st.tuples(st.sampled_from(["insert", "insert", "delete", "move", "rename"]), ages, ages),
    min_size=1,
    max_size=3,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(ages, max_size=8),
    st.lists(queries, min_size=1, max_size=6),
    st.lists(st.tuples(writes, st.booleans()), min_size=1, max_size=10),
)
def test_who_was_not_told_would_find_the_same_again(
    existing: list[int],
    queries: list[Asked],
    commits: list[tuple[list[tuple[str, int, int]], bool]],
) -> None:
    async def history() -> None:
        async with opened() as world:
            ids: list[Id[User]] = []
            await write(world, ids, [("insert", age, age) for age in existing])
            watches = [Watch(world, asked) for asked in queries]
            for changes, catches_up in commits:
                for watch in watches:
                    if watch.is_told and catches_up:
                        await watch.catch_up()
                await write(world, ids, changes)
                for watch in watches:
                    await watch.check()

    anyio.run(history)


async def write(world: Opened, ids: list[Id[User]], changes: list[tuple[str, int, int]]) -> None:
    async with world.writing() as db:
        users = db.table(User)
        for kind, which, age in changes:
            if kind == "insert" or not ids:
                ids.append(await users.insert(name=str(which), age=age))
            elif kind == "delete":
                await users.delete(ids.pop(which % len(ids)))
            elif kind == "move":
                await users.change(ids[which % len(ids)], {"age": age})
            else:
                await users.change(ids[which % len(ids)], {"name": str(age)})
