"""Pages: what they hold, where they end, and that they stay adjoined while rows come and go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core import PaginationOptions, PaginationResult
from confect_server import Expr, field_of
from confect_server.db import Cursors, DatabaseReader, Query
from confect_server.db.page import MAX_PAGE_ITEMS, RECOMMENDED_PAGE_ITEMS
from confect_server.errors import BadPageSize, InvalidCursor, SecondPage
from tests.server.db.opened import Opened, User, opened

Order: TypeAlias = Literal["asc", "desc"]
Step: TypeAlias = tuple[str, int]
Filter: TypeAlias = Callable[[User], bool] | Expr[bool] | None

IS_ODD = field_of(User, lambda user: user.age) % 2 == 1


async def people(world: Opened, *ages: int) -> None:
    async with world.writing() as db:
        for age in ages:
            await db.table(User).insert(name="Ada", age=age)


async def page(
    world: Opened, count: int = 2, cursor: str | None = None, **options: str | int | None
) -> PaginationResult[User]:
    asked = PaginationOptions.model_validate({"num_items": count, "cursor": cursor, **options})
    return await world.db.table(User).by("by_age").paginate(asked)


def ages(found: PaginationResult[User]) -> list[int]:
    return [user.age for user in found.page]


def is_odd(user: User) -> bool:
    return user.age % 2 == 1


async def test_pages_follow_each_other_until_the_last_is_done() -> None:
    async with opened() as world:
        await people(world, 4, 3, 2, 1)
        first = await page(world)
        assert (ages(first), first.is_done) == ([1, 2], False)
        second = await page(world, 2, first.continue_cursor)
        assert (ages(second), second.is_done) == ([3, 4], False)  # nobody has looked further
        third = await page(world, 2, second.continue_cursor)
        assert (ages(third), third.is_done) == ([], True)
        again = await page(world, 2, third.continue_cursor)
        assert (ages(again), again.is_done) == ([], True)


async def test_a_cursor_is_the_same_each_time_and_shows_nothing_of_the_key() -> None:
    async with opened() as world:
        await people(world, 1, 2, 3)
        one, other = await page(world), await page(world)
        assert one.continue_cursor == other.continue_cursor
        again = Cursors(world.database.incarnation)
        assert again.seal(b"key", b"query") == Cursors(world.database.incarnation).seal(
            b"key", b"query"
        )
        assert again.seal(b"key", b"query") != Cursors("another").seal(b"key", b"query")


@given(st.none() | st.binary(), st.binary(), st.binary())
def test_a_cursor_opens_for_its_query_only(place: bytes | None, query: bytes, other: bytes) -> None:
    cursors = Cursors("life")
    cursor = cursors.seal(place, query)
    assert cursors.open(cursor, query) == place
    if query != other:
        with pytest.raises(InvalidCursor):
            cursors.open(cursor, other)


@given(st.binary(), st.data())
def test_a_cursor_that_was_changed_is_refused(place: bytes, data: st.DataObject) -> None:
    cursors = Cursors("life")
    cursor = cursors.seal(place, b"query")
    at = data.draw(st.integers(0, len(cursor) - 2))  # the last character has bits to spare
    changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
    with pytest.raises(InvalidCursor):
        cursors.open(changed, b"query")


@pytest.mark.parametrize("cursor", ["", "A", "é", "not a cursor", "AAAA" * 10])
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursors("life").open(cursor, b"query")


async def test_a_cursor_of_another_query_is_refused() -> None:
    async with opened() as world:
        await people(world, 1, 2, 3)
        cursor = (await page(world)).continue_cursor
        options = PaginationOptions(num_items=2, cursor=cursor)
        users = world.db.table(User)
        others: list[Query[User]] = [
            users.query(),
            users.by("by_age").order("desc"),
            users.by("by_age", age=1),
            users.by("by_age").filter(is_odd),
        ]
        for query in others:
            with pytest.raises(InvalidCursor):
                await _in_a_new_run(query, world).paginate(options)


def _in_a_new_run(query: Query[User], world: Opened) -> Query[User]:
    return replace(query, _paging=world.paging())


async def test_a_function_reads_one_page_each_time_it_runs() -> None:
    async with opened() as world:
        db = world.db
        await db.table(User).query().paginate(PaginationOptions(num_items=1))
        with pytest.raises(SecondPage):
            await db.table(User).query().paginate(PaginationOptions(num_items=1))


async def test_the_size_of_a_page_has_bounds() -> None:
    async with opened() as world:
        for count in (0, MAX_PAGE_ITEMS + 1):
            with pytest.raises(BadPageSize):
                await page(world, count)
        assert (await page(world, MAX_PAGE_ITEMS)).is_done


async def test_rows_count_towards_the_limit_before_filters_and_a_cut_page_has_to_be_split() -> None:
    async with opened() as world:
        await people(world, *range(0, 20, 2), 21)
        query = world.db.table(User).by("by_age").filter(is_odd)
        found = await query.paginate(PaginationOptions(num_items=1, maximum_rows_read=4))
        assert (found.page, found.is_done, found.page_status) == ([], False, "SplitRequired")
        rest = world.db.table(User).by("by_age").filter(is_odd)
        asked = PaginationOptions(num_items=1, cursor=found.continue_cursor)
        assert ages(await rest.paginate(asked)) == [21]


async def test_a_page_near_a_limit_should_be_split() -> None:
    async with opened() as world:
        await people(world, 1, 2, 3, 4)
        at, above = [await page(world, count, maximum_rows_read=4) for count in (3, 4)]
        assert (at.page_status, above.page_status) == (None, "SplitRecommended")
        cut = await page(world, 4, maximum_bytes_read=1)
        assert (ages(cut), cut.page_status) == ([1], "SplitRequired")


async def test_a_page_of_very_many_items_should_be_split() -> None:
    async with opened() as world:
        await people(world, *range(RECOMMENDED_PAGE_ITEMS + 1))
        assert (await page(world, RECOMMENDED_PAGE_ITEMS)).page_status is None
        assert (await page(world, MAX_PAGE_ITEMS)).page_status == "SplitRecommended"


async def test_a_page_with_an_end_ignores_size_and_limits() -> None:
    async with opened() as world:
        await people(world, 1, 2, 3, 4)
        end = (await page(world, 3)).continue_cursor
        found = await page(world, 1, end_cursor=end, maximum_rows_read=1)
        assert (ages(found), found.continue_cursor, found.is_done) == ([1, 2, 3], end, False)


async def test_a_page_is_split_at_its_middle_row() -> None:
    async with opened() as world:
        await people(world, 1, 2, 3, 4)
        assert (await page(world, 2)).split_cursor is None
        whole = await page(world, 4)
        halves = [
            await page(world, 1, end_cursor=whole.split_cursor),
            await page(world, 1, whole.split_cursor, end_cursor=whole.continue_cursor),
        ]
        assert [ages(half) for half in halves] == [[1, 2], [3, 4]]


async def test_a_journal_of_another_query_is_not_used() -> None:
    async with opened() as world:
        await people(world, 1, 2, 3)
        paging = world.paging()
        db = DatabaseReader(world.database.begin(is_read_only=True), world.tables, paging)
        await db.table(User).query().paginate(PaginationOptions(num_items=1))
        by_age = world.db_with(paging.journal).table(User).by("by_age")
        assert ages(await by_age.paginate(PaginationOptions(num_items=2))) == [1, 2]


async def test_a_page_depends_on_what_lies_up_to_its_end_only() -> None:
    async with opened() as world:
        await people(world, 1, 2, 4)
        transaction = world.database.begin(is_read_only=True)
        db = DatabaseReader(transaction, world.tables, world.paging())
        await db.table(User).by("by_age").paginate(PaginationOptions(num_items=2))
        told: list[int] = []
        assert world.database.subscribe(transaction.reads, transaction.begin_ts, told.append)
        await people(world, 3)
        assert told == []
        await people(world, 0)
        assert len(told) == 1


@dataclass
class Page:
    """One page as the official hook subscribes to it."""

    asked: PaginationOptions
    journal: str | None = None
    result: PaginationResult[User] | None = None


class Pages:
    """All pages of one list, run anew after every change, as a subscribed client sees them."""

    def __init__(self, world: Opened, order: Order, condition: Filter) -> None:
        self._world = world
        self._order: Order = order
        self._filter = condition
        self.pages = [Page(PaginationOptions(num_items=2))]

    def _query(self, db: DatabaseReader) -> Query[User]:
        query = db.table(User).by("by_age").order(self._order)
        return query if self._filter is None else query.filter(self._filter)

    async def run(self) -> None:
        for each in self.pages:
            paging = self._world.paging(each.journal)
            transaction = self._world.database.begin(is_read_only=True)
            db = DatabaseReader(transaction, self._world.tables, paging)
            each.result = await self._query(db).paginate(each.asked)
            each.journal = paging.journal

    def load_more(self, count: int) -> None:
        last = self.pages[-1].result
        assert last is not None
        if not last.is_done:
            asked = PaginationOptions(num_items=count, cursor=last.continue_cursor)
            self.pages.append(Page(asked))

    def split(self, at: int) -> None:
        at %= len(self.pages)
        result, cursor = self.pages[at].result, self.pages[at].asked.cursor
        assert result is not None
        if result.split_cursor is not None:
            middle, end = result.split_cursor, result.continue_cursor
            self.pages[at : at + 1] = [
                Page(PaginationOptions(num_items=2, cursor=cursor, end_cursor=middle)),
                Page(PaginationOptions(num_items=2, cursor=middle, end_cursor=end)),
            ]

    async def check(self) -> None:
        shown = [user.id for each in self.pages if each.result for user in each.result.page]
        there = [user.id for user in await self._query(self._world.db).collect()]
        assert shown == there[: len(shown)], "a gap, a duplicate, or out of order"
        last = self.pages[-1].result
        assert last is not None
        if last.is_done:
            assert shown == there


numbers = st.integers(0, 9)
kinds = st.sampled_from(["insert", "delete", "move", "more", "split"])
filters: st.SearchStrategy[Filter] = st.sampled_from([None, is_odd, IS_ODD])
steps: st.SearchStrategy[list[Step]] = st.lists(st.tuples(kinds, numbers), max_size=40)


@settings(max_examples=150, deadline=None)
@given(st.lists(numbers, max_size=12), steps, st.sampled_from(["asc", "desc"]), filters)
def test_pages_have_no_gap_and_no_duplicate_while_rows_come_and_go(
    existing: list[int], steps: list[Step], order: Order, condition: Filter
) -> None:
    async def history() -> None:
        async with opened() as world:
            await people(world, *existing)
            pages = Pages(world, order, condition)
            await pages.run()
            for step, number in steps:
                await take(world, pages, step, number)
                await pages.run()
                await pages.check()

    anyio.run(history)


async def take(world: Opened, pages: Pages, step: str, number: int) -> None:
    if step == "insert":
        await people(world, number)
    elif step == "delete":
        async with world.writing() as db:
            found = await db.table(User).by("by_age").collect()
            if found:
                await db.delete(found[number % len(found)].id)
    elif step == "move":
        async with world.writing() as db:
            found = await db.table(User).by("by_age").collect()
            if found:
                moved = found[number % len(found)]
                await db.table(User).change(moved.id, {"age": (moved.age + number) % 10})
    elif step == "more":
        pages.load_more(1 + number % 3)
    else:
        pages.split(number)
