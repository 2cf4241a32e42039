"""Proofs that documents still fit, against what the codecs of the models say of many documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, Literal, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
)

from confect_core import Id, Int64, Table
from confect_core.values import BigInt, Value
from confect_core.values.codec import Codec, Mismatch
from confect_core.values.ids import encode_id
from confect_server.db.description import describe
from confect_server.db.widening import is_wider
from tests.server.db.test_description import (
    DIFFERENT,
    SAME,
    Address,
    Cat,
    Dog,
    Person,
    Room,
    Strict,
    of,
    stripped,
    table_with,
)


class Farther(BaseModel):
    city: str
    street: str | None = None
    country: str = "there"


class Nearer(BaseModel):
    city: str


class LongCity(BaseModel):
    model_config = ConfigDict(str_max_length=10)
    city: Annotated[str, Field(max_length=30)]
    street: str | None = None


class Bird(BaseModel):
    kind: Literal["bird"] = "bird"


class OldTree(BaseModel):
    value: str
    children: list[OldTree]


class NewTree(BaseModel):
    value: str | float
    note: str = ""
    children: list[NewTree]


def refuse_dates(node: Any) -> Any:
    assert node is None or isinstance(node.value, str)
    return node


class TextNode(BaseModel):
    value: str
    child: Annotated[TextNode | None, AfterValidator(refuse_dates)] = None


class DateNode(BaseModel):
    value: date | str
    child: Annotated[DateNode | None, AfterValidator(refuse_dates)] = None


def refuse_short(text: object) -> object:
    assert isinstance(text, str)
    assert len(text) > 2
    return text


WIDER: list[tuple[Any, Any]] = [
    (str, Any),
    (str, str | None),
    (str | None, str | float | None),
    (Literal["a"], Literal["a", "b"]),
    (Literal["a", "b"], str),
    (Literal["a", 1], str | float),
    (Literal[True], bool),
    (int, float),
    (Id[Room], str),
    (list[str], list[str | None]),
    (set[str], set[str | float]),
    (tuple[str, str], tuple[str, str | None]),
    (dict[str, str], dict[str, Any]),
    (Nearer, Address),
    (Address, Farther),
    (list[Nearer], list[Farther | None]),
    (Annotated[Cat | Dog, Field(discriminator="kind")], Cat | Dog | str),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        Annotated[Cat | Dog | Bird, Field(discriminator="kind")],
    ),
    (Cat | Dog, Cat | Dog | Bird),
    (OldTree, NewTree),
    (Annotated[str, Field(max_length=3)], Annotated[str, Field(max_length=4)]),
    (Annotated[str, Field(max_length=3, min_length=1)], Annotated[str, Field(max_length=4)]),
    (Annotated[int, Field(ge=3)], Annotated[int, Field(ge=2)]),
    (Annotated[Int64, Field(ge=3)], Int64),
    (Annotated[str, AfterValidator(refuse_short)], str),
    (Annotated[str, AfterValidator(refuse_short)], str | None),
]

NOT_WIDER: list[tuple[Any, Any]] = [
    (str, Annotated[str, AfterValidator(refuse_short)]),
    (Annotated[str, BeforeValidator(stripped)], str),
    (Id[Room], Id[Person]),
    (Address, Nearer),
    (Farther, Address),
    (TextNode, DateNode),  # the check of a child sees what is widened further up
    (LongCity, Strict),  # without a bound of its own the field has that of the model
    (Cat | Dog, Annotated[Cat | Dog, Field(discriminator="kind")]),
    (NewTree, OldTree),
    (
        Annotated[str, AfterValidator(refuse_short)],
        Annotated[str | float, AfterValidator(refuse_short)],
    ),
    (
        Annotated[str, StringConstraints(strip_whitespace=True, max_length=3)],
        Annotated[str, Field(max_length=3)],
    ),
]

ID = encode_id(10_001, bytes(16))

LEAVES: list[Value] = [
    None,
    True,
    False,
    0.0,
    1.0,
    2.5,
    3.0,
    4.0,
    -1.0,
    float("inf"),
    float("nan"),
    BigInt(1),
    BigInt(5),
    "",
    "a",
    "aa",
    "aaaa",
    "red",
    "1",
    "  b ",
    "2020-01-01",
    "12:00:00",
    "0.5",
    "1234.5",
    "00000000-0000-0000-0000-000000000000",
    "https://a.example/",
    ID,
    b"",
    b"1",
]

VALUES: list[Value] = [
    *LEAVES,
    [],
    *([each] for each in LEAVES),
    ["a", "b"],
    ["a", 1.0],
    ["a", None],
    [["a"]],
    ["a", "b", "c", "d"],
    {},
    *({"k": each} for each in LEAVES),
    {"long key": "a"},
    {"city": "x"},
    {"city": ""},
    {"city": "a much longer city"},
    {"city": "x", "street": "y"},
    {"city": "x", "street": None},
    {"city": "x", "country": "y"},
    {"city": 1.0},
    {"x": 1.0},
    {"x": 0.0, "y": 2.0},
    {"width": 1.0},
    {"width": 1.0, "height": 2.0},
    {"title": "t"},
    {"_id": ID, "_creationTime": 1.0, "title": "t"},
    {"kind": "cat"},
    {"kind": "dog"},
    {"kind": "bird"},
    {"value": "a"},
    {"value": "a", "children": []},
    {"value": "a", "children": [{"value": "b", "children": []}]},
    {"value": 1.0, "children": [{"value": "b", "children": []}]},
    {"value": "a", "child": {"value": "2020-01-01"}},
    {"value": "a", "odd": {"value": "b", "even": None}},
    {"value": "a", "even": {"value": "b"}},
]


@cache
def accepted(annotation: Any) -> frozenset[int]:
    """Which of the values a field of this type takes."""
    codec = Codec[Any](table_with(annotation), what="holders")
    return frozenset(
        position for position, value in enumerate(VALUES) if takes(codec, {"held": value})
    )


def takes(codec: Codec[Any], fields: dict[str, Value]) -> bool:
    try:
        codec.decode({"_id": ID, "_creationTime": 1.0, "also": "", **fields})
    except Mismatch:
        return False
    return True


@pytest.mark.parametrize(("old", "new"), WIDER)
def test_what_lets_more_through_is_wider(old: Any, new: Any) -> None:
    assert is_wider(of(old), of(new))
    assert accepted(old) <= accepted(new)


@pytest.mark.parametrize(("old", "new"), [*NOT_WIDER, *((new, old) for old, new in WIDER)])
def test_what_may_refuse_something_is_not(old: Any, new: Any) -> None:
    assert not is_wider(of(old), of(new))


def test_whatever_is_wider_takes_all_that_was_taken() -> None:
    every = [*DIFFERENT, *(each for pair in [*WIDER, *NOT_WIDER, *SAME] for each in pair)]
    described = [(of(each), accepted(each), each) for each in every]

    proofs = 0
    for old, taken, before in described:
        for new, taken_now, after in described:
            if is_wider(old, new):
                proofs += old != new
                missing = [VALUES[each] for each in taken - taken_now]
                assert not missing, f"{after} is not wider than {before}: {missing}"
    assert proofs > len(WIDER)


@dataclass(frozen=True)
class Widened:
    """A type, one that takes more, and values of the first."""

    old: Any
    new: Any
    values: st.SearchStrategy[Value]


def either(*types: Any) -> Any:
    return Union[types]  # noqa: UP007  # `|` cannot join what is only known at run time


def made_of(container: type, *held: Any) -> Any:
    """A container of types that are only known at run time."""
    return GenericAlias(container, held)


TEXTS = st.text(max_size=3)
BASES = [
    Widened(str, str, TEXTS),
    Widened(str, Any, TEXTS),
    Widened(str, either(float, str, None), TEXTS),
    Widened(Literal["a"], Literal["a", "b"], st.just("a")),
    Widened(Literal["a", "b"], str, st.sampled_from(["a", "b"])),
    Widened(bool, either(bool, None), st.booleans()),
    Widened(float, float, st.floats()),
    Widened(int, float, st.integers(-9, 9).map(float)),
    Widened(Annotated[str, Field(max_length=3)], Annotated[str, Field(max_length=4)], TEXTS),
    Widened(Annotated[float, Field(ge=0)], Annotated[float, Field(ge=-1)], st.floats(min_value=0)),
    Widened(Annotated[str, AfterValidator(refuse_short)], str, st.just("long")),
    Widened(None, Any, st.none()),
]


def listed(of_one: Widened) -> Widened:
    values = st.lists(of_one.values, max_size=2)
    return Widened(made_of(list, of_one.old), made_of(list, of_one.new), values)


def named(of_one: Widened) -> Widened:
    values = st.dictionaries(st.sampled_from(["k", "l"]), of_one.values)
    return Widened(made_of(dict, str, of_one.old), made_of(dict, str, of_one.new), values)


def joined(one: Widened, other: Widened) -> Widened:
    values = one.values | other.values
    return Widened(either(one.old, other.old), either(other.new, None, one.new), values)


def modelled(required: Widened, optional: Widened) -> Widened:
    old: dict[str, Any] = {"a": (required.old, ...), "b": (optional.old, None)}
    new: dict[str, Any] = {
        "c": (str, ""),
        "b": (optional.new, None),
        "a": (either(required.new, bytes), None),
    }
    values = st.fixed_dictionaries({"a": required.values}, optional={"b": optional.values})
    return Widened(create_model("Old", **old), create_model("New", **new), values)


WIDENED = st.recursive(
    st.sampled_from(BASES),
    lambda inner: (
        inner.map(listed)
        | inner.map(named)
        | st.builds(joined, inner, inner)
        | st.builds(modelled, inner, inner)
    ),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(WIDENED, st.data())
def test_a_type_that_is_widened_anywhere_is_wider_and_takes_the_same_values(
    widened: Widened, data: st.DataObject
) -> None:
    assert is_wider(of(widened.old), of(widened.new))
    value = data.draw(widened.values)
    assert takes(Codec[Any](table_with(widened.old), what="old"), {"held": value})
    assert takes(Codec[Any](table_with(widened.new), what="new"), {"held": value})


def test_the_values_tell_most_of_the_types_apart() -> None:
    """Otherwise the test above would show little."""
    assert len({accepted(each) for each in DIFFERENT}) > len(DIFFERENT) // 2


def test_a_field_that_may_be_left_out_from_now_on_is_wider() -> None:
    assert is_wider(of(str), of(str, "a"))
    assert not is_wider(of(str, "a"), of(str))


def test_an_added_field_is_wider_if_it_may_be_left_out() -> None:
    class Before(Table, name="notes"):
        text: str

    class WithOptional(Table, name="notes"):
        text: str
        likes: int = 0

    class WithRequired(Table, name="notes"):
        text: str
        likes: int

    class WithChecked(Table, name="notes"):
        text: str
        likes: int = Field(default=-1, ge=0, validate_default=True)

    assert is_wider(describe(Before), describe(WithOptional))
    assert not is_wider(describe(Before), describe(WithRequired))
    assert not is_wider(describe(Before), describe(WithChecked))
    assert not is_wider(describe(WithOptional), describe(Before))
