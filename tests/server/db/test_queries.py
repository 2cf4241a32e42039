"""Queries over indexes: which documents, in which order, how many, and what that depends on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_core import ABSENT
from confect_core.values import UNDEFINED, Interval, Value, key_of
from confect_core.values.codec import Mismatch
from confect_server.db import DatabaseReader, Query, Range
from confect_server.db.range import UNBOUNDED, interval_of
from confect_server.errors import BadRange, NotUnique, UnknownIndex
from tests.server.db.opened import Address, Color, Opened, User, opened


async def people(world: Opened, **fields: list[Any]) -> None:
    """Users that differ in some fields, the first ones of each field together."""
    async with world.writing() as db:
        users: Any = db.table(User)
        for values in zip(*fields.values(), strict=True):
            await users.insert(
                **{"name": "Ada", "age": 1, **dict(zip(fields, values, strict=True))}
            )


async def names(query: Query[User]) -> list[str]:
    return [user.name for user in await query.collect()]


async def test_a_query_is_in_order_of_its_index() -> None:
    async with opened() as world:
        await people(world, name=["c", "a", "b", "a"], age=[1, 3, 2, 2])
        users = world.db.table(User)
        assert await names(users.query()) == ["c", "a", "b", "a"]
        assert await names(users.query().order("desc")) == ["a", "b", "a", "c"]
        assert await names(users.by("by_name")) == ["a", "a", "b", "c"]
        assert await names(users.by("by_name").order("desc")) == ["c", "b", "a", "a"]
        ages = [user.age for user in await users.by("by_name_and_age").collect()]
        assert ages == [2, 3, 2, 1]


async def test_ties_are_in_order_of_creation() -> None:
    async with opened() as world:
        await people(world, age=[1, 2, 3])
        found = await world.db.table(User).by("by_name", name="Ada").collect()
        assert [user.age for user in found] == [1, 2, 3]


async def test_results_are_taken_in_several_ways() -> None:
    async with opened() as world:
        await people(world, name=["a", "b", "c"])
        users = world.db.table(User)
        assert [user.name for user in await users.query().take(2)] == ["a", "b"]
        assert [user.name for user in await users.query().order("desc").take(2)] == ["c", "b"]
        assert await users.query().take(0) == []
        assert await users.query().take(-1) == []
        assert len(await users.query().take(10)) == 3
        first = await users.query().first()
        assert first is not None
        assert first.name == "a"
        assert await users.by("by_name", name="z").first() is None
        assert [user.name async for user in users.query()] == ["a", "b", "c"]


async def test_unique_is_one_or_none_and_never_several() -> None:
    async with opened() as world:
        await people(world, name=["a", "b", "b"])
        users = world.db.table(User)
        only = await users.by("by_name", name="a").unique()
        assert only is not None
        assert only.name == "a"
        assert await users.by("by_name", name="z").unique() is None
        with pytest.raises(NotUnique, match="more than one document of 'users' by by_name"):
            await users.by("by_name", name="b").unique()


RANGES: list[tuple[dict[str, object], list[int]]] = [
    ({}, [1, 2, 3, 4]),
    ({"age": 2}, [2]),
    ({"age": Range()}, [1, 2, 3, 4]),
    ({"age": Range(gt=2)}, [3, 4]),
    ({"age": Range(gte=2)}, [2, 3, 4]),
    ({"age": Range(lt=3)}, [1, 2]),
    ({"age": Range(lte=3)}, [1, 2, 3]),
    ({"age": Range(gt=1, lt=4)}, [2, 3]),
    ({"age": Range(gte=2, lte=2)}, [2]),
    ({"age": Range(gt=3, lt=2)}, []),
    ({"age": Range(gt=2, lt=2)}, []),
    ({"age": 5}, []),
]


@pytest.mark.parametrize(("bounds", "found"), RANGES)
async def test_a_range_bounds_one_field(bounds: dict[str, object], found: list[int]) -> None:
    async with opened() as world:
        await people(world, age=[3, 1, 4, 2])
        users = await world.db.table(User).by("by_age", **bounds).collect()
        assert [user.age for user in users] == found


async def test_leading_fields_are_equal_and_the_next_one_is_bounded() -> None:
    async with opened() as world:
        await people(world, name=["a", "a", "a", "b"], age=[1, 2, 3, 2])
        users = world.db.table(User)

        async def ages(**bounds: object) -> list[int]:
            found = await users.by("by_name_and_age", **bounds).collect()
            return [user.age for user in found]

        assert await ages(name="a") == [1, 2, 3]
        assert await ages(name="a", age=2) == [2]
        assert await ages(name="a", age=Range(gte=2)) == [2, 3]
        assert await ages(age=Range(gte=2), name="a") == [2, 3]
        assert await ages(name=Range(gt="a")) == [2]


async def test_the_creation_time_is_the_last_field_of_every_index() -> None:
    async with opened() as world:
        await people(world, age=[1, 2, 3])
        users = world.db.table(User)
        second = (await users.query().collect())[1].creation_time
        after = users.by("by_name", name="Ada", creation_time=Range(gt=second))
        assert [user.age for user in await after.collect()] == [3]
        until = users.by("by_creation_time", creation_time=Range(lte=second)).order("desc")
        assert [user.age for user in await until.collect()] == [2, 1]
        exactly = users.by("by_age", age=2, creation_time=second)
        assert [user.age for user in await exactly.collect()] == [2]


async def test_none_finds_the_documents_that_lack_an_optional_field() -> None:
    async with opened() as world:
        await people(world, name=["a", "b", "c"], nickname=["z", None, "y"])
        users = world.db.table(User)
        assert await names(users.by("by_nickname", nickname=None)) == ["b"]
        assert await names(users.by("by_nickname")) == ["b", "c", "a"]
        assert await names(users.by("by_nickname", nickname=Range(gt=None))) == ["c", "a"]
        assert await names(users.by("by_nickname", nickname=Range(lte=None))) == ["b"]
        assert await names(users.by("by_nickname", nickname=Range(gte=None, lt="z"))) == ["b", "c"]


async def test_absent_and_null_are_different_keys() -> None:
    async with opened() as world:
        await people(world, name=["a", "b", "c"], score=[1.5, None, ABSENT])
        users = world.db.table(User)
        assert await names(users.by("by_score")) == ["c", "b", "a"]
        assert await names(users.by("by_score", score=ABSENT)) == ["c"]
        assert await names(users.by("by_score", score=None)) == ["b"]
        assert await names(users.by("by_score", score=Range(gt=ABSENT))) == ["b", "a"]
        assert await names(users.by("by_score", score=Range(gt=None))) == ["a"]


async def test_a_dotted_field_is_bounded_by_a_keyword_with_underscores() -> None:
    async with opened() as world:
        homes = [Address(city="Rome", zip=2), None, Address(city="Oslo"), Address(city="Rome")]
        await people(world, name=["a", "b", "c", "d"], home=homes)
        users = world.db.table(User)
        assert await names(users.by("by_city", home__city="Rome")) == ["d", "a"]
        assert await names(users.by("by_city", home__city="Rome", home__zip=2)) == ["a"]
        assert await names(users.by("by_city", home__city="Rome", home__zip=None)) == ["d"]
        assert await names(users.by("by_city", home__city=ABSENT)) == ["b"]
        assert await names(users.by("by_city")) == ["b", "c", "d", "a"]


async def test_bounds_are_of_the_types_of_the_fields() -> None:
    async with opened() as world:
        early, late = (datetime(year, 1, 1, tzinfo=UTC) for year in (2001, 2002))
        await people(
            world,
            name=["a", "b"],
            color=[Color.RED, Color.BLUE],
            big=[2**60, 5],
            born=[early, late],
        )
        users = world.db.table(User)
        assert await names(users.by("by_color", color=Color.BLUE)) == ["b"]
        assert await names(users.by("by_big", big=Range(gt=5))) == ["a"]
        assert await names(users.by("by_born", born=Range(lt=late))) == ["a"]
        wrong: list[tuple[str, dict[str, object]]] = [
            ("by_color", {"color": "blue"}),
            ("by_age", {"age": "1"}),
            ("by_age", {"age": None}),
            ("by_age", {"age": Range(gt="1")}),
            ("by_born", {"born": 0.0}),
            ("by_born", {"born": Range(lt=datetime(2026, 1, 1))}),
            ("by_name", {"name": "a", "creation_time": "now"}),
        ]
        for index, bounds in wrong:
            with pytest.raises(Mismatch):
                users.by(index, **bounds)


NO_RANGES: list[tuple[str, dict[str, object], str]] = [
    ("by_name", {"age": 1}, "a bound on age"),
    ("by_name", {"nowhere": Range()}, "bounds on nowhere"),
    ("by_name_and_age", {"age": 1}, "bounds on age"),
    ("by_name", {"creation_time": 1.0}, "bounds on creation_time"),
    ("by_name_and_age", {"name": Range(gt="a"), "age": 1}, "a Range on name before another"),
    ("by_age", {"age": Range(gt=1, gte=1)}, "two bounds on one side of age"),
    ("by_age", {"age": Range(lt=1, lte=1)}, "two bounds on one side of age"),
]


@pytest.mark.parametrize(("index", "bounds", "problem"), NO_RANGES)
async def test_bounds_that_are_no_range_are_refused(
    index: str, bounds: dict[str, object], problem: str
) -> None:
    async with opened() as world:
        with pytest.raises(BadRange, match=problem):
            world.db.table(User).by(index, **bounds)


async def test_an_index_that_is_not_declared_is_refused_with_those_that_are() -> None:
    async with opened() as world:
        with pytest.raises(UnknownIndex, match="'users' has no index 'by_size'") as refused:
            world.db.table(User).by("by_size")
        assert "by_name" in refused.value.hint


async def test_own_writes_are_found_where_they_belong() -> None:
    async with opened() as world:
        await people(world, name=["a", "c", "e"])
        async with world.writing() as db:
            users = db.table(User)
            await users.insert(name="b", age=1)
            first = await users.by("by_name", name="a").unique()
            assert first is not None
            await users.change(first.id, {"name": "d"})
            last = await users.by("by_name", name="e").unique()
            assert last is not None
            await users.delete(last.id)
            assert await names(users.by("by_name")) == ["b", "c", "d"]
            assert await names(users.by("by_name").order("desc")) == ["d", "c", "b"]
        assert await names(world.db.table(User).by("by_name")) == ["b", "c", "d"]


async def test_a_query_may_write_what_it_walks_over() -> None:
    async with opened() as world:
        await people(world, name=["a", "b", "c"])
        async with world.writing() as db:
            async for user in db.table(User).query():
                await db.delete(user.id)
        assert await names(world.db.table(User).query()) == []


async def test_nothing_is_read_before_it_is_asked_for_and_no_more_than_that() -> None:
    async with opened() as world:
        await people(world, age=list(range(100)))
        transaction = world.database.begin(is_read_only=True)
        query = DatabaseReader(transaction, world.tables, world.paging()).table(User).by("by_age")
        index_no = world.tables.by_name["users"].indexes["by_age"].definition.number
        assert index_no not in transaction.reads.intervals
        async for user in query:
            if user.age == 3:
                break
        (read,) = transaction.reads.intervals[index_no]
        assert read.contains(key_of((3.0,)))
        assert not read.contains(key_of((4.0,)))


numbers = st.integers(-3, 3)
ends = st.one_of(st.just(UNBOUNDED), numbers.map(float))


@given(st.lists(numbers), ends, ends, st.booleans(), st.booleans())
def test_a_range_selects_what_comparing_would(
    ages: list[int], low: Any, high: Any, is_low_open: bool, is_high_open: bool
) -> None:
    lower = {"gt" if is_low_open else "gte": low}
    upper = {"lt" if is_high_open else "lte": high}
    bound: Range[Any] = Range(**lower, **upper)
    interval = interval_of("users", "by_age", ("age", "creation_time"), {"age": bound})

    def is_inside(age: int) -> bool:
        above = low is UNBOUNDED or (age > low if is_low_open else age >= low)
        below = high is UNBOUNDED or (age < high if is_high_open else age <= high)
        return above and below

    for age in ages:
        assert interval.contains(key_of((float(age), 5.0))) == is_inside(age)


@given(st.one_of(st.none(), numbers.map(float), st.text(), st.just(UNDEFINED)))
def test_an_equal_bound_selects_what_begins_with_it(value: Value | Any) -> None:
    interval = interval_of("users", "by_age", ("age", "creation_time"), {"age": value})
    assert interval == Interval.prefix(key_of((value,)))
    assert interval.contains(key_of((value, 5.0)))
