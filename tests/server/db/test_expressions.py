"""Filters that are expressions: what they find, how values compare, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, isnan, nan
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from confect_core import ABSENT, Absent, Int64, PaginationOptions, Table
from confect_core.values import UNDEFINED, BigInt, Undefined, Value, compare
from confect_core.values.codec import Mismatch
from confect_server import Expr, field_of, present
from confect_server.db.evaluation import Constant, Operation, evaluation_of
from confect_server.errors import ExpressionIsNoBool, InvalidCursor, NoField, NotNumbers
from tests.server.db.opened import Address, Color, Opened, User, opened

AGE = field_of(User, lambda user: user.age)
NAME = field_of(User, lambda user: user.name)


class Circle(BaseModel):
    kind: Literal["circle"] = "circle"
    radius: float


class Square(BaseModel):
    kind: Literal["square"] = "square"
    side: float


class Shape(Table, name="shapes"):
    form: Circle | Square
    tags: dict[str, int]
    is_on: bool = True
    extra: Any = None
    weight: Int64 | Absent = ABSENT


async def people(world: Opened) -> None:
    async with world.writing() as db:
        users = db.table(User)
        await users.insert(name="ada", age=1, home=Address(city="Oslo"), big=2**60)
        await users.insert(name="bob", age=2, nickname="b", color=Color.BLUE, big=2)
        await users.insert(name="cy", age=3, home=Address(city="Rome", zip=3), score=None)
        await users.insert(name="dee", age=4, born=datetime(2020, 1, 1, tzinfo=UTC), score=1.5)


CITY = field_of(User, lambda user: present(user.home).city)
NICKNAME = field_of(User, lambda user: user.nickname)
SCORE = field_of(User, lambda user: user.score)
BIG = field_of(User, lambda user: user.big)
BORN = field_of(User, lambda user: user.born)

CONDITIONS: list[tuple[Expr[bool], str]] = [
    (AGE == 2, "b"),
    (AGE != 2, "acd"),
    (AGE < 2, "a"),
    (AGE <= 2, "ab"),
    (AGE > 2, "cd"),
    (AGE >= 2, "bcd"),
    (2 < AGE, "cd"),  # noqa: SIM300  # the other way round
    ((AGE > 1) & (AGE < 4), "bc"),
    ((AGE == 1) | (AGE == 4), "ad"),
    (~(AGE == 1), "bcd"),
    (~((AGE == 1) | (NAME == "bob")), "cd"),
    (CITY == "Rome", "c"),
    (CITY >= "Oslo", "ac"),
    (NICKNAME == None, "acd"),  # noqa: E711
    (NICKNAME != None, "b"),  # noqa: E711
    (SCORE == ABSENT, "ab"),
    (SCORE == None, "c"),  # noqa: E711
    (SCORE >= None, "cd"),
    (BIG == 2**60, "a"),
    (BIG > 1, "ab"),
    (datetime(2010, 1, 1, tzinfo=UTC) < BORN, "d"),
    (field_of(User, lambda user: user.color) == Color.BLUE, "b"),
    (field_of(User, lambda user: present(user.home).zip) == 3, "c"),
    (field_of(User, lambda user: present(user.home).zip) == AGE, "c"),
    (field_of(User, lambda user: user.creation_time) > 0, "abcd"),
    (field_of(User, lambda user: user.home) == Address(city="Rome", zip=3), "c"),
    (AGE + 1 == 3, "b"),
    (1 + AGE == 3, "b"),
    (AGE - 1 == 0, "a"),
    (5 - AGE == 1, "d"),
    (AGE * AGE > 5, "cd"),
    (2 * AGE == 8, "d"),
    (AGE / 2 == 1.5, "c"),
    (12 / AGE == 3, "d"),
    (AGE % 2 == 1, "ac"),
    (7 % AGE == 1, "bc"),
    (-AGE < -2, "cd"),
    (BIG + BIG == 4, "b"),
    (BIG / 2 == 1, "b"),
    (-BIG == -2, "b"),
]


@pytest.mark.parametrize(("condition", "found"), CONDITIONS, ids=lambda each: str(each))
async def test_a_filter_finds_those_for_which_it_holds(condition: Expr[bool], found: str) -> None:
    async with opened() as world:
        await people(world)
        users = await world.db.table(User).query().filter(condition).collect()
        assert "".join(user.name[0] for user in users) == found


async def test_filters_of_both_kinds_go_together_and_count_results_only() -> None:
    async with opened() as world:
        await people(world)
        query = world.db.table(User).query().filter(AGE > 1).filter(lambda user: user.age != 2)
        assert [user.name for user in await query.take(1)] == ["cy"]
        only = await query.filter(NAME == "dee").unique()
        assert only is not None
        assert only.name == "dee"


async def test_an_expression_is_asked_before_a_function() -> None:
    async with opened() as world:
        await people(world)
        seen: list[int] = []

        def note(user: User) -> bool:
            seen.append(user.age)
            return True

        await world.db.table(User).query().filter(note).filter(AGE > 2).collect()
        assert seen == [3, 4]


async def test_a_cursor_knows_all_that_an_expression_says() -> None:
    async with opened() as world:
        await people(world)
        query = world.db.table(User).query()
        first = await query.filter(AGE > 1).paginate(PaginationOptions(num_items=1))
        options = PaginationOptions(num_items=1, cursor=first.continue_cursor)
        again = replace(query, _paging=world.paging())
        same = field_of(User, lambda other: other.age) > 1
        assert [user.age for user in (await again.filter(same).paginate(options)).page] == [3]
        for other in (AGE > 2, AGE >= 1, NAME > "1", (AGE > 1) & (AGE > 1)):
            with pytest.raises(InvalidCursor):
                await replace(query.filter(other), _paging=world.paging()).paginate(options)


def of(form: Expr[Any], document: dict[str, Value]) -> Value | Undefined:
    return form.evaluation(document)


def test_paths_lead_into_unions_records_and_values_of_any_type() -> None:
    kind = field_of(Shape, lambda shape: shape.form.kind)
    tag = field_of(Shape, lambda shape: shape.tags["x.y"])
    extra: Expr[Any] = field_of(Shape, lambda shape: shape.extra["a"]["b"])
    document: dict[str, Value] = {
        "form": {"kind": "square", "side": 2.0},
        "tags": {"x.y": 3.0},
        "extra": {"a": {"b": "c"}},
    }
    assert of(kind == "square", document) is True
    assert of(tag + 1 == 4, document) is True
    assert of(extra == "c", document) is True
    assert of(tag == 3, {"tags": {}}) is False
    assert of(tag, {"tags": "none"}) is UNDEFINED
    assert repr((tag > 1) & ~(kind == "circle")) == "((tags.x.y > 1.0) & ~(form.kind == 'circle'))"


def test_only_true_holds_and_what_is_not_there_is_not() -> None:
    is_on = field_of(Shape, lambda shape: shape.is_on)
    assert of(is_on & is_on, {"is_on": True}) is True
    for document in ({}, {"is_on": "yes"}, {"is_on": False}):
        assert of(is_on | is_on, dict(document)) is False
        assert of(~is_on, dict(document)) is True


def test_a_condition_decides_before_what_stands_behind_it() -> None:
    weight = field_of(Shape, lambda shape: present(shape.weight))
    heavy = (weight > 1) & (weight + 1 > 3)
    assert of(heavy, {}) is False
    assert of(heavy, {"weight": BigInt(3)}) is True
    with pytest.raises(NotNumbers, match=r"UNDEFINED \+ BigInt\(1\)"):
        of(weight + 1 > 3, {})


SOME: list[Value | Undefined] = [
    UNDEFINED, None, BigInt(-1), BigInt(1), -inf, -1.0, -0.0, 0.0, 1.0, inf, nan, -nan,
    False, True, "", "a", "b", b"", b"a", [], [1.0], [1.0, 2.0], {}, {"a": 1.0}, {"b": 1.0},
]  # fmt: skip


@pytest.mark.parametrize("symbol", ["==", "!=", "<", "<=", ">", ">="])
def test_values_compare_in_their_total_order(symbol: str) -> None:
    for a in SOME:
        for b in SOME:
            place = compare(a, b)
            expected = {
                "==": place == 0, "!=": place != 0, "<": place < 0,
                "<=": place <= 0, ">": place > 0, ">=": place >= 0,
            }  # fmt: skip
            node = Operation(symbol, (Constant(a), Constant(b)))
            assert evaluation_of(node)({}) is expected[symbol], (a, symbol, b)


def calculated(symbol: str, a: Value, b: Value) -> Any:
    return evaluation_of(Operation(symbol, (Constant(a), Constant(b))))({})


def test_division_is_javascripts() -> None:
    assert calculated("/", 1.0, 0.0) == inf
    assert calculated("/", 1.0, -0.0) == -inf
    assert calculated("/", -1.0, 0.0) == -inf
    assert isnan(calculated("/", 0.0, 0.0))
    assert isnan(calculated("/", nan, 0.0))
    assert calculated("%", -5.0, 3.0) == -2.0
    assert isnan(calculated("%", 5.0, 0.0))
    assert isnan(calculated("%", inf, 2.0))
    assert calculated("%", 5.0, inf) == 5.0


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1).filter(bool))
def test_int64_divides_towards_zero(a: int, b: int) -> None:
    if (a, b) == (-(2**63), -1):
        return
    quotient, remainder = (
        calculated("/", BigInt(a), BigInt(b)),
        calculated("%", BigInt(a), BigInt(b)),
    )
    assert quotient * b + remainder == a
    assert abs(remainder) < abs(b)
    assert remainder == 0 or (remainder < 0) == (a < 0)


@pytest.mark.parametrize(
    ("symbol", "a", "b"),
    [
        ("+", 1.0, BigInt(1)),
        ("+", "a", "b"),
        ("-", True, 1.0),
        ("+", BigInt(2**63 - 1), BigInt(1)),
        ("*", BigInt(2**62), BigInt(2)),
        ("/", BigInt(-(2**63)), BigInt(-1)),
        ("/", BigInt(1), BigInt(0)),
        ("%", BigInt(1), BigInt(0)),
    ],
)
def test_what_cannot_be_calculated_is_refused(symbol: str, a: Value, b: Value) -> None:
    with pytest.raises(NotNumbers):
        calculated(symbol, a, b)


def test_an_expression_is_never_true_or_false_by_itself() -> None:
    age: Any = AGE  # pyright tells all of these
    with pytest.raises(ExpressionIsNoBool, match=r"\(age > 3.0\) is neither") as refused:
        _ = age > 3 and age < 5
    assert "&, | and ~" in refused.value.hint
    for decide in (lambda: not age, lambda: 1 < age < 3, lambda: 1 if age else 2):
        with pytest.raises(ExpressionIsNoBool):
            decide()


def test_a_path_only_names_a_field() -> None:
    wrong: list[Callable[[Any], object]] = [
        lambda user: user,
        lambda user: user.nowhere,
        lambda user: user.name.upper(),
        lambda user: user.home.street,
        lambda user: user.age > 3,
        lambda user: user.name == "x",
        lambda user: user.age + 1,
        lambda user: user.home and user.home.city,
        lambda user: user.name["x"],
        lambda _: "name",
    ]
    for reach in wrong:
        with pytest.raises(NoField):
            field_of(User, reach)


def test_constants_are_of_the_types_of_the_fields() -> None:
    text: Any = "1"
    naive: Any = datetime(2026, 1, 1)
    truth: Any = True
    wrong: list[Callable[[], object]] = [
        lambda: text == AGE,
        lambda: text < AGE,
        lambda: naive < BORN,
        lambda: AGE + text,
        lambda: AGE + truth,
        lambda: 1.5 + BIG,
    ]
    for make in wrong:
        with pytest.raises(Mismatch):
            make()
